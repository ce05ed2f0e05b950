#!/usr/bin/env bash
# sync.sh [PRODUCTS]: how fast the daemon fills, follows and idles, against the
# simulated Central on the same machine.  Prints one figure a line; what can be
# a ratio in one run is one.
set -u
cd "$(dirname "$0")/../.." || exit 1
products=${1:-1000000}
build=${BUILD:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$dir"
}
trap finish EXIT

pause() { read -r -t "$1" <> <(:) || true; }
now() { echo "${EPOCHREALTIME/./}"; }
ms_since() { echo $((($(now) - $1) / 1000)); }
private_kb() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }

central() {
  "$build/tests/central" --products "$products" --log-size 300000 >"$dir/out" 2>/dev/null &
  pids+=("$!")
  until [ -s "$dir/out" ]; do pause 0.02; done
  url=http://$(sed -n 's/^listening on //p' "$dir/out")
}
syncd() {
  env DATA_DIR="$dir/data" RUN_DIR="$dir" CENTRAL_API_URL="$url" CENTRAL_API_KEY=demo \
    SYNC_INTERVAL_SECONDS=0 VERIFY_INTERVAL_MINUTES=0 EVENT_BATCH_LIMIT=1000 \
    "$build/store-syncd" 2>>"$dir/log" &
  daemon=$!
  pids+=("$daemon")
}
change() { # FROM N: one call, N events
  local i
  {
    printf '{"products":['
    for ((i = $1; i < $1 + $2; i++)); do
      [ "$i" = "$1" ] || printf ,
      printf '{"productId":"PROD-%0*d","available":%d}' "${#products}" "$i" "$((RANDOM % 1000))"
    done
    printf ']}'
  } >"$dir/order"
  curl -sS -X PUT -H 'X-API-Key: admin' -d "@$dir/order" "$url/v1/admin/products/set" >/dev/null
}
head_of() { curl -sS "$url/test/stats" | sed -E 's/.*"head":([0-9]+).*/\1/'; }
offset_reached() { grep -q "msg=\"event sync batch\".* offset=$1 " "$dir/log"; }

central
# The same pages by one curl over one kept connection.
for ((offset = 0; offset < products; offset += 199)); do
  echo "url=\"$url/v1/inventory?offset=$offset&limit=200\""
  echo 'output=/dev/null'
done >"$dir/urls"
start=$(now)
curl -sS -H 'X-API-Key: demo' -K "$dir/urls"
by_curl=$((($(now) - start) / 1000))

start=$(now)
syncd
peak=0
until grep -q 'full sync done' "$dir/log"; do
  kb=$(private_kb "$daemon") && [ "${kb:-0}" -gt "$peak" ] && peak=$kb
  pause 0.05
done
took=$((($(now) - start) / 1000))
echo "full sync of $products: $took ms; one curl fetches the same pages in $by_curl ms (ratio $((took * 100 / by_curl))/100)"
echo "private memory of the daemon meanwhile: $peak kB at most"
echo "data file: $(du -k "$(readlink -f "$dir/data/current")/data.mdb" | cut -f 1) kB"

# Events: all made while the daemon is away, then followed at batches of 1,000.
kill "$daemon"
wait "$daemon"
events=100000
[ "$events" -le "$products" ] || events=$products
for ((i = 1; i + 999 <= events; i += 1000)); do change "$i" 1000; done
wanted=$(head_of)
: >"$dir/log"
start=$(now)
LOG_LEVEL=debug syncd
until offset_reached "$wanted"; do pause 0.02; done
took=$((($(now) - start) / 1000))
echo "events: $wanted in $took ms: $((wanted * 1000 / took)) a second, each batch durable"

# A burst of 2,000 while it follows.
start=$(now)
change 1 1000
change 1001 1000
wanted=$(head_of)
until offset_reached "$wanted"; do pause 0.01; done
echo "a burst of 2,000: in the store after $(ms_since "$start") ms"

# Idle: system calls of ten seconds with one long poll open.
if command -v strace >/dev/null; then
  timeout 10 strace -qq -f -c -p "$daemon" 2>"$dir/calls"
  calls=$(awk '$NF == "total" { print $4 }' "$dir/calls")
  echo "idle: ${calls:-0} system calls in 10 s"
fi
