# SIGTERM: what was taken is brought to its end, everything else is cut.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export CENTRAL_WRITE_TIMEOUT_SECONDS=4
ms_since() { echo $(((${EPOCHREALTIME/./} - $1) / 1000)); }
sell() { # ID KEY FILE: status behind the body
  curl -sS --max-time 20 -H 'X-API-Key: k1' "$WEB/v1/store/inventory/updates" -w '\n%{http_code}' \
    -d "{\"productId\":\"$1\",\"delta\":-1,\"version\":1,\"idempotencyKey\":\"$2\"}" >"$3" 2>>"$DIR/curl.log"
}
updates_are() { [ "$(central_stat .requests.updates)" -ge "$1" ]; }
has_begun_to_stop() { [ "$(grep -c 'sync status: stopping' "$DIR/daemon.log")" -ge "$1" ]; } # so many times
full_sync_runs() {
  api GET /v1/store/sync/status
  [ "$(json .inProgress)" = true ]
}

start_store --products 2000
check 'products are there' product_has PROD-0001 .version 1

# A long poll is open, and a full sync hangs at Central: neither delays the end.
faults '{"faults":[{"path":"list","kind":"hang"}]}'
api POST '/v1/store/sync/force?wait=0' -d ''
is 'a full sync is ordered' "$STATUS" 202
check 'it runs' until_true 10 full_sync_runs
began=${EPOCHREALTIME/./}
stop "$DAEMON"
is 'the daemon ends with 0' "$?" 0
check "without a write within two seconds ($(ms_since "$began") ms)" [ "$(ms_since "$began")" -lt $((2000 * SLOWER)) ]

# A write that is under way is finished, and told; another one is not taken any more.
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":1500}]}'
start_daemon
check 'live again' until_true 20 state_is live
sell PROD-0001 a "$DIR/open" &
open=$!
check 'a write is at Central' until_true 10 updates_are 1
began=${EPOCHREALTIME/./}
kill "$DAEMON"
check 'the daemon is about to end' until_true 5 has_begun_to_stop 2
sell PROD-0002 b "$DIR/late"
is 'a new one is not taken' "$(tail -n 1 "$DIR/late") $(head -n 1 "$DIR/late" | jq -r '.error.code + " " + .error.details.outcome')" \
  '503 sync_daemon_unavailable not_sent'
wait "$open"
is 'the one under way is told' "$(tail -n 1 "$DIR/open") $(head -n 1 "$DIR/open" | jq -c '[.applied,.newVersion]')" '200 [true,2]'
until_ended "$DAEMON" 10
wait "$DAEMON"
is 'and the daemon ends with 0' "$?" 0
check "within the write's time and two seconds ($(ms_since "$began") ms)" [ "$(ms_since "$began")" -lt $((6000 * SLOWER)) ]
check 'its answer is in the store' product_has PROD-0001 .version 2
is 'Central has seen one write' "$(central_stat .requests.updates)" 1

# One that hangs at Central ends with its time, unknown.
faults '{"faults":[{"path":"updates","kind":"hang"}]}'
start_daemon
check 'live once more' until_true 20 state_is live
sell PROD-0003 c "$DIR/hung" &
open=$!
check 'a write hangs at Central' until_true 10 updates_are 2
began=${EPOCHREALTIME/./}
stop "$DAEMON"
is 'the daemon ends with 0 all the same' "$?" 0
check "in time ($(ms_since "$began") ms)" [ "$(ms_since "$began")" -lt $((6000 * SLOWER)) ]
wait "$open"
is 'the client is told that it is unknown' \
  "$(tail -n 1 "$DIR/hung") $(head -n 1 "$DIR/hung" | jq -r '.error.code + " " + .error.details.outcome')" \
  '504 central_timeout unknown'
