#!/usr/bin/env bash
# demo.sh: a whole store in the foreground, until Ctrl-C.
#
# Simulated Central (or CENTRAL_API_URL), daemon, pool and lighttpd on PORT.
# Everything it writes is in build/demo/; sockets live in a short temporary
# path, because a socket's address has room for 107 bytes only.
set -u
cd "$(dirname "$0")/../.." || exit 1

BUILD=$(cd "${BUILD:-build}" && pwd)
port=${PORT:-8083}
unset PORT # a setting of the programs too, where 0 is no port
demo=$BUILD/demo
pids=()

mkdir -p "$demo/web/html" || exit 1
rm -rf "$demo/data" "$demo"/*.log
run=$(mktemp -d "${TMPDIR:-/tmp}/store-api-demo.XXXXXX") || exit 1
mkfifo "$run/nothing" # nobody writes to it: to wait a while without a process

finish() {
  trap '' INT TERM
  # The shell's own list: a signal may come before the last one is in ours.
  # shellcheck disable=SC2046 # one word for each
  kill $(jobs -p) 2>/dev/null
  wait 2>/dev/null
  rm -rf "$run"
}
trap finish EXIT
trap 'echo; echo "Ending the demo."; exit 0' INT TERM

give_up() {
  echo "demo: $1" >&2
  exit 1
}

# Every program in a process group of its own, so that Ctrl-C reaches them
# through `finish` alone, in one order.
set -m
start() { # NAME command…
  local name=$1
  shift
  "$@" 2>"$demo/$name.log" &
  pids+=("$!")
  names[$!]=$name
}
declare -A names

# Ends the demo if a program has ended, with what that said last.
check_programs() {
  local pid
  for pid in "${pids[@]}"; do
    kill -0 "$pid" 2>/dev/null && continue
    give_up "${names[$pid]} has ended: $(tail -n 1 "$demo/${names[$pid]}.log")"
  done
}

# until_true SECONDS command…, given up at once if a program has ended.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    check_programs
    [ "$SECONDS" -lt "$deadline" ] || return 1
    read -r -t 0.1 <>"$run/nothing" || true
  done
}

# The port first: if that is taken, nothing else needs to start.
export WEB_DIR=$demo/web FCGI_SOCKET=$run/fcgi.sock WEB_STORES=one-store WEB_BESIDE=api-alone
start lighttpd "$BUILD/tests/listen" --port "$port" lighttpd -D -f conf/lighttpd/standalone.conf \
  >"$demo/port"
until_true 10 test -s "$demo/port" || give_up 'lighttpd did not start'

if [ -n "${CENTRAL_API_URL-}" ]; then
  central=$CENTRAL_API_URL
else
  start central "$BUILD/tests/central" --catalogue tests/demo/catalogue.json \
    >"$demo/central"
  until_true 10 grep -q '^listening on ' "$demo/central" || give_up 'the simulated Central did not start'
  central=http://$(sed -n 's/^listening on //p' "$demo/central")
fi

export CENTRAL_API_URL=$central DATA_DIR=$demo/data RUN_DIR=$run/run FCGI_LISTEN=unix:$run/fcgi.sock
export CENTRAL_API_KEY=${CENTRAL_API_KEY:-demo} SYNC_INTERVAL_SECONDS=${SYNC_INTERVAL_SECONDS:-0}
# The same for the tools, in another terminal; with Central's key in it.
(
  umask 077
  for name in CENTRAL_API_URL CENTRAL_API_KEY SYNC_INTERVAL_SECONDS DATA_DIR RUN_DIR FCGI_LISTEN; do
    echo "$name=${!name}"
  done >"$demo/store-api.conf"
)
start store-syncd "$BUILD/store-syncd"
start store-api.fcgi "$BUILD/store-api.fcgi"

store=http://127.0.0.1:$(cat "$demo/port")
is_live() {
  curl -s -m 2 -H 'X-API-Key: demo' "$store/v1/store/sync/status" | grep -q '"state":"live"'
}
live="The store is live"
until_true 30 is_live || live="The store is up, but not in step with $central yet (see the log below)"

cat <<EOF

$live: $store
Central: $central
Logs:    $demo/*.log

Worth trying, in another terminal:
  curl -H 'X-API-Key: demo' '$store/v1/store/inventory?limit=5'
  curl -H 'X-API-Key: demo' $store/v1/store/inventory/PROD-001
EOF
[ "${#pids[@]}" -eq 3 ] || cat <<EOF
  # a change at Central; then read the product again
  curl -X PUT -H 'X-API-Key: admin' -d '{"products":[{"productId":"PROD-001","available":3}]}' \\
    $central/v1/admin/products/set
  # two of PROD-002 are sold, at the version that was read; sent again it is that same sale, and
  # with another key a conflict
  curl -H 'X-API-Key: demo' -d '{"productId":"PROD-002","delta":-2,"version":4,"idempotencyKey":"sale-1"}' \\
    $store/v1/store/inventory/updates
EOF
cat <<EOF
  curl -H 'X-API-Key: demo' $store/v1/store/sync/status
  curl $store/health
  # what the operator's tool says (storectl --help)
  $BUILD/storectl --config $demo/store-api.conf status
  $BUILD/storectl --config $demo/store-api.conf doctor --url $store

Ctrl-C ends it.  The log:
EOF

start tail tail -n 20 -q -F "$demo/store-syncd.log" "$demo/store-api.fcgi.log"
wait -n
check_programs
