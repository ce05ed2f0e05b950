# Requests that two readers may take differently (smuggling.py), raw at each web server, and at
# nginx with kept connections to the pool: no hidden request is ever served, and none without a
# key does anything.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_central --products 20
start_daemon
start_pool
start_web nginx
check 'the store gets live' until_true 30 state_is live
updates=$(central_stat .requests.updates)

tries=()
# SERVER WEB: its report is in DIR/SERVER.rows
try() {
  python3 "$root/tests/e2e/smuggling.py" "${1%-*}" "$2" >"$DIR/$1.rows" &
  tries+=($!)
}
try nginx "$WEB"
start_web nginx WEB_KEEP=yes
try nginx-kept "$WEB"
start_web apache
try apache "$WEB"
start_web lighttpd
try lighttpd "$WEB"
wait "${tries[@]}"
for server in lighttpd apache nginx nginx-kept; do
  add_counts <"$DIR/$server.rows"
done

logged() { grep -c "$1" "$DIR/pool.log"; }
check 'the innocent ones reached the pool (so the next checks can fail)' test "$(logged 'request_id=after')" -gt 50
is 'nothing that was hidden did' "$(logged 'request_id=smuggled')" 0
is 'requests without a key were refused' "$(grep 'msg=request request_id=keyless' "$DIR/pool.log" | grep -vc ' status=401 ')" 0
is 'no full sync was forced' "$(grep -c 'reason=forced' "$DIR/daemon.log")" 0
is 'nothing was forwarded' "$(central_stat .requests.updates)" "$updates"
check 'wrong keys are logged' test "$(logged 'remote_addr=')" -ge 4
is 'and none with an address that a client made up' "$(grep 'remote_addr=' "$DIR/pool.log" | grep -vc 'remote_addr=127.0.0.1')" 0
