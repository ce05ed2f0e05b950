#!/usr/bin/env bash
# pool_memory.sh [REQUESTS]: the pool's private memory (RssAnon of all its processes) over so
# many requests (50,000) straight at its socket, on kept connections and new ones, while
# products change and the store flips.  Flat: after the first tenth it grows by less than
# 1 MiB for each process.  The last line is `N passed, N failed, N skipped`.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
total=${1:-50000}
steps=10 processes=2
export POOL_PROCESSES=$processes POOL_THREADS=8 LOG_LEVEL=info API_KEYS=k1
start_store --products 999

memory() { # KiB of the supervisor and its workers
  local pid sum=0 kib
  for pid in $POOL $(children "$POOL"); do
    kib=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")
    sum=$((sum + kib))
  done
  echo $sum
}
change() { admin PUT set "{\"products\":[{\"productId\":\"PROD-001\",\"available\":$1}]}" >/dev/null; }

workers=$(children "$POOL")
failures=0 most=0 first=0
began=$SECONDS
for step in $(seq 1 $steps); do
  line=$("$BUILD/tests/load" fcgi "$DIR/fcgi.sock" 12 $((total / steps)))
  read -r n _ lost _ <<<"$line"
  failures=$((failures + lost + total / steps - n))
  change "$step"
  curl -sS --max-time 20 -H 'X-API-Key: k1' -d '' "$WEB/v1/store/sync/force?wait=0" -o /dev/null
  kib=$(memory)
  echo "after $((step * total / steps)) requests: $kib KiB ($line)"
  [ "$step" -gt 1 ] || first=$kib
  [ "$kib" -le "$most" ] || most=$kib
done
echo "$total requests in $((SECONDS - began)) s"
is 'no request failed' "$failures" 0
is 'the same workers served them all' "$(children "$POOL")" "$workers"
check "memory stays flat ($first KiB, at most $most KiB)" \
  test "$most" -le $((first + 1024 * (processes + 1)))
