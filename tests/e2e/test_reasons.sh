# Each reason of a full sync: in the status, in the log, in the metrics.  Time
# runs 60 times as fast, in the build with test hooks.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=${HOOKS:-$root/build/hooks}
if [ ! -x "$BUILD/store-syncd" ]; then
  skip 'reasons of a full sync' 'make tests TEST_HOOKS=1 BUILD=build/hooks first'
  exit
fi
export STORE_API_TIME_SCALE=60 VERIFY_INTERVAL_MINUTES=0 MAX_CONSECUTIVE_FAILURES=3

order() { curl -sS -X POST -d "$2" "$CENTRAL/test/$1" >/dev/null; } # PATH JSON
change() { admin PUT set "{\"products\":[{\"productId\":\"PROD-007\",\"available\":$1}]}" >/dev/null; }
reason_is() {
  api GET /v1/store/sync/status
  [ "$(json '.lastFullSync.reason')" = "$1" ]
}
told() { # REASON: it ended well, and is told everywhere
  check "$1: in the status" until_true 30 reason_is "$1"
  check "$1: the log tells of its beginning" grep -q "msg=\"sync status: full sync begins\" reason=$1\$" "$DIR/daemon.log"
  check "$1: and of its end" grep -q "msg=\"sync status: full sync done\" reason=$1 " "$DIR/daemon.log"
  api GET /metrics
  check "$1: in the metrics" grep -q "^store_api_full_syncs_total{reason=\"$1\",result=\"ok\"} 1\$" <<<"$BODY"
  check "$1: then it is live" until_true 30 state_is live
}

start_store --products 300 --time-scale 60
told initial

kill -USR1 "$DAEMON"
told forced

faults '{"faults":[{"path":"events","kind":"status","status":410,"count":1}]}'
told offset_gone

change 1
change 2
check 'a position above 0' until_true 20 product_has PROD-007 .available 2
order reset-log '{}'
told offset_reset

# An event that never appears, between two that do.
change 3
order lose '{"next":1}'
change 4
change 5
told event_gap
check 'event_gap: the log tells of the lost place' grep -q 'msg="event sync lost its place" reason=event_gap' "$DIR/daemon.log"
check 'event_gap: what was lost is there' until_true 20 product_has PROD-007 .available 5

# Central is away for the breaker's three failures, then comes back.
faults '{"faults":[{"path":"events","kind":"status","status":500,"count":3}]}'
told breaker_open
check 'breaker_open: the log tells of fallback mode' grep -q 'msg="sync status changed" state=fallback' "$DIR/daemon.log"

stop "$DAEMON"
data=$(readlink -f "$DATA_DIR/current")/data.mdb
size=$(stat -c %s "$data")
rm "$data" && head -c "$size" /dev/zero >"$data"
start_daemon VERIFY_INTERVAL_MINUTES=1
told store_rebuilt

# What Central lost from its own feed; the open poll must not have seen it.
for i in $(seq 1 200); do
  printf '%s{"productId":"PROD-%03d","available":77}' "${comma-}" "$i"
  comma=,
done >"$DIR/many"
kill -STOP "$DAEMON"
change 6
admin PUT set "{\"products\":[$(cat "$DIR/many")]}" >/dev/null
order restart '{"feed":"lose","lose":200}'
kill -CONT "$DAEMON"
told verify_mismatch
