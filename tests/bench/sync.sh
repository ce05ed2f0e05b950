#!/usr/bin/env bash
# sync.sh [PRODUCTS]: how fast the daemon fills, follows and idles, and what
# readers see meanwhile, against the simulated Central on the same machine.
# Prints one figure a line; what can be a ratio in one run is one.
#
# Sizes want mdb_copy (lmdb-utils), idling wants strace; without them those
# lines are left out.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
products=${1:-1000000}
build=${BUILD:-build}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
chmod 0711 "$dir"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

export DATA_DIR=$dir/data RUN_DIR=$dir FCGI_LISTEN=unix:$dir/fcgi.sock CENTRAL_API_KEY=demo
export SYNC_INTERVAL_SECONDS=0 VERIFY_INTERVAL_MINUTES=0 EVENT_BATCH_LIMIT=1000
export POOL_PROCESSES=2 API_KEYS=demo

pause() { read -r -t "$1" <> <(:) || true; }
now() { echo "${EPOCHREALTIME/./}"; }
ms_since() { echo $((($(now) - $1) / 1000)); }
private_kb() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
hundredths() { echo "$(($1 * 100 / $2))/100"; }

central() {
  "$build/tests/central" --products "$products" --log-size 300000 >"$dir/out" 2>/dev/null &
  pids+=("$!")
  until [ -s "$dir/out" ]; do pause 0.02; done
  url=http://$(sed -n 's/^listening on //p' "$dir/out")
}
syncd() {
  env CENTRAL_API_URL="$url" "$build/store-syncd" 2>>"$dir/log" &
  daemon=$!
  pids+=("$daemon")
}
pool() {
  "$build/store-api.fcgi" 2>>"$dir/pool.log" &
  pool=$!
  pids+=("$pool")
  until [ -S "$dir/fcgi.sock" ]; do pause 0.02; done
}
web() {
  mkdir -p "$dir/web/html"
  WEB_DIR=$dir/web FCGI_SOCKET=$dir/fcgi.sock WEB_STORES=one-store WEB_BESIDE=api-alone \
    "$build/tests/listen" lighttpd -D -f "$root/conf/lighttpd/standalone.conf" \
    >"$dir/port" 2>"$dir/web.log" &
  pids+=("$!")
  until [ -s "$dir/port" ]; do pause 0.02; done
  web=http://127.0.0.1:$(cat "$dir/port")
}
paced() { # starts a client of 200 GETs a second
  "$build/tests/bench" paced "$web" "$products" 200 >"$dir/paced" &
  client=$!
  pids+=("$client")
}
paced_ends() { # WHEN
  kill "$client"
  wait "$client"
  echo "$1: $(cat "$dir/paced")"
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

# What the disk holds of all generations, now and at most, while a full sync runs.
on_disk_kb() { find "$DATA_DIR" -name data.mdb -exec du -k {} + 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'; }
watch_full_sync() { # HOW MANY records of its end: → $took, $peak, $disk_peak
  local start kb
  start=$(now) peak=0 disk_peak=0
  until [ "$(grep -c 'full sync done' "$dir/log")" -ge "$1" ]; do
    kb=$(private_kb "$daemon") && [ "${kb:-0}" -gt "$peak" ] && peak=$kb
    kb=$(on_disk_kb) && [ "$kb" -gt "$disk_peak" ] && disk_peak=$kb
    pause 0.05
  done
  took=$(ms_since "$start")
}

central
# The same pages by one curl over one kept connection.
for ((offset = 0; offset < products; offset += 199)); do
  echo "url=\"$url/v1/inventory?offset=$offset&limit=200\""
  echo 'output=/dev/null'
done >"$dir/urls"
start=$(now)
curl -sS -H 'X-API-Key: demo' -K "$dir/urls"
by_curl=$(ms_since "$start")

syncd
watch_full_sync 1
echo "first full sync of $products: $took ms; one curl fetches the same pages in $by_curl ms (ratio $(hundredths "$took" "$by_curl"))"
echo "private memory of the daemon meanwhile: $peak kB at most"

# A second one, beside readers.
pool
web
paced
pause 10
paced_ends 'while nothing else happens'
paced
kill -USR1 "$daemon"
watch_full_sync 2
paced_ends 'during a full sync'
echo "second full sync, with readers: $took ms (ratio $(hundredths "$took" "$by_curl")); private memory of the daemon: $peak kB at most"
if command -v mdb_copy >/dev/null; then
  mkdir "$dir/compact"
  mdb_copy -c "$DATA_DIR/current/" "$dir/compact"
  compact=$(du -k "$dir/compact/data.mdb" | cut -f 1)
  pause 2
  echo "generations: $disk_peak kB at most during it ($(hundredths "$disk_peak" "$compact") of a compacted copy, $compact kB), $(on_disk_kb) kB after it ($(hundredths "$(on_disk_kb)" "$compact"))"
  rm -r "$dir/compact"
fi

# Pages by offset, without a web server; what the readers hold then.
"$build/tests/bench" fcgi "$dir/fcgi.sock" 2000 /v1/store/inventory \
  "/v1/store/inventory?offset=$((products * 9 / 10))" '/v1/store/inventory?limit=200' \
  "/v1/store/inventory?limit=200&offset=$((products * 9 / 10))"
read -r -a workers <"/proc/$pool/task/$pool/children"
for pid in "${workers[@]}"; do echo "private memory of a worker: $(private_kb "$pid") kB"; done
echo "private memory of the daemon at rest: $(private_kb "$daemon") kB"

# From Central to a client.
"$build/tests/bench" visible "$url" "$web" "PROD-$(printf '%0*d' "${#products}" 5)" 300

# Events: all made while the daemon is away, then followed at batches of 1,000.
kill "$daemon"
wait "$daemon"
before=$(head_of)
events=100000
[ "$events" -le "$products" ] || events=$products
for ((i = 1; i + 999 <= events; i += 1000)); do change "$i" 1000; done
wanted=$(head_of)
behind=$((wanted - before))
: >"$dir/log"
start=$(now)
LOG_LEVEL=debug syncd
until offset_reached "$wanted"; do pause 0.02; done
took=$(ms_since "$start")
echo "events: $behind in $took ms, from the start of the program: $((behind * 1000 / took)) a second, each batch of 1,000 durable"

# A burst of 2,000 while it follows.
start=$(now)
change 1 1000
change 1001 1000
last=$(now)
wanted=$(head_of)
until offset_reached "$wanted"; do pause 0.01; done
echo "a burst of 2,000: in the store $(ms_since "$start") ms after it began, $(ms_since "$last") ms after its last"

# Idle: system calls of ten seconds with one long poll open.
if command -v strace >/dev/null; then
  timeout 10 strace -qq -f -c -p "$daemon" 2>"$dir/calls"
  calls=$(awk '$NF == "total" { print $4 }' "$dir/calls")
  echo "idle: ${calls:-0} system calls of the daemon in 10 s"
fi
