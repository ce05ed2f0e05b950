# Many clients at once behind each web server, and connections that nginx keeps
# open to the pool.  KEPT_REQUESTS=1000000 for longer.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export LOG_LEVEL=info
requests=${KEPT_REQUESTS:-50000}
start_store --products 150
lighttpd=$WEB

load() { # WEB CONNECTIONS SECONDS [REQUESTS] → $LINE
  LINE=$("$BUILD/tests/load" web "$@" 2>>"$DIR/load.log")
}

for server in lighttpd apache nginx; do
  start_web "$server"
  load "$WEB" 256 60 5000
  echo "$server, 256 at once: $LINE"
  matches "$server: nobody of 256 is refused" "$LINE" '5[0-9]{3} requests, 0 failed, .*'
  stop "$WEB_PID"
done

# 64 kept connections on 2 x 4 threads: one for each while it is used, none while it is idle.
start_web nginx WEB_KEEP=yes
sockets() { # of the workers to the web server
  local pid n=0
  for pid in $(children "$POOL"); do
    n=$((n + $(find "/proc/$pid/fd" -lname 'socket:*' 2>/dev/null | wc -l)))
  done
  echo "$n"
}
before=$(sockets)
started=$EPOCHSECONDS
load "$WEB" 64 3000 "$requests"
echo "nginx, connections kept: $LINE in $((EPOCHSECONDS - started)) s"
matches 'kept: no request failed' "$LINE" "$requests requests, 0 failed, .*"
kept=$(($(sockets) - before))
check "kept: some dozens are open and idle ($kept)" test "$kept" -ge 32
WEB=$lighttpd
began=${EPOCHREALTIME/./}
for _ in 1 2 3 4 5 6 7 8 9 10; do
  api GET /v1/store/inventory/PROD-001
  is 'kept: beside them lighttpd is served' "$STATUS" 200
done
check 'kept: and at once' test $((${EPOCHREALTIME/./} - began)) -lt $((3000000 * SLOWER))
kept=$(($(sockets) - before))
check "kept: they still are ($kept)" test "$kept" -ge 32
