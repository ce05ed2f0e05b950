#!/usr/bin/env bash
# bench.sh [quick|standard|full]: what Store API costs, side by side with what
# it could be compared with.  `make bench-quick`, `make bench`, BENCH_FULL=1.
#
# Every figure of a request is taken in rounds: each round asks all subjects in
# turn for a second, so that what else the machine does meets all of them, and
# what counts are ratios within one run.  The subjects:
#
#   ours     the pool, behind the web server with the settings of conf/
#   null     the same pool with a constant answer of the same bytes (null.c)
#   plain    libfcgi alone with that answer (plain.c)
#   static   that answer as a file of the same web server
#   peer     any other HTTP service, at BENCH_PEER_URL
#
# Samples go to build/bench/samples.tsv, a line each: part, cell, subject,
# metric, value.  report.py makes the tables and plots of them.
#
# Wants wrk; strace, valgrind and lmdb-utils for some parts, which are left out
# without them; gnuplot for the plots.
# shellcheck disable=SC2119,SC2120,SC2154,SC2153 # as in lib.sh
set -u
size=${1:-standard}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"
end_all() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$DIR"
}
trap end_all EXIT

export LOG_LEVEL=warn POOL_THREADS=16 API_KEYS=demo CACHE_MAP_SIZE_MB=16384
export VERIFY_INTERVAL_MINUTES=0 EVENT_BATCH_LIMIT=1000
out=$root/build/bench
samples=$out/samples.tsv
mkdir -p "$out"
: >"$samples"
list=/v1/store/inventory
rounds=5

sample() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$samples"; } # PART CELL SUBJECT METRIC VALUE
say() { printf '%s\n' "$*" >&2; }
micro() { echo "${EPOCHREALTIME/./}"; }
id_of() { printf 'PROD-%0*d' "${#catalogue}" "$1"; }

# ---------------------------------------------------------------- a store of some size

is_filled() { grep -q 'full sync done' "$DIR/daemon.log" 2>/dev/null; }

begin_store() { # PRODUCTS
  catalogue=$1
  export DATA_DIR=$DIR/data-$1 RUN_DIR=$DIR/run-$1 FCGI_LISTEN=unix:$DIR/fcgi.sock
  start_central --products "$1" --log-size 300000
  : >"$DIR/daemon.log"
  start_daemon LOG_LEVEL=info
  until_true 120 is_filled || say "a store of $1 isn't filled"
  start_pool
}

end_store() {
  stop "$POOL"
  stop "$DAEMON"
  stop "$CENTRAL_PID"
  rm -rf "$DATA_DIR"
}

# ---------------------------------------------------------------- requests by wrk

# All of a program's processor time in ticks: its own and that of its children.
ticks() { # PID
  local pid
  for pid in "$1" $(children "$1"); do cat "/proc/$pid/stat" 2>/dev/null; done |
    awk '{ sub(/.*\) /, ""); n += $12 + $13 } END { print n + 0 }'
}

# CELL SUBJECT POOL-PID WEB-PID CONNECTIONS wrk-arguments…
measure() {
  local cell=$1 subject=$2 pool=$3 web=$4 connections=$5 ours_before web_before report rate requests
  shift 5
  ours_before=$(ticks "$pool") web_before=$(ticks "$web")
  report=$(wrk -t1 "-c$connections" -d1s --latency -H 'X-API-Key: demo' "$@" 2>&1)
  rate=$(awk '/^Requests\/sec/ { print $2 }' <<<"$report")
  requests=$(awk '/ requests in / { print $1 }' <<<"$report")
  if [ -z "$rate" ] || [ "${requests:-0}" -eq 0 ]; then
    say "$cell, $subject: no answers"
    return
  fi
  sample requests "$cell" "$subject" rate "$rate"
  sample requests "$cell" "$subject" errors \
    "$(awk '/Non-2xx/ { n += $NF } /Socket errors/ { gsub(",", ""); n += $4 + $6 + $8 + $10 } END { print n + 0 }' <<<"$report")"
  awk '$1 == "50%" || $1 == "99%" {
    v = $2 + 0; if ($2 ~ /us$/) v /= 1000; else if ($2 !~ /ms$/) v *= 1000
    print ($1 == "50%" ? "median_ms" : "p99_ms"), v }' <<<"$report" |
    while read -r metric value; do sample requests "$cell" "$subject" "$metric" "$value"; done
  [ "$pool" = - ] || sample requests "$cell" "$subject" pool_us \
    $((($(ticks "$pool") - ours_before) * 10000 / requests))
  [ "$web" = - ] || sample requests "$cell" "$subject" web_us \
    $((($(ticks "$web") - web_before) * 10000 / requests))
}

# The answer to URI, without what a web server adds: what null and plain give.
take_answer() { # URI header…
  curl -sS -D "$DIR/headers" -o "$DIR/answer" -H 'X-API-Key: demo' "${@:2}" "$web_ours$1" || return
  grep -viE '^(HTTP/|content-length|date|server|connection|transfer-encoding|accept-ranges)' \
    "$DIR/headers" | grep -v $'^\r$' >"$DIR/answer.headers"
  cp "$DIR/answer" "$html/static.json"
}

begin_references() {
  "$BUILD/tests/null" "$DIR/null.sock" "$POOL_PROCESSES" "$POOL_THREADS" "$DIR/answer.headers" \
    "$DIR/answer" 2>>"$DIR/null.log" &
  null=$!
  "$BUILD/tests/listen" --zero --unix "$DIR/plain.sock" "$BUILD/tests/plain" "$POOL_PROCESSES" \
    "$POOL_THREADS" "$DIR/answer.headers" "$DIR/answer" >/dev/null 2>>"$DIR/plain.log" &
  plain=$!
  pids+=("$null" "$plain")
  until_true 10 test -S "$DIR/null.sock" || say 'the null responder does not start'
  until_true 10 test -S "$DIR/plain.sock" || say 'the plain responder does not start'
  chmod 0666 "$DIR/null.sock" "$DIR/plain.sock"
}

end_references() {
  stop "$null"
  stop "$plain"
}

begin_servers() { # SERVER: three of it
  WEB_SERVER=$1
  start_web "$1" WEB_BESIDE=front-end
  web_ours=$WEB pid_ours=$WEB_PID html=$DIR/web-$webs/html
  start_web "$1" FCGI_SOCKET="$DIR/null.sock"
  web_null=$WEB pid_null=$WEB_PID
  start_web "$1" FCGI_SOCKET="$DIR/plain.sock"
  web_plain=$WEB pid_plain=$WEB_PID
}

end_servers() {
  stop "$pid_ours"
  stop "$pid_null"
  stop "$pid_plain"
}

# NAME CONNECTIONS URI wrk-arguments…: all subjects, in rounds.
cell() {
  local name="$1, $catalogue products, $2 connections, $WEB_SERVER" connections=$2 uri=$3 round
  shift 3
  say "$name"
  take_answer "$uri"
  begin_references
  for ((round = 0; round < rounds; round++)); do
    measure "$name" ours "$POOL" "$pid_ours" "$connections" "$@" "$web_ours$uri"
    measure "$name" null "$null" "$pid_null" "$connections" "$web_null$uri"
    measure "$name" plain "$plain" "$pid_plain" "$connections" "$web_plain$uri"
    measure "$name" static - "$pid_ours" "$connections" "$web_ours/static.json"
    [ -z "${BENCH_PEER_URL-}" ] || measure "$name" peer - - "$connections" "$BENCH_PEER_URL"
  done
  end_references
}

ids() { # N of them, spread over the catalogue
  local i all=
  for ((i = 1; i <= $1; i++)); do all=$all,$(id_of $((i * (catalogue / ($1 + 1)))));
  done
  echo "${all:1}"
}

cell_named() { # NAME CONNECTIONS
  local middle
  middle=$(id_of $((catalogue / 2)))
  case $1 in
  'one product') cell "$1" "$2" "$list/$middle" ;;
  'not found') cell "$1" "$2" "$list/NONE" ;;
  'not modified')
    take_answer "$list/$middle"
    cell "$1" "$2" "$list/$middle" -H "If-None-Match: $(tr -d '\r' <"$DIR/headers" | sed -n 's/^ETag: //Ip')"
    ;;
  'page of 50') cell "$1" "$2" "$list?limit=50" ;;
  'page of 200') cell "$1" "$2" "$list?limit=200" ;;
  'page at the far end') cell "$1" "$2" "$list?limit=50&offset=$((catalogue - 100))" ;;
  'page by after=') cell "$1" "$2" "$list?limit=50&after=$middle" ;;
  '50 by ids=') cell "$1" "$2" "$list?ids=$(ids 50)" ;;
  'sync status') cell "$1" "$2" /v1/store/sync/status ;;
  'mix 90/9/1') cell "$1" "$2" "$list/$middle" -s "$here/mix.lua" ;;
  esac
}

requests() {
  local server connections workload
  local workloads=('one product' 'not found' 'not modified' 'page of 50' 'page of 200'
    'page at the far end' 'page by after=' '50 by ids=' 'sync status' 'mix 90/9/1')
  local catalogues=(150 10000 1000000) others=(1 64 256) servers=(nginx apache)
  local both=('one product' 'page of 50')
  export BENCH_PREFIX=PROD-
  case $size in
  quick) workloads=("${both[@]}") catalogues=() others=() servers=() rounds=3 ;;
  full) both=("${workloads[@]}") ;;
  esac
  begin_store 100000
  begin_servers lighttpd
  for workload in "${workloads[@]}"; do cell_named "$workload" 16; done
  for connections in "${others[@]}"; do
    for workload in "${both[@]}"; do cell_named "$workload" "$connections"; done
  done
  end_servers
  for server in "${servers[@]}"; do
    begin_servers "$server"
    for workload in "${both[@]}"; do cell_named "$workload" 16; done
    end_servers
  done
  end_store
  for catalogue in "${catalogues[@]}"; do
    begin_store "$catalogue"
    begin_servers lighttpd
    for workload in 'one product' 'page of 50' 'page at the far end'; do cell_named "$workload" 16; done
    end_servers
    end_store
  done
}

# shellcheck source=tests/bench/parts.sh
. "$here/parts.sh"

case $size in
quick)
  requests
  costs 100000 500
  ;;
*)
  requests
  costs 100000 2000
  scale 1000000
  growth 100000 1000000
  sync_lines 1000000
  ;;
esac
python3 "$here/report.py" "$samples" "$out"
