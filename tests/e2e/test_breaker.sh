# The breaker: open, a write is answered at once; one probe is let through.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export VERIFY_INTERVAL_MINUTES=0
update() { # KEY [curl options…]
  local key=$1
  shift
  api GET /v1/store/inventory/PROD-001
  api POST /v1/store/inventory/updates "$@" \
    -d "{\"productId\":\"PROD-001\",\"delta\":-1,\"version\":$(json .version),\"idempotencyKey\":\"$key\"}"
}
refused() { update "refused-$RANDOM" --max-time 1 && [ "$STATUS $(json .error.code)" = '503 central_unavailable' ]; }

start_central --products 10
start_daemon MAX_CONSECUTIVE_FAILURES=2
start_pool
start_web
until_true 30 state_is live || fail 'the store gets live'

faults '{"faults":[{"path":"*","kind":"status","status":500}]}'
check 'the breaker opens' until_true 30 state_is fallback
check 'open: 503' until_true 5 refused
is 'open: nothing was sent' "$(json .error.details.outcome)" not_sent
matches 'open: when the next probe is' "$(header Retry-After)" '[1-9][0-9]?'

# Two seconds of them: each is answered at once, and Central sees a probe now and then.
before=$(central_stat .requests.updates)
RESULT=$(/usr/bin/python3 "$root/tests/e2e/clients.py" "$WEB" k1 sales-while 2 PROD-001)
refusals=$(jq '.statuses["503"]' <<<"$RESULT")
check "many refusals ($refusals)" test "$refusals" -ge 20
check 'none of which waited for Central' \
  awk -v slowest="$(jq .slowest <<<"$RESULT")" 'BEGIN { exit !(slowest <= 1) }'
sent=$(($(central_stat .requests.updates) - before))
check "Central sees few of them ($sent)" test "$sent" -le 4

# Central is well again: the probe closes it.
faults '{"faults":[]}'
applied() { update "well-$RANDOM" && [ "$STATUS" = 200 ]; }
check 'a write goes through again' until_true 70 applied
check 'and the store is live' until_true 10 state_is live
