# Central is gone, wrong or garbled: reads go on, the story is told, it heals.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

health_is() { api GET /health && [ "$STATUS $(json .status)" = "$1" ]; }

# Before anything was ever synced.
start_central --products 300 --state "$DIR/central.state"
faults '{"faults":[{"path":"*","kind":"status","status":500,"count":-1}]}'
start_daemon
start_pool
start_web
api GET /v1/store/inventory
is 'never filled: list' "$STATUS $(json .error.code)" '503 cache_not_ready'
check 'never filled: Retry-After' test -n "$(header Retry-After)"
api GET /v1/store/inventory/PROD-001
is 'never filled: product' "$STATUS $(json .error.code)" '503 cache_not_ready'
check 'never filled: health' until_true 10 health_is '503 unhealthy'
is 'never filled: cache' "$(json .checks.cache)" empty
api GET /v1/store/sync/status
is 'never filled: status' "$STATUS $(json .lastSyncTime)" '200 null'
api GET /metrics
is 'never filled: metrics' "$STATUS" 200
faults '{"faults":[]}'
check 'filled as soon as Central is well' until_true 30 state_is live
filled_at=$(wc -l <"$DIR/pool.log")

# Each kind of trouble with the feed: reads never suffer.
trouble() { # NAME FAULT CLASS
  faults "{\"faults\":[{\"path\":\"events\",\"count\":-1,$2}]}"
  admin PUT set '{"products":[{"productId":"PROD-001","available":1}]}' >/dev/null
  failed_as() { api GET /v1/store/sync/status && [ "$(json '.lastError.class')" = "$1" ]; }
  check "$1: the status names the class" until_true 20 failed_as "$3"
  is "$1: and says that it failed" "$(json .lastSyncSuccess)" false
  api GET /v1/store/inventory/PROD-300
  is "$1: reads go on" "$STATUS" 200
  api GET /health
  is "$1: health" "$STATUS $(json .status)" '200 degraded'
  faults '{"faults":[]}'
  check "$1: it heals" until_true 30 state_is live
  is "$1: and forgets" "$(json .lastError)" null
}
trouble '500' '"kind":"status","status":500' http_5xx
trouble 'garbage' '"kind":"garbage"' bad_answer
trouble 'noise' '"kind":"noise"' bad_answer
trouble 'HTML' '"kind":"html"' bad_answer
trouble 'cut' '"kind":"cut"' connect
trouble 'reset' '"kind":"reset"' connect
trouble '401' '"kind":"status","status":401' auth
trouble '403' '"kind":"status","status":403' auth
trouble '429' '"kind":"status","status":429,"retryAfter":1' rate_limited
api GET /metrics
check 'failures are counted by class' grep -qE '^store_api_sync_failures_total\{class="bad_answer"\} [1-9]' <<<"$BODY"

# Central is stopped; then everything else is restarted without it.
stop "$CENTRAL_PID"
check 'Central stopped: degraded' until_true 15 health_is '200 degraded'
api GET '/v1/store/inventory?offset=299'
is 'reads go on' "$STATUS $(json '.products[0].productId')" '200 PROD-300'
stop "$POOL"
stop "$DAEMON"
start_daemon
start_pool
api GET /v1/store/inventory/PROD-300
is 'restart without Central: served at once' "$STATUS" 200
check 'degraded, not unhealthy' until_true 10 health_is '200 degraded'

# Five failures in a row: fallback mode.  One success ends it.
fallback() { api GET /v1/store/sync/status && [ "$(json .eventSync.fallbackMode)" = true ]; }
check 'fallback mode after five failures' until_true 60 fallback
is 'its state' "$(json .state)" fallback
is 'nothing is planned' "$(json .eventSync.nextPollTime)" null
address=${CENTRAL#http://}
start_central --port "${address#*:}" --state "$DIR/central.state"
check 'Central is back' until_true 70 state_is live
is 'no read has failed since' "$(tail -n "+$((filled_at + 1))" "$DIR/pool.log" | grep -c 'status=5')" 0
check 'ERROR in the log' grep -q 'level=ERROR.*msg="event sync' "$DIR/daemon.log"
