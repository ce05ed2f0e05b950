# The wall clock jumps by a day, forward and back, under running programs and
# between runs: ages are as old as things are, and nothing stands still.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

library=$(dpkg -L libfaketime 2>/dev/null | grep '/libfaketimeMT\.so' | head -n 1)
if [ -z "$library" ]; then
  skip 'a clock that jumps' 'no libfaketime here'
  exit
fi
if grep -qa '__asan_init' "$BUILD/store-syncd"; then
  skip 'a clock that jumps' 'a sanitizer wants to be loaded first'
  exit
fi

# A clock of wall time that follows this file; the monotonic ones stay true.
clock=(LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$DIR/clock" FAKETIME_NO_CACHE=1
  DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1 MAX_STALENESS_SECONDS=60)
clock_is() {
  echo "$1" >"$DIR/clock.new"
  mv "$DIR/clock.new" "$DIR/clock"
}

clock_is +0
start_central --products 300
start_daemon "${clock[@]}"
start_pool "${clock[@]}"
start_web
check 'live' until_true 20 state_is live

# Seconds that the programs' clock is ahead of ours, by a time that the daemon wrote.
ahead() { # FILTER
  api GET /v1/store/sync/status
  echo $(($(date -d "$(json "$1")" +%s) - $(date +%s)))
}
near() { [ "$1" -ge $(($2 - 60)) ] && [ "$1" -le $(($2 + 60)) ]; }
contact_is_near() { near "$(ahead .lastContactTime)" "$1"; }
ages_are_right() { # WHEN
  api GET /health
  is "$1: healthy" "$STATUS $(json .status)" '200 healthy'
  check "$1: its age" [ "$(json .checks.ageSeconds)" -le 15 ]
  api GET /v1/store/inventory/PROD-007
  is "$1: reads go on" "$STATUS" 200
  check "$1: their age" [ "$(header Age)" -le 15 ]
  api GET /metrics
  check "$1: the age in the metrics" [ "$(sed -n 's/^store_api_cache_age_seconds \([0-9]*\).*/\1/p' <<<"$BODY")" -le 15 ]
}
follows() { # WHEN AVAILABLE
  admin PUT set "{\"products\":[{\"productId\":\"PROD-007\",\"available\":$2}]}" >/dev/null
  check "$1: it follows" until_true 10 product_has PROD-007 .available "$2"
  is "$1: it is live" "$(api GET /v1/store/sync/status && json .state)" live
}
day=86400
ages_are_right 'at first'
follows 'at first' 1

clock_is +1d
ages_are_right 'a day ahead'
follows 'a day ahead' 2
check 'a day ahead: times are that clock'"'"'s' until_true 10 contact_is_near $day

clock_is -1d
ages_are_right 'a day back'
follows 'a day back' 3
check 'a day back: times are that clock'"'"'s' until_true 10 contact_is_near -$day

# Between two runs, with Central away, so that only the record can tell the age.
faults '{"faults":[{"path":"*","kind":"status","status":500,"count":-1}]}'
for jump in +1d -1d; do
  stop "$DAEMON"
  clock_is "$jump"
  start_daemon "${clock[@]}"
  check "restarted at $jump" until_true 10 grep -q 'sync status at start' "$DIR/daemon.log"
  api GET /health
  check "restarted at $jump: its age" [ "$(json .checks.ageSeconds)" -le 30 ]
  api GET /v1/store/inventory/PROD-007
  is "restarted at $jump: reads go on" "$STATUS" 200
done
faults '{"faults":[]}'
check 'it heals' until_true 30 state_is live
is 'it was never filled again' "$(json .counters.fullSyncs)" 1

# A stop has ten seconds for what is under way, by a clock that doesn't jump.
stop "$POOL"
is 'the pool ends with 0' "$?" 0
check 'at once, with nothing under way' [ "$(grep -c 'requests under way' "$DIR/pool.log")" = 0 ]
