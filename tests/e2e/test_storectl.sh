# storectl: what it prints of a store, what REST answers, and a full sync by hand.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$DIR/catalogue.json" <<'J'
[{"productId":"PROD-001","name":"Wireless \u001b[31mHeadphones","available":10,"version":6,"lastUpdated":"2024-01-15T10:30:00Z","price":99.99},
 {"productId":"PROD-002","name":"Laptop","available":35,"version":20,"lastUpdated":"2025-09-02T20:51:37Z","price":1299.50},
 {"productId":"-x","name":"Café 日本","available":1,"version":1,"lastUpdated":"2025-09-04T23:06:38-05:00","price":1},
 {"productId":"a/b c%2F","name":"slash","available":2,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":2},
 {"productId":"ctl\u0001","name":"control","available":3,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":3},
 {"productId":"z's $(exit)","name":"quotes","available":4,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":4},
 {"productId":"zz","name":"last","available":5,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":5}]
J

storectl() { # arguments…: $OUT, $ERR, $CODE
  "$BUILD/storectl" "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
  CODE=$?
  OUT=$(cat "$DIR/out") ERR=$(cat "$DIR/err")
}
one_line() { [ "$(wc -l <"$1")" = 1 ]; }

# Before there is anything.
storectl status
is 'no store, no daemon: status' "$CODE" 69
matches 'no store, no daemon: what it says' "$OUT" 'state +stopped.*daemon +unreachable.*'
storectl get PROD-001
is 'no store: get' "$CODE $ERR" '69 storectl: The cache has never been synced yet'
not_running="the daemon isn't running; start it (systemctl start store-syncd), and read in its log why it ended"
storectl backup "$DIR/backup"
is 'no store: backup' "$CODE $ERR" '69 storectl: backup: the store was never filled'
storectl sync
is 'no daemon: sync' "$CODE $ERR" "69 storectl: sync: $not_running"
storectl sync --json
is 'no daemon: sync, for a program' "$CODE $(jq -r .error.code <<<"$OUT") $ERR" '69 sync_daemon_unavailable '

start_store --catalogue "$DIR/catalogue.json"

# ---- the same as REST ----

# PATH | arguments | what may differ, since it moves
while IFS='|' read -r path arguments moving; do
  eval "storectl $arguments --json"
  api GET "$path"
  is "storectl $arguments --json" "$(jq -c "$moving" <<<"$OUT")" "$(jq -c "$moving" <<<"$BODY")"
done <<'ROWS'
/v1/store/sync/status|status|del(.eventSync.nextPollTime,.lastSyncTime,.lastContactTime,.confirmedCurrentTime)
/v1/store/cache/stats|stats|del(.uptime,.memoryUsage.inUse,.readers,.lastSyncTime)
/v1/store/inventory|list|del(.cacheInfo.lastSyncTime)
/v1/store/inventory?limit=2&offset=1|list --limit 2 --offset 1|del(.cacheInfo.lastSyncTime)
/v1/store/inventory?after=-x|list --after -x|del(.cacheInfo.lastSyncTime)
/v1/store/inventory?limit=0|list --limit 0|.
/v1/store/inventory/a%2Fb%20c%252F|get 'a/b c%2F'|.
/v1/store/inventory/nope|get nope|.
ROWS
api GET /v1/store/inventory/PROD-002
storectl --json get PROD-002
is "a product's very bytes" "$OUT" "$BODY"
storectl --json list --all
is '--all: every product once' "$(jq -r '.products[].productId' <<<"$OUT" | sort -u | wc -l)" 7

# ---- for people ----

storectl status
is 'status' "$CODE" 0
matches 'status: what it says' "$OUT" 'state +live since .*age +.*products +7.*daemon +running.*last error +none.*\(initial, .*7 added, 0 changed, 0 removed.*'
storectl stats
matches 'stats' "$CODE $OUT" '0 products +7.*of at most 256.0MB.*readers +[1-9].*'
storectl get PROD-001
is 'get: nothing of a name reaches the terminal' "$(sed -n 's/^name  *//p' <<<"$OUT")" 'Wireless \x1b[31mHeadphones'
is 'get: digits as Central sends them' "$(storectl get PROD-002; sed -n 's/^price  *//p' <<<"$OUT")" 1299.50
storectl get $'ctl\001'
is 'get: an id that no path can hold' "$CODE $(sed -n 's/^productId  *//p' <<<"$OUT")" '0 ctl\x01'
storectl get -- -x
is 'get: an id like an option' "$CODE" 0
storectl get nope
is 'get: no such product' "$CODE|$OUT|$ERR" '1||storectl: Product not found in local cache: nope'
storectl get $'no\033'
is 'get: nor is it told on the output' "$CODE|$OUT|$ERR" '1||storectl: Product not found in local cache: no\x1b'
storectl list
is 'list: in columns' "$OUT" "$(
  cat <<'T'
PRODUCT      AVAILABLE  VERSION    PRICE  UPDATED                    NAME
-x                   1        1        1  2025-09-04T23:06:38-05:00  Café 日本
PROD-001            10        6    99.99  2024-01-15T10:30:00Z       Wireless \x1b[31mHeadphones
PROD-002            35       20  1299.50  2025-09-02T20:51:37Z       Laptop
a/b c%2F             2        1        2  2025-09-02T07:30:00Z       slash
ctl\x01              3        1        3  2025-09-02T07:30:00Z       control
z's $(exit)          4        1        4  2025-09-02T07:30:00Z       quotes
zz                   5        1        5  2025-09-02T07:30:00Z       last
T
)"
storectl list --limit 2
is 'list: how to go on' "$ERR" "2 products; for the next: --after 'PROD-001'"

storectl list --limit 1 --after z
is 'list: what is to be pasted is quoted' "$(eval "printf '%s|' ${ERR##*next: }")" "--after|z's \$(exit)|"

# Arguments ~ exit code: wrong usage is one line.
while IFS='~' read -r arguments code; do
  eval "storectl $arguments"
  is "storectl $arguments: exit code" "$CODE" "$code"
  check "storectl $arguments: one line" one_line "$DIR/err"
done <<'ROWS'
~2
frobnicate~2
get~2
get ''~2
get "$(printf "%512s")"~2
status --watch=0~2
list --limit x~2
list --offset 1 --after a~2
list --all --limit 5~2
doctor --url https://x~2
status --config /nowhere~78
ROWS
PORT=0 storectl status
is "a setting that isn't storectl's" "$CODE" 0
STORE_ID='' storectl status
is "one that is" "$CODE" 78
STORE_ID=demo storectl --check-config
matches '--check-config' "$CODE $OUT" '0 .*STORE_ID=demo.*'
# Some of it fits into the buffers, all of it doesn't go out.
"$BUILD/storectl" --json list >/dev/full 2>"$DIR/err"
is 'a full disk behind the output' "$? $(cat "$DIR/err")" \
  "74 storectl: the output can't be written: No space left on device"

# ---- a full sync ----

# One that takes a while, for several who wait: Ctrl-C, lines, a bar, JSON.
faults '{"faults":[{"path":"list","kind":"delay","delayMs":1500}]}'
is_running_sync() { storectl status --json && [ "$(jq .inProgress <<<"$OUT")" = true ]; }
(
  trap - INT
  exec "$BUILD/storectl" sync 2>"$DIR/interrupted" >/dev/null
) &
interrupted=$!
until_true 10 is_running_sync || fail 'a full sync runs'
check 'status tells how far it is' grep -q '^full sync  *forced, ' <("$BUILD/storectl" status)
script -qec "$BUILD/storectl sync" "$DIR/bar" >/dev/null &
on_terminal=$!
"$BUILD/storectl" sync --json >"$DIR/json" 2>"$DIR/json.err" &
for_program=$!
storectl sync --no-wait
is 'sync --no-wait' "$CODE $OUT" '0 Force sync in progress'
until_true 10 grep -q 'full sync: ' "$DIR/interrupted" || fail 'progress is told in lines'
kill -INT "$interrupted"
wait "$interrupted"
is 'Ctrl-C ends the waiting' "$?" 130
is 'and says so' "$(tail -n 1 "$DIR/interrupted")" \
  'storectl: no longer waiting; the full sync goes on, see storectl status'
storectl status --json
is 'the sync goes on' "$(jq .inProgress <<<"$OUT")" true
wait "$on_terminal"
is 'who waits at a terminal gets its end' "$?" 0
check 'and a bar until then' grep -qP '\r\e\[Kfull sync: ' "$DIR/bar"
check 'which is wiped' grep -qP '\r\e\[KForce sync completed successfully: 7 products in 1' "$DIR/bar"
wait "$for_program"
is 'sync --json' "$? $(jq -r '.message, (.status|length)' "$DIR/json" | tr '\n' ' ')" \
  '0 Force sync completed successfully 7 '
is 'sync --json: no progress' "$(cat "$DIR/json.err")" ''
# One that fails has to wait, since full syncs by hand are some seconds apart: the tests of completion
# are done meanwhile.
faults '{"faults":[{"path":"events","kind":"status","status":500}]}'
"$BUILD/storectl" sync >"$DIR/failed" 2>&1 &
failing=$!

# ---- completion ----

complete_line() { # words…, the last one to be completed: the completions, in one line
  PATH=$BUILD:$PATH bash --norc -c '
    . "$1"; shift
    COMP_WORDS=(storectl "$@") COMP_CWORD=$#
    COMPREPLY=()
    _storectl storectl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[@]}"' _ "$root/packaging/common/storectl.bash" "$@"
}
: >"$DIR/settings one"
commands=$("$BUILD/storectl" --help | sed -n '/^Commands/,/^Options/s/^  \([a-z]*\) .*/\1/p' | tr '\n' ' ')
is 'completion: commands' "$(complete_line '') " "$commands"
is 'completion: a command begun' "$(complete_line statu)" status
is 'completion: after options' "$(complete_line --json --config /x "doc")" doctor
is 'completion: options of a command' "$(complete_line list --a)" '--after --all'
is 'completion: options of all commands' "$(complete_line --check)" --check-config
is 'completion: help' "$(complete_line help "do")" doctor
is 'completion: files' "$(complete_line --config "$DIR/sett")" "$DIR/settings one"
is 'completion: files after =' "$(complete_line --config = "$DIR/sett")" "$DIR/settings one"
is 'completion: no guess of a number' "$(complete_line list --offset '')" ''
is 'completion: no guess of an id' "$(complete_line get P)" ''

wait "$failing"
is 'a full sync that fails' "$? $(tail -n 1 "$DIR/failed")" '1 storectl: Central answered with status 500'
faults '{"faults":[]}'

# ---- --watch ----

"$BUILD/storectl" status --watch=1 >"$DIR/watch" &
watching=$!
pids+=("$watching")
lines_are() { [ "$(wc -l <"$DIR/watch")" -ge "$1" ]; }
check 'watch: begins with a line' until_true 10 lines_are 1
admin POST create "$(jq -cn '{products: [range(500) | {productId: "new-\(. + 1000)", name: "new", available: 1, price: 1}]}')" >/dev/null
has_more() { grep -q ' 507 products' "$DIR/watch"; }
check 'watch: a change is a line' until_true 10 has_more
storectl list --all
is '--all: over its pages, each once, in order' "$CODE $(tail -n +2 <<<"$OUT" | cut -d ' ' -f 1 | LC_ALL=C sort -cu && wc -l <<<"$OUT")" '0 508'
stop "$DAEMON"
has_stopped() { grep -q ' stopped, 507 products' "$DIR/watch"; }
check 'watch: a daemon that goes is one' until_true 10 has_stopped
stop "$watching"
timeout -s TERM 1 "$BUILD/storectl" status --watch --json >"$DIR/watch"
is 'watch: JSON' "$(head -n 1 "$DIR/watch" | jq -r .state)" stopped
storectl get PROD-002
is 'without the daemon the store is read' "$CODE" 0
storectl status
is 'without the daemon: status' "$CODE" 69
storectl sync --no-wait
is 'without the daemon: sync' "$CODE $ERR" "69 storectl: sync: $not_running"
script -qec "timeout -s TERM 0.5 $BUILD/storectl status --watch" "$DIR/drawn" >/dev/null
check 'watch: drawn anew on a terminal' grep -qP '\e\[H\e\[2Jstate +stopped' "$DIR/drawn"
