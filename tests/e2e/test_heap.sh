# Many full syncs, one after the other: the daemon's own memory stays what it was
# after the first.  Time runs 60 times as fast, in the build with test hooks.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=${HOOKS:-$root/build/hooks}
if [ ! -x "$BUILD/store-syncd" ]; then
  skip "the daemon's memory" 'make tests TEST_HOOKS=1 BUILD=build/hooks first'
  exit
fi
if under_checker; then
  skip "the daemon's memory" 'a checker needs more'
  exit
fi
export STORE_API_TIME_SCALE=60 VERIFY_INTERVAL_MINUTES=0

own_kb() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$DAEMON/status"; }
full_sync() {
  api POST /v1/store/sync/force -d ''
  [ "$STATUS" = 200 ] || fail "a forced sync: $STATUS"
}

start_store --time-scale 60
full_sync
before=$(own_kb)
for _ in {1..8}; do full_sync; done
after=$(own_kb)
check "eight full syncs more: $before kB, then $after" [ "$after" -le $((before + 512)) ]
stop "$DAEMON"
is 'the daemon ends with 0' "$?" 0
