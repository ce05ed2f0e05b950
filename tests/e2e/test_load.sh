# Under load, all that an operator or the machine does to pool and daemon: no request fails
# but those in the hands of a worker that is killed.  LOAD_ROUNDS=N for longer.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${LOAD_ROUNDS:-2}
connections=16 threads=4

start_central --products 150
start_daemon
until_true 20 grep -q 'sync status changed.*state=live' "$DIR/daemon.log" || fail 'the daemon gets live'

# The pool as a .socket unit runs it: the socket stays when the pool goes.
# As a whole: a reload that is under way reads the old one or the new one.
keys() { printf 'API_KEYS=%s\n' "$1" >"$DIR/pool.new" && mv "$DIR/pool.new" "$DIR/pool.conf"; }
keys k1
env -u API_KEYS POOL_THREADS=$threads LOG_LEVEL=info "$BUILD/tests/listen" \
  --unix "$DIR/fcgi.sock" --again "$BUILD/store-api.fcgi" --config "$DIR/pool.conf" \
  >"$DIR/pool.pids" 2>"$DIR/pool.log" &
holder=$!
pids+=("$holder")
start_web
pool() { tail -n 1 "$DIR/pool.pids"; }
until_true 10 product_is_there PROD-001 || fail 'the pool answers'

load_begin() {
  "$BUILD/tests/load" web "$WEB" $connections 300 >"$DIR/load" 2>>"$DIR/load.log" &
  load=$!
  pids+=("$load")
}
load_end() { # → $N, $FAILED
  local line
  stop "$load"
  line=$(cat "$DIR/load")
  echo "$1: $line"
  read -r N _ FAILED _ <<<"$line"
  check "$1: there was load" test "${N:-0}" -gt 500
}

lines() { grep -c "$1" "$DIR/pool.log"; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; } # PATTERN THAN
another_pool() { [ "$(pool)" != "$1" ] && [ "$(children "$(pool)" | wc -w)" = 2 ]; }

restart_pool() {
  local old
  old=$(pool)
  kill "$old"
  check 'the pool starts anew' until_true 20 another_pool "$old"
}

# Ten reloads for the whole, each second one while the one before goes on.
reload() {
  local read ended
  read=$(lines 'settings reloaded') ended=$(lines 'all workers have the new settings')
  keys "k1,k$1"
  kill -HUP "$(pool)"
  # Two signals before the first one is read would be one.
  check 'a reload begins' until_true 20 more_lines 'settings reloaded' "$read"
  [ $(($1 % 2)) = 0 ] || return 0
  check 'a reload comes to its end' until_true 20 more_lines 'all workers have the new settings' "$ended"
}

restart_daemon() {
  stop "$DAEMON"
  is 'the daemon ends with 0' "$?" 0
  start_daemon
}

# Each wants a full sync, and with it a new generation under the readers.
flip() { curl -sS --max-time 20 -H 'X-API-Key: k1' -d '' "$WEB/v1/store/sync/force?wait=0" -o /dev/null; }
keep_flipping() {
  while :; do
    flip
    read -r -t 1 <>"$DIR/nothing"
  done
}

load_begin
keep_flipping &
flipper=$!
pids+=("$flipper")
generation() { readlink "$DATA_DIR/current"; }
first=$(generation)
for round in $(seq 1 "$rounds"); do
  restart_pool
  for i in $(seq 1 $((10 / rounds > 5 ? 10 / rounds : 5))); do reload $((round * 10 + i)); done
  flipped_again() { [ "$(generation)" != "$first" ]; }
  check 'a full sync flips the store' until_true 20 flipped_again
  first=$(generation)
  restart_daemon
  restart_pool
done
kill "$flipper"
load_end 'restarts, reloads and flips'
is 'no request failed' "$FAILED" 0
check 'ten reloads at least' test "$(lines 'settings reloaded')" -ge 10
is 'no worker died' "$(lines 'worker died')" 0

# Killed workers: what each had in hand may fail, nothing else; its counts stay.
requests_counted() { # all but those of /metrics itself
  curl -sS "$WEB/metrics" | awk '/^store_api_http_requests_total\{.*code="200"/ && !/route="\/metrics"/ { n += $2 }
    END { print n }'
}
counted=$(requests_counted)
kills=$((rounds > 3 ? 12 : 4 * rounds))
load_begin
replaced() { # by a worker that wasn't there
  local now
  now=$(children "$(pool)")
  [ "$(wc -w <<<"$now")" = 2 ] && [[ " $now " != *" $1 "* ]]
}
busy() { more_lines_than=$(requests_counted) && [ "$more_lines_than" -gt "$((counted + 50))" ]; }
check 'requests are counted' until_true 10 busy
for _ in $(seq 1 $kills); do
  worker=$(children "$(pool)" | cut -d ' ' -f 1)
  kill -9 "$worker"
  check 'a killed worker is replaced' until_true 15 replaced "$worker"
done
load_end "$kills workers killed"
check 'no more failed than they had in hand' test "$FAILED" -le $((kills * threads))
counted=$(($(requests_counted) - counted))
check "their counts stay ($N requests, $FAILED failed, $counted counted)" \
  test "$counted" -ge $((N - FAILED)) -a "$counted" -le "$N"
is 'restarts are counted' \
  "$(curl -sS "$WEB/metrics" | sed -n 's/^store_api_worker_restarts_total //p')" $kills
# Ten in a minute have a record each, the others are told with the next one.
logged=$(lines 'worker died')
check "and logged ($logged of $kills)" test "$logged" -ge $((kills < 10 ? kills : 10)) -a "$logged" -le $kills

stop "$holder"
is 'the pool ends with 0' "$?" 0
