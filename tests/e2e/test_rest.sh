# The table of requests and exact answers in rest.txt, each answer also held
# against the OpenAPI description.  test_rest.sh HEADING-PART: those groups alone.
# Behind lighttpd, or $WEB_SERVER: test_rest_apache.sh and test_rest_nginx.sh.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
here=$root/tests/e2e

export MAX_CONSECUTIVE_FAILURES=100 CENTRAL_WRITE_TIMEOUT_SECONDS=1 VERIFY_INTERVAL_MINUTES=0
sed -n 's/^catalogue //p' "$here/rest.txt" | jq -s . >/dev/null || fail 'the catalogue is JSON'
{
  echo '['
  sed -n 's/^catalogue //p' "$here/rest.txt" | sed '$!s/$/,/'
  echo ']'
} >"$DIR/catalogue.json"

first_line() { # what a row's <511*a> stands for, before the program sees it
  /usr/bin/python3 -c 'import re, sys
text = sys.stdin.read()
print(re.sub(r"<(\d+)\*(\w)>", lambda m: m[2] * int(m[1]), text), end="")'
}
first_line <"$DIR/catalogue.json" >"$DIR/catalogue" && mv "$DIR/catalogue" "$DIR/catalogue.json"

start_store --catalogue "$DIR/catalogue.json"

# What a row orders of the processes.  Settings that an order names hold until the next one.
obey() { # WORD [arguments…]
  local word=$1
  shift
  case $word in
  urls) ;;
  pool)
    stop "$POOL"
    rm -f "$DIR/fcgi.sock"
    start_pool "$@"
    ;;
  daemon)
    stop "$DAEMON"
    start_daemon "$@"
    ;;
  stop-daemon) stop "$DAEMON" ;;
  freeze-daemon) kill -STOP "$DAEMON" ;;
  thaw-daemon) kill -CONT "$DAEMON" ;;
  start-daemon) start_daemon "$@" ;;
  stop-central) stop "$CENTRAL_PID" ;;
  start-central) start_central --catalogue "$DIR/catalogue.json" --port "${CENTRAL##*:}" ;;
  empty-store)
    stop "$DAEMON"
    rm -rf "$DATA_DIR"
    start_daemon "$@"
    ;;
  break-store)
    stop "$DAEMON"
    stop "$POOL"
    rm -f "$DIR/fcgi.sock"
    dd if=/dev/zero of="$DATA_DIR/current/data.mdb" bs=4096 count=2 conv=notrunc status=none
    start_pool
    ;;
  *) fail "an order that nobody knows: $word" ;;
  esac
}

coproc RUNNER {
  exec /usr/bin/python3 "$here/rest.py" "$here/rest.txt" "$root/src/api/openapi.json" \
    "$WEB_SERVER" ${1+"$1"} \
    2>"$DIR/rows.out"
}
# The shell forgets the descriptors when the process ends, so they are kept under numbers of our own.
exec 3<&"${RUNNER[0]}" 4>&"${RUNNER[1]}"
while read -r -u 3 line; do
  read -r -a words <<<"$line"
  obey "${words[@]}" </dev/null 3<&- 4>&-
  echo "$WEB $CENTRAL $DIR/fcgi.sock" >&4
done
add_counts <"$DIR/rows.out"
