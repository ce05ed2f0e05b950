# README's part on troubleshooting: each symptom made for real, found by the very
# commands that stand there, and mended by them.
# shellcheck shell=bash source=tests/e2e/lib.sh
# shellcheck disable=SC2034 # variables for README's commands
. "$(dirname "$0")/lib.sh"

# Settings are in files, as where it is installed, so that a reload reads them.
conf=$DIR/store-api.conf secret=$DIR/store-syncd.conf
for key in DATA_DIR RUN_DIR FCGI_LISTEN CACHE_MAP_SIZE_MB LOG_LEVEL POOL_THREADS POOL_PROCESSES API_KEYS; do
  echo "$key=${!key}"
  unset "$key"
done >"$conf"
printf 'SYNC_INTERVAL_SECONDS=0\nEVENT_WAIT_TIMEOUT_SECONDS=0\n' >>"$conf"
[ "${#for_web[@]}" -eq 0 ] || printf '%s\n' "${for_web[@]}" >>"$conf"
sed -i 's/^POOL_PROCESSES=.*/POOL_PROCESSES=8/' "$conf"
unset SYNC_INTERVAL_SECONDS EVENT_WAIT_TIMEOUT_SECONDS CENTRAL_API_KEY
setting() { # FILE KEY=value: in the place of what it was
  sed -i "/^${2%%=*}=/d" "$1"
  echo "$2" >>"$1"
}

# The programs with the installed files, and systemd, as far as README names them.
files=(--config "$conf" --config "$secret")
store-syncd() { "$BUILD/store-syncd" "${files[@]}" "$@"; }
storectl() { "$BUILD/storectl" --config "$conf" "$@"; }
systemctl() { # VERB UNIT
  case "$1 $2" in
  'reload store-syncd') kill -HUP "$DAEMON" ;;
  'start store-syncd')
    "$BUILD/store-syncd" "${files[@]}" 2>>"$DIR/daemon.log" &
    DAEMON=$!
    pids+=("$DAEMON")
    ;;
  'start store-api')
    "$BUILD/store-api.fcgi" --config "$conf" 2>>"$DIR/pool.log" &
    POOL=$!
    pids+=("$POOL")
    ;;
  'restart store-api')
    stop "$POOL"
    systemctl start store-api
    ;;
  *) fail "systemctl $*: README names something new" ;;
  esac
}

ran=('Troubleshooting 1') # the variables of all the others
# run HEADING N: the Nth block of commands under that heading of the README → $SHOWN
run() {
  awk -v heading="$1" -v n="$2" '
    /^##/ { on = $0 ~ "^#+ " heading "$" }
    on && /^```sh$/ { block++; inside = 1; next }
    /^```$/ { inside = 0 }
    on && inside && block == n' "$root/README.md" >"$DIR/block"
  [ -s "$DIR/block" ] || fail "README: block $2 under '$1'"
  ran+=("$1 $2")
  # shellcheck disable=SC1091 # README's
  . "$DIR/block" >"$DIR/shown" 2>&1
  SHOWN=$(cat "$DIR/shown")
}
shows() { # NAME PATTERN (extended regular expression, somewhere in what was shown)
  if grep -qE -- "$2" <<<"$SHOWN"; then pass; else fail "$1" "  pattern: $2" "  shown: $SHOWN"; fi
}

start_central --products 200 --state "$DIR/state"
printf 'CENTRAL_API_URL=%s\nCENTRAL_API_KEY=demo\nCENTRAL_TIMEOUT_SECONDS=1\n' "$CENTRAL_API_URL" >"$secret"
unset CENTRAL_API_URL
systemctl start store-syncd
systemctl start store-api
until_true 10 pool_listens || fail 'the pool listens'
start_web
STORE=$WEB KEY=k1 CENTRAL_KEY=demo LOG="cat $DIR/daemon.log $DIR/pool.log"
check 'live' until_true 20 state_is live
port=${CENTRAL##*:}
central_again() { start_central --port "$port" --state "$DIR/state" "$@"; }
class_is() { api GET /v1/store/sync/status && [ "$(json '.lastError.class')" = "$1" ]; }
change() { admin PUT set "{\"products\":[{\"productId\":\"PROD-$1\",\"available\":$2}]}" >/dev/null; }

# Healthy: what the first commands say.
run Troubleshooting 2
shows 'healthy: check' '^STORE-SYNC OK - live, 200 products'
shows 'healthy: storectl' '^state +live'
shows 'healthy: doctor' ' 0 failures$'
shows 'healthy: health' '"status":"healthy"'

# Sync fails: Central is gone.
stop "$CENTRAL_PID"
check 'Central is gone' until_true 20 class_is connect
run 'Sync fails' 1
shows 'Central is gone: status' '"class": "connect"'
shows 'Central is gone: no success' '"lastSyncSuccess": false'
shows 'Central is gone: log' 'level=ERROR .*event sync.*class=connect'
run 'Sync fails' 2
shows 'Central is gone: doctor' '^fail +central +connect: '
shows 'Central is gone: curl says so' 'Could.?n.t connect|Failed to connect'
central_again
run 'Sync fails' 4
shows 'Central is back: a sync now' 'Force sync completed successfully: 200 products'
check 'Central is back: live' until_true 10 state_is live

# The network: answers don't come.
faults '{"faults":[{"path":"*","kind":"hang","count":-1}]}'
check 'no answer in time' until_true 20 class_is timeout
run 'Sync fails' 1
shows 'no answer: status' '"class": "timeout"'
faults '{"faults":[]}'
check 'answers again: live by itself' until_true 20 state_is live

# The key.
stop "$CENTRAL_PID"
central_again --key other
check 'another key' until_true 20 class_is auth
run 'Sync fails' 1
shows 'another key: status' '"class": "auth"'
run 'Sync fails' 2
shows 'another key: doctor' '^fail +central +auth: .*to do: set CENTRAL_API_KEY'
shows 'another key: Central itself is well' '"status":"healthy"'
shows 'another key: and refuses this one' 'unauthorized'
setting "$secret" CENTRAL_API_KEY=other
run 'Sync fails' 3
shows 'the key in the settings: masked' '^CENTRAL_API_KEY=\*\*\*$'
CENTRAL_KEY=other
run 'Sync fails' 5
shows 'the key is taken' 'Force sync completed successfully'

# The daemon isn't there.
stop "$DAEMON"
change 001 7
# On reads the state is up to two seconds late.
says_stopped() { api GET /v1/store/inventory/PROD-001 && [ "$(header X-Store-Sync-State)" = stopped ]; }
check 'no daemon' until_true 10 says_stopped
run 'Old data' 1
shows 'no daemon: the header' '^X-Store-Sync-State: stopped'
shows 'no daemon: the age' '^Age: [0-9]+'
shows 'no daemon: Central has another state' '"available":7[,}]'
run 'Old data' 2
check 'a daemon again' until_true 10 product_has PROD-001 .available 7

# Central's log has lost its beginning.
faults '{"faults":[{"path":"events","kind":"status","status":410,"count":1}]}'
reason_is() { api GET /v1/store/sync/status && [ "$(json .lastFullSync.reason)" = "$1" ]; }
check '410' until_true 10 reason_is offset_gone
check '410: mended by itself' until_true 10 state_is live
run 'Many full syncs' 1
shows '410: status' '"reason": "offset_gone"'
shows '410: metrics' '^store_api_full_syncs_total\{reason="offset_gone",result="ok"\} 1'
shows '410: log' 'sync status: full sync done.*reason=offset_gone'

# Central lost events.  (The open poll is answered by the first one.)
kill -STOP "$DAEMON"
change 001 8
change 100 5
change 101 6
curl -sS -X POST -d '{"feed":"lose","lose":2}' "$CENTRAL/test/restart" >/dev/null
kill -CONT "$DAEMON"
check 'events lost: live' until_true 10 product_has PROD-001 .available 8
check 'events lost: not seen' product_has PROD-100 .version 1
run 'Old data' 3
shows 'events lost: the first product' PROD-100
shows 'events lost: the second' PROD-101
check 'events lost: mended' until_true 10 product_has PROD-100 .available 5
check 'events lost: both' product_has PROD-101 .available 6

# Many workers, then few.
pool_bytes() { curl -sS "$WEB/metrics" | sed -n 's/^store_api_resident_bytes{process="pool"} //p'; }
run 'Much memory' 1
shows 'memory: stats' '"inUse": "[0-9.]+MB"'
shows 'memory: metrics' '^store_api_resident_bytes\{process="pool"\} [0-9]+'
many=$(pool_bytes)
setting "$conf" POOL_PROCESSES=2
run 'Much memory' 2
needs_less() { local few; few=$(pool_bytes) && [ "${few:-0}" -gt 0 ] && [ "$few" -lt "$((many / 2))" ]; }
check 'memory: fewer workers need less' until_true 10 needs_less

# Nobody at the socket.
stop "$POOL"
api GET /health
is 'no pool: the web server answers by itself' "$STATUS" 503
systemctl start store-api
check 'a pool again' until_true 10 product_is_there PROD-001

# The log.
api GET /v1/store/inventory/PROD-001 -H 'X-Request-Id: till-7-42'
run 'Reading the logs' 1
shows 'log: events' 'msg="event sync'
shows 'log: errors' 'level=ERROR'
shows 'log: state' 'msg="sync status changed" state=live'
shows 'log: the request' 'request_id=till-7-42.*status=200|status=200.*request_id=till-7-42'

# Every setting of the last table can be used as it stands there.
sed -n '/^### Tuning/,/^## /p' "$root/README.md" | grep -oE '[A-Z_]+=[0-9]+' | sort -u >"$DIR/tuning"
check 'tuning: there are some' test "$(wc -l <"$DIR/tuning")" -ge 8
while read -r pair; do
  setting "$DIR/store-syncd.conf" "$pair"
  store-syncd --check-config >"$DIR/shown" 2>&1
  check "tuning: $pair" grep -qxF "$pair" "$DIR/shown"
  check "tuning: $pair: no warning" test -z "$(grep -F "${pair%%=*}" "$DIR/shown" | grep -v '^[A-Z_]*=')"
done <"$DIR/tuning"

# Nothing stands there that wasn't run.
blocks=$(awk '/^## / { on = /^## Troubleshooting$/ } /^##/ { heading = $0; sub(/^#+ /, "", heading); n = 0 }
  on && /^```sh$/ { print heading, ++n }' "$root/README.md" | sort)
is 'every block of commands was run' "$(printf '%s\n' "${ran[@]}" | sort -u)" "$blocks"
