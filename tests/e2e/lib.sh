# shellcheck shell=bash
# lib.sh: what the end-to-end tests share.  Sourced by each tests/e2e/test_*.sh.
#
# A test starts as many stores as it likes in a directory of its own, with the
# real programs from $BUILD, behind a real web server with the settings of conf/,
# against the simulated Central.  Nothing is waited for by time: `until_true` polls a condition with a
# deadline.  What was started is ended by its process id when the test exits.
#
#   start_central [options…]        → $CENTRAL (URL)
#   start_daemon [KEY=value…]       → $DAEMON (pid); settings go to the environment
#   start_pool [KEY=value…]         → $POOL
#   start_web [SERVER [KEY=value…]] → $WEB (URL), $WEB_PID; lighttpd, apache or nginx ($WEB_SERVER)
#   start_store [central options…]  all four, and waits until it is live
#   api METHOD PATH [curl options…] → $STATUS, $BODY, $HEADERS
#   admin METHOD PATH JSON          a change at Central
#   is NAME ACTUAL EXPECTED, matches NAME ACTUAL PATTERN, check NAME command…
#   skip NAME WHY                   what can't be tested here
#
# UNDER='valgrind -q': our programs run under such a checker; SLOWER=10: all that is
# waited for may take so many times as long.
#
# The last line of a test is `N passed, N failed, N skipped`.
# shellcheck disable=SC2119,SC2120,SC2034 # the arguments are optional; results are for the caller
set -u
PATH=$PATH:/usr/sbin # web servers are there, for whoever isn't root too

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$root/build}
[ "${BUILD:0:1}" = / ] || BUILD=$root/$BUILD # as from the top
DIR=$(mktemp -d "${TMPDIR:-/tmp}/sa.XXXXXX")
chmod 0711 "$DIR"
# Nobody writes to it: who reads it with a time limit waits so long, without a process for that.
# (Bash 5.2 keeps the numbers of some <(:) that have ended.  When one of them is a later command's,
# the end of that is taken for theirs, and Bash waits for the command for ever.)
mkfifo "$DIR/nothing"
passed=0 failed=0 skipped=0 webs=0
pids=()
under=() # what daemon and pool are started by
SLOWER=${SLOWER:-1}
# Web servers that root starts serve requests as www-data, like installed ones.
for_web=()
[ "$(id -u)" -ne 0 ] || for_web=(FCGI_SOCKET_GROUP=www-data)
WEB_SERVER=${WEB_SERVER:-lighttpd}

# Instead of our programs scripts of their names, which become them under the checker.
if [ -n "${UNDER-}" ]; then
  mkdir "$DIR/under"
  for program in store-api.fcgi store-syncd storectl; do
    # shellcheck disable=SC2016 # expanded by that script
    printf '#!/bin/sh\nexec %s --log-file="%s" "%s" "$@"\n' "$UNDER" "$DIR/under-%p.log" "$BUILD/$program" \
      >"$DIR/under/$program"
  done
  chmod +x "$DIR"/under/*
  ln -s "$BUILD/tests" "$BUILD/flags" "$DIR/under/"
  BUILD=$DIR/under
fi

# To a checker a process that dies by a signal is a fault.
under_checker() { [ -n "${UNDER-}" ] || grep -qaE '__(asan|tsan)_init' "$BUILD/store-api.fcgi"; }

# Settings of all programs of a test; a test may change them before it starts some.
export PYTHONDONTWRITEBYTECODE=1
export DATA_DIR=$DIR/data RUN_DIR=$DIR/run FCGI_LISTEN=unix:$DIR/fcgi.sock
export CACHE_MAP_SIZE_MB=256 LOG_LEVEL=debug POOL_PROCESSES=2 POOL_THREADS=4
export SYNC_INTERVAL_SECONDS=0 EVENT_WAIT_TIMEOUT_SECONDS=5 CENTRAL_API_KEY=demo API_KEYS=k1,k2

# Those of $pids that still are children of this: the number of one that has ended may be any
# program's by now.
pids_left() {
  local pid all
  all=" $(children $$) "
  for pid in "${pids[@]}"; do [[ $all != *" $pid "* ]] || echo "$pid"; done
}

finish() {
  local pid left
  mapfile -t left < <(pids_left)
  [ "${#left[@]}" -eq 0 ] || kill "${left[@]}" 2>/dev/null
  for pid in "${left[@]}"; do
    until_ended "$pid" 10 || kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  # What a sanitizer or valgrind says of a program stands in that program's log.
  grep -HE -A 12 'Sanitizer|runtime error|^==[0-9]+==' "$DIR"/*.log >"$DIR/findings" &&
    fail 'memory is clean'
  if [ "$failed" -gt 0 ]; then
    echo "--- the last lines of the logs"
    tail -n 15 "$DIR"/*.log 2>/dev/null
    head -n 60 "$DIR/findings"
  fi
  rm -rf "$DIR"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit $? # by itself it would be the status that the test had before
}
trap finish EXIT
trap 'exit 1' INT TERM

pass() { passed=$((passed + 1)); }
fail() {
  failed=$((failed + 1))
  printf 'FAILED: %s\n' "$@"
}

skip() {
  skipped=$((skipped + 1))
  echo "SKIPPED: $1: $2"
}

# What a checker of its own says on stdin, its last line `N passed, N failed`.
add_counts() {
  local line counts=
  while read -r line; do
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
      passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) counts=yes
    else
      echo "$line"
    fi
  done
  [ -n "$counts" ] || fail 'the checker came to its end'
}

is() { # NAME ACTUAL EXPECTED
  if [ "$2" = "$3" ]; then pass; else fail "$1" "  expected: $3" "  actual:   $2"; fi
}

matches() { # NAME ACTUAL PATTERN (extended regular expression, whole text)
  if [[ $2 =~ ^($3)$ ]]; then pass; else fail "$1" "  pattern: $3" "  actual:  $2"; fi
}

check() { # NAME command…
  local name=$1
  shift
  if "$@"; then pass; else fail "$name" "  command: $*"; fi
}

# until_true SECONDS command…: true as soon as the command is.
until_true() {
  local deadline=$((${EPOCHREALTIME/./} + $1 * SLOWER * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
    read -r -t 0.02 <>"$DIR/nothing" || true
  done
}

is_running() { # a zombie has ended
  local stat
  stat=$(cut -d ')' -f 2 "/proc/$1/stat" 2>/dev/null) || return 1
  [ "${stat:1:1}" != Z ]
}
has_ended() { ! is_running "$1"; }
children() { sed 's/ $//' "/proc/$1/task/$1/children" 2>/dev/null; } # PID: those of its children
until_ended() { until_true "${2:-10}" has_ended "$1"; } # PID [SECONDS]

start_central() {
  local log=$DIR/central.log
  : >"$DIR/central.out"
  "$BUILD/tests/central" "$@" >"$DIR/central.out" 2>>"$log" &
  CENTRAL_PID=$!
  pids+=("$CENTRAL_PID")
  until_true 20 grep -q '^listening on ' "$DIR/central.out" || fail "simulated Central starts"
  CENTRAL=http://$(sed -n 's/^listening on //p' "$DIR/central.out")
  export CENTRAL_API_URL=$CENTRAL
}

start_daemon() {
  env "$@" "${under[@]}" "$BUILD/store-syncd" 2>>"$DIR/daemon.log" &
  DAEMON=$!
  pids+=("$DAEMON")
}

# Connects to the pool's socket without sending anything.
pool_listens() { [ -S "$DIR/fcgi.sock" ]; }

start_pool() {
  env "${for_web[@]}" "$@" "${under[@]}" "$BUILD/store-api.fcgi" 2>>"$DIR/pool.log" &
  POOL=$!
  pids+=("$POOL")
  until_true 10 pool_listens || fail "the pool listens"
}

# The addresses of the stores in a sample's upstream are replaced; nothing else of it can be.
lay_out_nginx() { # DIR
  # shellcheck disable=SC2153 # from the caller's arguments
  sed -e "s|unix:/run/[^;]*|unix:$FCGI_SOCKET|" -e "s|192.0.2.11:9083|$STORE_A_HOST:$STORE_A_PORT|" \
    -e "s|192.0.2.12:9083|$STORE_B_HOST:$STORE_B_PORT|" "$WEB_CONF/$WEB_STORES.inc" >"$1/stores.inc"
  ln -sf "$WEB_CONF/standalone.conf" "$1/nginx.conf"
  ln -sf "$WEB_CONF/store-api.inc" "$WEB_CONF/$WEB_BESIDE.inc" "$1/"
  ln -sf "$WEB_BESIDE.inc" "$1/beside.inc"
  if [ -n "${WEB_KEEP-}" ]; then # what the samples advise against: kept connections to the pool
    sed -i 's/^}/  keepalive 64;\n}/' "$1/stores.inc"
    sed 's/fastcgi_keep_conn off/fastcgi_keep_conn on/' "$WEB_CONF/store-api.inc" >"$1/keep.inc"
    mv "$1/keep.inc" "$1/store-api.inc"
  fi
}

# Runs a web server in its foreground, in this process, with the settings of conf/.
web_server() { # SERVER DIR [--any]
  local server=$1 dir=$2
  shift 2
  export WEB_DIR=$dir WEB_CONF=$root/conf/$server
  mkdir -p "$dir/html"
  case $server in
  lighttpd) exec "$BUILD/tests/listen" "$@" lighttpd -D -f "$WEB_CONF/standalone.conf" ;;
  # Debian's Apache takes no descriptor.
  apache) exec "$BUILD/tests/listen" "$@" --reserve apache2 -DFOREGROUND -f "$WEB_CONF/standalone.conf" ;;
  nginx)
    lay_out_nginx "$dir"
    # shellcheck disable=SC2016 # expanded by the shell that has the listener
    exec "$BUILD/tests/listen" "$@" --nginx sh -c 'echo "listen $LISTEN_ADDRESS;" >"$0/listen.inc"
      exec nginx -p "$0" -c "$0/nginx.conf"' "$dir"
    ;;
  esac
}

# shellcheck disable=SC2188 # opening it is all
port_listens() { [ -s "$1" ] && (<>"/dev/tcp/127.0.0.1/$(cat "$1")") 2>/dev/null; } # FILE with the port

start_web() { # [SERVER [KEY=value…]]; WEB_LISTEN=--any: on all addresses
  local server=${1:-$WEB_SERVER}
  webs=$((webs + 1))
  local dir=$DIR/web-$webs
  [ $# -eq 0 ] || shift
  (
    export WEB_STORES=one-store WEB_BESIDE=api-alone FCGI_SOCKET=$DIR/fcgi.sock
    export STORE_A_HOST=127.0.0.1 STORE_A_PORT=1 STORE_B_HOST=127.0.0.1 STORE_B_PORT=1
    # shellcheck disable=SC2163 # NAME=value words
    [ $# -eq 0 ] || export "$@"
    # shellcheck disable=SC2086 # an option or nothing
    web_server "$server" "$dir" ${WEB_LISTEN-}
  ) >"$dir.port" 2>>"$DIR/web-$webs-$server.log" &
  WEB_PID=$!
  pids+=("$WEB_PID")
  until_true 10 port_listens "$dir.port" || fail "$server starts"
  WEB=http://127.0.0.1:$(cat "$dir.port")
}

start_store() {
  start_central "$@"
  start_daemon
  start_pool
  start_web
  until_true 30 state_is live || fail "the store gets live"
}

stop() { # PID [SIGNAL]: ends it and waits for that
  kill "-${2:-TERM}" "$1" 2>/dev/null
  until_ended "$1" 15 || return 1
  wait "$1" 2>/dev/null
}

api() { # METHOD PATH [curl options…]
  local method=$1 path=$2
  shift 2
  [ "$method" = HEAD ] && set -- --head "$@"
  STATUS=$(curl -sS --max-time 20 -X "$method" --path-as-is -H "X-API-Key: k1" "$@" \
    -o "$DIR/body" -D "$DIR/headers" -w '%{http_code}' "$WEB$path" 2>>"$DIR/curl.log")
  BODY=$(cat "$DIR/body")
  HEADERS=$(tr -d '\r' <"$DIR/headers")
  if [[ $BODY =~ ^'{"error":{"code":"'([a-z_]+) ]]; then answered "$STATUS ${BASH_REMATCH[1]}"; fi
}

# An error that came over HTTP (or ` skipped`), for run.sh, which wants to see each of them.
answered() { [ -z "${ANSWERED-}" ] || echo "$1" >>"$ANSWERED"; }

header() { # NAME: its value in the last answer
  sed -n "s/^$1: //Ip" <<<"$HEADERS"
}

json() { jq -r "$1" <<<"$BODY"; } # a value out of the last answer's body

admin() { # METHOD PATH JSON
  curl -sS --max-time 20 -X "$1" -H 'X-API-Key: admin' -H 'Content-Type: application/json' \
    -d "$3" "$CENTRAL/v1/admin/products/$2"
}

faults() { curl -sS --max-time 20 -X POST -d "$1" "$CENTRAL/test/faults" >/dev/null; }
central_stat() { curl -sS --max-time 20 "$CENTRAL/test/stats" | jq -r "$1"; }

state_is() {
  api GET /v1/store/sync/status
  [ "$STATUS" = 200 ] && [ "$(json .state)" = "$1" ]
}

product_has() { # ID FILTER VALUE: the store shows this of the product
  api GET "/v1/store/inventory/$1"
  [ "$STATUS" = 200 ] && [ "$(json "$2")" = "$3" ]
}
product_is_gone() {
  api GET "/v1/store/inventory/$1"
  [ "$STATUS" = 404 ]
}
product_is_there() {
  api GET "/v1/store/inventory/$1"
  [ "$STATUS" = 200 ]
}
