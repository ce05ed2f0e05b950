# Every way to start the pool: sockets of its own, and those that are handed to it.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_central --products 100
start_daemon
until_true 20 grep -q 'sync status changed.*state=live' "$DIR/daemon.log" || fail 'the daemon gets live'

sock=$DIR/fcgi.sock
answers() { # ADDRESS: a product comes from there
  [ "$("$BUILD/tests/load" status "$1" GET /v1/store/inventory/PROD-007 k1)" = 200 ]
}
run_pool() { # [KEY=value…]: in the foreground; $CODE, and its words in $DIR/words
  timeout 20 env "$@" "$BUILD/store-api.fcgi" >"$DIR/out" 2>"$DIR/words" </dev/null
  CODE=$?
}
mode_of() { stat -c '%a %G' "$1"; }

# A UNIX socket of its own, in a directory whose group it gets.
mkdir "$DIR/s"
group=root
if [ "$(id -u)" = 0 ]; then group=daemon; chgrp $group "$DIR/s"; else group=$(id -gn); fi
start_pool_at() { # ADDRESS [KEY=value…]
  env FCGI_LISTEN="$1" "${@:2}" "$BUILD/store-api.fcgi" 2>>"$DIR/pool.log" </dev/null &
  POOL=$!
  pids+=("$POOL")
}
sock=$DIR/s/api.sock
start_pool_at "unix:$sock"
check 'own socket: answers' until_true 10 answers "$sock"
is 'own socket: mode and group' "$(mode_of "$sock")" "660 $group"
run_pool FCGI_LISTEN="unix:$sock"
is 'own socket, in use: exit code' "$CODE" 69
matches 'own socket, in use: a line' "$(cat "$DIR/words")" '.*level=ERROR.*in use by another process.*'
check 'own socket, in use: the first one stays' answers "$sock"

# Killed, its socket lies about; the next one takes its place, with another mode.
workers=$(children "$POOL")
stop "$POOL" KILL
for worker in $workers; do until_ended "$worker"; done # they listen too
check 'a dead socket is there' test -S "$sock"
start_pool_at "unix:$sock" FCGI_SOCKET_MODE=0600 FCGI_SOCKET_GROUP="$(id -gn)"
has_mode() { [ "$(mode_of "$sock")" = "600 $(id -gn)" ]; }
check 'a dead socket is replaced' until_true 10 has_mode
check 'which answers' until_true 10 answers "$sock"
stop "$POOL"
is 'it ends with 0' "$?" 0
check 'and takes its socket with it' test ! -e "$sock"
echo value >"$sock"
run_pool FCGI_LISTEN="unix:$sock"
is 'a file in its place: exit code' "$CODE" 69
is 'a file in its place stays' "$(cat "$sock")" value
run_pool FCGI_LISTEN="unix:$DIR/none/api.sock"
is 'no directory: exit code' "$CODE" 69
matches 'no directory: the line says what to do' "$(cat "$DIR/words")" \
  ".*there is no directory $DIR/none; make it, set FCGI_LISTEN, or let spawn-fcgi.*"
run_pool FCGI_LISTEN="unix:$DIR/s/b.sock" FCGI_SOCKET_GROUP=no-such-group
is 'no such group: exit code' "$CODE" 69
matches 'no such group: a line' "$(cat "$DIR/words")" '.*FCGI_SOCKET_GROUP=no-such-group.*'
check 'no such group: nothing is left' test "$(ls "$DIR/s")" = api.sock
rm "$sock"

# From a shell: a terminal on descriptor 0, nothing set, no such directory.
default=/run/store-api-fcgi
if [ -e $default ]; then
  skip 'started from a shell by mistake' "$default is there"
else
  env -u FCGI_LISTEN script -qec "$BUILD/store-api.fcgi" /dev/null >"$DIR/words" 2>&1 </dev/null
  is 'from a shell: exit code' "$?" 69
  matches 'from a shell: a line' "$(tr -d '\r' <"$DIR/words")" ".*there is no directory $default.*"
fi

# As plain CGI.
run_pool GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET REQUEST_URI=/health
is 'as CGI: exit code' "$CODE" 2
matches 'as CGI: a page' "$(head -n 1 "$DIR/out" | tr -d '\r')" 'Status: 500 .*'
matches 'as CGI: a line' "$(cat "$DIR/words")" 'store-api.fcgi is a FastCGI application.*'

# TCP: a port that nobody has, found by trying.
tcp() { # HOST
  local port try
  for try in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    start_pool_at "$1:$port"
    if until_true 10 answers "$1:$port"; then
      run_pool FCGI_LISTEN="$1:$port"
      is "$1: in use: exit code" "$CODE" 69
      stop "$POOL"
      is "$1: ends with 0" "$?" 0
      return
    fi
    stop "$POOL"
  done
  fail "$1: answers ($try tries)"
}
tcp 127.0.0.1
if grep -q . /proc/net/if_inet6 2>/dev/null; then tcp '[::1]'; else skip 'TCP over IPv6' 'none here'; fi

# Handed over: descriptor 3 with LISTEN_FDS, and descriptor 0 as StandardInput=socket does it.
handed() { # NAME ORIGIN listen's options…
  local name=$1 origin=$2
  shift 2
  FCGI_LISTEN=unix:/nowhere/s "$BUILD/tests/listen" --unix "$sock" "$@" "$BUILD/store-api.fcgi" \
    >/dev/null 2>"$DIR/words" &
  POOL=$!
  pids+=("$POOL")
  check "$name: answers" until_true 10 answers "$sock"
  check "$name: says so" until_true 10 grep -q "pool started.*socket=\"\?$origin" "$DIR/words"
  stop "$POOL"
  is "$name: ends with 0" "$?" 0
  check "$name: the socket isn't ours to remove" test -S "$sock"
}
handed LISTEN_FDS LISTEN_FDS
handed StandardInput=socket 'descriptor 0' --zero

# By spawn-fcgi, in the foreground and as it starts things at boot.
rm -f "$sock"
FCGI_LISTEN=unix:/nowhere/s spawn-fcgi -n -s "$sock" -M 0600 -- "$BUILD/store-api.fcgi" \
  2>"$DIR/words" &
POOL=$!
pids+=("$POOL")
check 'spawn-fcgi -n: answers' until_true 10 answers "$sock"
check 'spawn-fcgi -n: says so' until_true 10 grep -q 'pool started.*descriptor 0' "$DIR/words"
stop "$POOL"
is 'spawn-fcgi -n: ends with 0' "$?" 0
rm -f "$sock"
FCGI_LISTEN=unix:/nowhere/s spawn-fcgi -s "$sock" -P "$DIR/pid" -- "$BUILD/store-api.fcgi" >/dev/null
POOL=$(cat "$DIR/pid")
pids+=("$POOL")
check 'spawn-fcgi: answers' until_true 10 answers "$sock"
kill "$POOL"
check 'spawn-fcgi: ends' until_ended "$POOL"

# By lighttpd: bin-path, one pool (max-procs 1) as its child.
mkdir "$DIR/web"
cat >"$DIR/bin-path.conf" <<CONF
server.systemd-socket-activation = "enable"
server.document-root = "$DIR/web"
server.errorlog = "$DIR/web/lighttpd.log"
server.modules = ( "mod_fastcgi" )
fastcgi.server = ( "/" => ((
  "socket" => "$DIR/bin.sock", "bin-path" => "$BUILD/store-api.fcgi",
  "max-procs" => 1, "check-local" => "disable"
)) )
CONF
FCGI_LISTEN=unix:/nowhere/s "$BUILD/tests/listen" lighttpd -D -f "$DIR/bin-path.conf" \
  >"$DIR/web.port" 2>>"$DIR/web.log" &
web=$!
pids+=("$web")
until_true 10 test -s "$DIR/web.port" || fail 'lighttpd starts'
WEB=http://127.0.0.1:$(cat "$DIR/web.port")
check 'bin-path: answers' until_true 10 product_is_there PROD-007
POOL=$(children "$web")
workers=$(children "$POOL")
is 'bin-path: one pool of two' "$(wc -w <<<"$POOL") $(wc -w <<<"$workers")" '1 2'
stop "$web" INT
check 'bin-path: the pool ends with lighttpd' until_ended "$POOL"
for worker in $workers; do check 'bin-path: no worker is left' until_ended "$worker"; done

# Without descriptors 0 to 2 nothing of ours becomes them: no log in an answer.
rm -f "$sock"
env FCGI_LISTEN="unix:$sock" "$BUILD/store-api.fcgi" <&- >&- 2>&- &
POOL=$!
pids+=("$POOL")
check 'with nothing open: answers' until_true 10 answers "$sock"
is 'with nothing open: stderr is no socket' "$(readlink "/proc/$POOL/fd/2")" /dev/null
stop "$POOL"
