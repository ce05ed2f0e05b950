#!/usr/bin/env bash
# bench.sh [quick|standard|full|PART…]: what Store API costs, side by side with
# what it could be compared with.  `make bench-quick`, `make bench`, BENCH_FULL=1;
# tests/bench/README.md says how it measures, and what each figure means.
#
#   requests  requests a second beside the references        requests.sh
#   sizes     the same page of three catalogues in one run   requests.sh
#   costs     system calls and instructions of a request     costs.sh
#   scale     position, a walk, restarts, memory             scale.sh
#   sync      full sync, events, latency, readers meanwhile  sync.sh
#   growth    the data file under a day's worth of updates   growth.sh
#
# Samples go to build/bench/samples.tsv, a line each: part, cell, subject, metric,
# value.  facts.tsv says when, of what and where.  report.py makes the tables and
# plots of both.
#
# From the environment: BENCH_PRODUCTS and BENCH_PRODUCTS_MOST, the sizes of the two
# catalogues that everything is measured with (at least 1,000); BENCH_ROUNDS;
# BENCH_PEER_URL, another service to measure beside.
#
# Wants wrk; strace, valgrind and lmdb-utils for some parts, which are left out
# without them; gnuplot for the plots.
# shellcheck disable=SC2154 # variables of lib.sh
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
# What was measured until then is reported, also where something went wrong.
end_all() {
  local left
  mapfile -t left < <(pids_left)
  [ "${#left[@]}" -eq 0 ] || kill "${left[@]}" 2>/dev/null
  wait
  rm -rf "$DIR"
  [ ! -s "$samples" ] || python3 "$here/report.py" "$out"
}
trap end_all EXIT

# As installed, but for what would add noise; and no change waits at Central.
export LOG_LEVEL=warn POOL_THREADS=16 API_KEYS=demo CACHE_MAP_SIZE_MB=16384
export EVENT_WAIT_TIMEOUT_SECONDS=20 EVENT_BATCH_LIMIT=1000 VERIFY_INTERVAL_MINUTES=0
products=${BENCH_PRODUCTS:-100000}
most=${BENCH_PRODUCTS_MOST:-1000000}
rounds=${BENCH_ROUNDS:-5} goal_rounds=$((3 * ${BENCH_ROUNDS:-5}))
list=/v1/store/inventory
out=$root/build/bench
samples=$out/samples.tsv
facts=$out/facts.tsv

sample() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$samples"; } # PART CELL SUBJECT METRIC VALUE
samples_of() { # PART CELL SUBJECT: lines METRIC VALUE on stdin
  local metric value
  while read -r metric value; do sample "$1" "$2" "$3" "$metric" "$value"; done
}
fact() { printf '%s\t%s\n' "$@" >>"$facts"; } # NAME VALUE
say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
micro() { echo "${EPOCHREALTIME/./}"; }
ms_since() { echo $((($(micro) - $1) / 1000)); }
pause() { read -r -t "$1" <> <(:) || true; }
has_tool() { # NAME PACKAGE
  command -v "$1" >/dev/null || {
    say "left out: needs $1 ($2)"
    return 1
  }
}

# ---------------------------------------------------------------- facts

version_of() { # command…: what looks like a version in its output
  "$@" 2>&1 | grep -oE '[0-9]+\.[0-9.]+' | head -n 1
}
machine() {
  local kind='on bare metal'
  grep -q '^flags.* hypervisor' /proc/cpuinfo && kind='of a virtual machine'
  echo "$(nproc) cores $kind, $(uname -m)"
}
commit() {
  local id
  id=$(git -C "$root" rev-parse --short=10 HEAD 2>/dev/null) || id=unknown
  [ "$id" = unknown ] || git -C "$root" diff --quiet HEAD || id+=' and changes'
  echo "$id"
}
write_facts() { # SIZE
  fact date "$(date -u +%F)"
  fact size "$1"
  fact commit "$(commit)"
  fact machine "$(machine)"
  fact versions "Linux $(uname -r | grep -oE '^[0-9]+\.[0-9]+'), lighttpd $(version_of lighttpd -v), nginx $(version_of nginx -v), Apache $(version_of apache2 -v), libfcgi $(pkg-config --modversion fcgi), LMDB $(pkg-config --modversion lmdb), libcurl $(pkg-config --modversion libcurl)"
  fact pool "$POOL_PROCESSES processes of $POOL_THREADS threads"
  fact products "$products"
  fact most "$most"
}

# ---------------------------------------------------------------- a store of some size

is_filled() { grep -q 'full sync done' "$DIR/daemon.log" 2>/dev/null; }
id_of() { printf 'PROD-%0*d' "${#catalogue}" "$1"; }

# Central with so many products, whose feed keeps LOG-SIZE events.
begin_central() { # PRODUCTS [LOG-SIZE]
  catalogue=$1
  export DATA_DIR=$DIR/data-$1 RUN_DIR=$DIR/run-$1
  start_central --products "$1" --log-size "${2:-300000}"
  [ "$failed" -eq 0 ] || die "Central doesn't start"
  : >"$DIR/daemon.log"
}

begin_pool() { # → $POOL, at $socket
  socket=$DIR/fcgi-$catalogue.sock
  env FCGI_LISTEN="unix:$socket" "${for_web[@]}" "$BUILD/store-api.fcgi" 2>>"$DIR/pool.log" &
  POOL=$!
  pids+=("$POOL")
  "$BUILD/tests/bench" answers "$socket" || die "the pool doesn't answer"
}

begin_store() { # PRODUCTS [LOG-SIZE]
  begin_central "$@"
  start_daemon LOG_LEVEL=info
  until_true 120 is_filled || die "a store of $1 isn't filled"
  begin_pool
}

end_store() {
  stop "$POOL"
  stop "$DAEMON"
  stop "$CENTRAL_PID"
  rm -rf "$DATA_DIR"
}

# Changes at Central, as many as there are ids on stdin: create, set or delete.
change() { # VERB
  local method
  case $1 in
  create) method=POST ;;
  set) method=PUT ;;
  delete) method=DELETE ;;
  esac
  awk -v verb="$1" -v seed="$RANDOM" 'BEGIN { srand(seed) }
    { item = "\"" $1 "\"" }
    verb == "set" { item = "{\"productId\":" item ",\"available\":" int(rand() * 1000) "}" }
    verb == "create" { item = "{\"productId\":" item ",\"name\":\"One more\",\"available\":1,\"price\":1.5}" }
    { all = all (NR > 1 ? "," : "") item }
    END { printf "{\"%s\":[%s]}", verb == "delete" ? "productIds" : "products", all }' >"$DIR/order"
  admin "$method" "$1" "@$DIR/order" >/dev/null
}

# All of a program's processor time in ticks: its own and that of its children.
ticks() { # PID
  local pid
  for pid in "$1" $(children "$1"); do cat "/proc/$pid/stat" 2>/dev/null; done |
    awk '{ sub(/.*\) /, ""); n += $12 + $13 } END { print n + 0 }'
}
# What was used since, for each of N, in microseconds.
us_each() { # PID TICKS-BEFORE N
  awk -v t="$(($(ticks "$1") - $2))" -v hz="$(getconf CLK_TCK)" -v n="$3" 'BEGIN { printf "%.1f\n", t * 1e6 / hz / n }'
}

# shellcheck source=tests/bench/requests.sh
. "$here/requests.sh"
# shellcheck source=tests/bench/costs.sh
. "$here/costs.sh"
# shellcheck source=tests/bench/scale.sh
. "$here/scale.sh"
# shellcheck source=tests/bench/sync.sh
. "$here/sync.sh"
# shellcheck source=tests/bench/growth.sh
. "$here/growth.sh"

# ---------------------------------------------------------------- a run

run() { # PART: the function of that name and size
  local start=$SECONDS
  say "$1"
  "$1"
  sample time "$1" ours s $((SECONDS - start))
}

size=${1:-standard}
case $size in
quick) parts=(requests costs) rounds=${BENCH_ROUNDS:-3} goal_rounds=${BENCH_ROUNDS:-3} ;;
standard | full) parts=(requests sizes costs scale sync growth) ;;
*) parts=("$@") size=${*} ;;
esac
mkdir -p "$out"
rm -f "$out"/*
: >"$samples"
write_facts "$size"
for part in "${parts[@]}"; do
  case $part in
  requests | sizes | costs | scale | sync | growth) run "$part" ;;
  *) die "there is no part $part" ;;
  esac
done
