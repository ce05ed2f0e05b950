# What somebody removes from RUN_DIR, and the pool's socket, come back by themselves.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_store --products 30
api POST /v1/store/sync/force -d ''
is 'a sync before' "$STATUS" 200
syncs() { # how many the page of counters knows of
  api GET /metrics
  grep -F 'store_api_full_syncs_total{reason="forced",result="ok"}' <<<"$BODY" | cut -d ' ' -f 2
}
is 'it is counted' "$(syncs)" 1

# Both still know their paths when their settings were read again.
renewed() { [ "$(grep -c 'all workers have the new settings' "$DIR/pool.log")" = "$1" ]; }
kill -HUP "$DAEMON" "$POOL"
check 'settings are read again' until_true 10 grep -q 'settings reloaded' "$DIR/daemon.log"
check 'and by the pool' until_true 10 renewed 1

rm "$RUN_DIR/control.sock" "$RUN_DIR/metrics" "${FCGI_LISTEN#unix:}"
began=$SECONDS
is_found() {
  api GET /v1/store/inventory/PROD-001
  [ "$STATUS" = 200 ]
}
is_found && fail 'the socket of the pool is gone'
check 'the socket of the pool comes back' until_true 20 is_found
forced() {
  api POST /v1/store/sync/force -d ''
  [ "$STATUS" = 200 ]
}
check 'the control socket comes back' until_true 20 forced
counted() { [ "$(syncs)" = 2 ]; }
check 'and the page of counters, with what it had counted' until_true 20 counted
check 'within a few seconds' test $((SECONDS - began)) -le $((12 * SLOWER))
is 'their modes' "$(cd "$RUN_DIR" && stat -c %a control.sock metrics | xargs)" '660 640'
is 'the log of the daemon says so' "$(grep -c 'was gone, and is made anew' "$DIR/daemon.log")" 2
is 'and that of the pool' "$(grep -c 'was gone, and is made anew' "$DIR/pool.log")" 1
check 'all the workers are new' until_true 10 renewed 2
check 'the daemon runs on' is_running "$DAEMON"
check 'the pool runs on' is_running "$POOL"
