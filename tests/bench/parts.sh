# shellcheck shell=bash
# parts.sh: what bench.sh measures beside requests a second.  Sourced by it.
#
#   costs      system calls and instructions of a request in our processes
#   scale      position, a walk over everything, restarts, memory
#   growth     the data file under a day's worth of updates
#   sync_lines full sync, events, latency: sync.sh, as it prints them
# shellcheck disable=SC2153,SC2154 # variables of bench.sh and lib.sh

has_tool() { # NAME PACKAGE
  command -v "$1" >/dev/null || {
    say "left out: needs $1 ($2)"
    return 1
  }
}

# ---------------------------------------------------------------- costs

answers_at() { [ "$("$BUILD/tests/load" status "$1" GET "$list?limit=1" demo 2>/dev/null)" = 200 ]; }
ask_often() { # WEB URI N: on one connection to the web server
  seq "$3" | sed "s|.*|url=\"$1$2\"\noutput=/dev/null|" >"$DIR/urls"
  curl -sS -H 'X-API-Key: demo' -K "$DIR/urls"
}

# SUBJECT CELL URI N command…: the program's calls under the null handler or ours
instructions() {
  local subject=$1 cell=$2 uri=$3 n=$4 pid web web_pid total
  shift 4
  rm -f "$DIR"/callgrind.*
  valgrind -q --tool=callgrind --trace-children=yes --collect-atstart=no \
    --toggle-collect=fcgi_serve --callgrind-out-file="$DIR/callgrind.%p" "$@" 2>>"$DIR/valgrind.log" &
  pid=$!
  pids+=("$pid")
  until_true 30 answers_at "$DIR/costs.sock" || say "$subject does not answer under callgrind"
  chmod 0666 "$DIR/costs.sock"
  start_web lighttpd FCGI_SOCKET="$DIR/costs.sock"
  web=$WEB web_pid=$WEB_PID
  ask_often "$web" "$uri" "$n"
  stop "$web_pid"
  kill "$pid"
  wait "$pid"
  total=$(cat "$DIR"/callgrind.* | awk '/^totals:|^summary:/ { if ($2 > most) most = $2 } END { print most }')
  # One of them was asked to see whether it is there.
  sample costs "$cell" "$subject" instructions $((total / (n + 1)))
}

system_calls() { # CELL URI N
  local web_pid tracers=() pid
  start_web lighttpd
  web_pid=$WEB_PID
  ask_often "$WEB" "$2" 20
  for pid in $(children "$POOL"); do
    strace -qq -f -c -U calls,name -o "$DIR/calls.$pid" -p "$pid" &
    tracers+=("$!")
  done
  until_true 10 are_traced || say 'strace does not attach'
  ask_often "$WEB" "$2" "$3"
  stop "$web_pid"
  for pid in "${tracers[@]}"; do kill -INT "$pid"; wait "$pid" 2>/dev/null; done
  awk -v n="$3" '$1 ~ /^[0-9]+$/ && $2 != "total" { calls[$2] += $1; all += $1 }
    END { for (c in calls) if (calls[c] / n >= 0.05) printf "%s %.2f\n", c, calls[c] / n; printf "all %.2f\n", all / n }' \
    "$DIR"/calls.* | while read -r call count; do
    sample costs "$1" ours "calls:$call" "$count"
  done
  rm -f "$DIR"/calls.*
}
are_traced() {
  local pid task
  for pid in $(children "$POOL"); do
    for task in "/proc/$pid/task/"*; do
      grep -q '^TracerPid:[[:space:]]*[1-9]' "$task/status" || return 1
    done
  done
}

costs() { # PRODUCTS REQUESTS
  local uri cell middle
  begin_store "$1"
  middle=$(id_of $(($1 / 2)))
  begin_servers lighttpd
  for cell in 'one product' 'page of 50' 'page of 200'; do
    case $cell in
    'one product') uri=$list/$middle ;;
    'page of 50') uri="$list?limit=50" ;;
    'page of 200') uri="$list?limit=200" ;;
    esac
    say "costs: $cell"
    take_answer "$uri"
    has_tool strace strace && system_calls "$cell" "$uri" "$2"
    has_tool valgrind valgrind || continue
    instructions ours "$cell" "$uri" "$2" env POOL_PROCESSES=1 FCGI_LISTEN="unix:$DIR/costs.sock" \
      RUN_DIR="$DIR" "$BUILD/store-api.fcgi"
    instructions null "$cell" "$uri" "$2" "$BUILD/tests/null" "$DIR/costs.sock" 1 "$POOL_THREADS" \
      "$DIR/answer.headers" "$DIR/answer"
  done
  end_servers
  end_store
}

# ---------------------------------------------------------------- scale

numbers_of() { # LABEL: "median p99" in ms out of a line of tests/bench/client.c
  sed -nE "s/^$1: [0-9]+, median ([0-9.]+) ms, p99 ([0-9.]+) ms, .*/\1 \2/p"
}

position() { # while creates and deletes go on
  local churn pages first
  churn_on &
  churn=$!
  pids+=("$churn")
  until_true 20 test -s "$DIR/churned"
  "$BUILD/tests/bench" offsets "$DIR/fcgi.sock" 1000 "$catalogue" >"$DIR/offsets"
  stop "$churn"
  read -r pages _ < <(numbers_of 'pages of 50 at random offsets' <"$DIR/offsets")
  read -r first _ < <(numbers_of 'first pages of 50' <"$DIR/offsets")
  sample scale 'page of 50 at random offsets' ours median_ms "$pages"
  sample scale 'first page of 50' ours median_ms "$first"
}

# Creates and deletes at Central, a hundred of each ten times a second: 1,000 and 1,000.
churn_on() {
  local i round start
  for ((round = 0; ; round++)); do
    start=$(micro)
    {
      printf '{"products":['
      for ((i = 0; i < 100; i++)); do
        [ "$i" = 0 ] || printf ,
        printf '{"productId":"CHURN-%d-%d","name":"x","available":1,"price":1.5}' "$round" "$i"
      done
      printf ']}'
    } >"$DIR/create"
    curl -sS -H 'X-API-Key: admin' -d "@$DIR/create" "$CENTRAL/v1/admin/products/create" >/dev/null
    if ((round > 0)); then
      {
        printf '{"productIds":['
        for ((i = 0; i < 100; i++)); do
          [ "$i" = 0 ] || printf ,
          printf '"CHURN-%d-%d"' $((round - 1)) "$i"
        done
        printf ']}'
      } >"$DIR/delete"
      curl -sS -X DELETE -H 'X-API-Key: admin' -d "@$DIR/delete" \
        "$CENTRAL/v1/admin/products/delete" >/dev/null
    fi
    echo "$round" >"$DIR/churned"
    while [ $(($(micro) - start)) -lt 100000 ]; do read -r -t 0.01 <> <(:) || true; done
  done
}

walk_all() {
  local line
  line=$("$BUILD/tests/bench" walk "$web_ours" 200)
  sample scale 'walk by after= at 200 a page' ours products_per_s \
    "$(awk -v n="$catalogue" '{ print int(n / $5) }' <<<"$line")"
}

answers_products() { [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'X-API-Key: demo' "$web_ours$list?limit=1")" = 200 ]; }
logged_live() { grep -q 'sync status.* state=live' "$DIR/daemon.log"; }

restarts() {
  local start i
  for ((i = 0; i < rounds; i++)); do
    stop "$POOL"
    start=$(micro)
    start_pool
    until_true 10 answers_at "$DIR/fcgi.sock"
    sample scale 'restart of the pool to its first answer' ours ms $((($(micro) - start) / 1000))
    stop "$DAEMON"
    : >"$DIR/daemon.log"
    start=$(micro)
    start_daemon LOG_LEVEL=info
    until_true 20 logged_live
    sample scale 'restart of the daemon until live' ours ms $((($(micro) - start) / 1000))
  done
}

memory_of() { # SUBJECT PID
  awk -v OFS='\t' '/^Rss:|^Pss:|^Anonymous:/ { sub(":", "", $1); print $1, $2 }' \
    "/proc/$2/smaps_rollup" | while read -r what kb; do
    sample scale "memory: $1" ours "${what}_kB" "$kb"
  done
}

memory() {
  local pid
  for pid in $(children "$POOL"); do memory_of worker "$pid"; done
  memory_of daemon "$DAEMON"
}

# A paced client, quiet and beside others.
paced_beside() { # CELL command…
  local cell=$1 client median p99
  shift
  "$BUILD/tests/bench" paced "$web_ours" "$catalogue" 500 >"$DIR/paced" &
  client=$!
  pids+=("$client")
  "$@"
  kill "$client"
  wait "$client"
  read -r median p99 < <(numbers_of 'paced GETs' <"$DIR/paced")
  sample scale "500 GETs a second, $cell" ours median_ms "$median"
  sample scale "500 GETs a second, $cell" ours p99_ms "$p99"
}
full_sync_now() {
  : >"$DIR/daemon.log"
  kill -USR1 "$DAEMON"
  until_true 120 is_filled
}
quiet_for() { read -r -t "$1" <> <(:) || true; }

scale() { # PRODUCTS
  say "scale: $1 products"
  begin_store "$1"
  begin_servers lighttpd
  walk_all
  memory
  paced_beside 'quiet' quiet_for 10
  paced_beside 'under 256 connections' wrk -t1 -c256 -d10s -H 'X-API-Key: demo' "$web_ours$list?limit=50" >/dev/null
  paced_beside 'during a full sync' full_sync_now
  restarts
  position
  end_servers
  end_store
}

# ---------------------------------------------------------------- growth

data_kb() { du -kL "$DATA_DIR/current/data.mdb" | cut -f 1; }

growth() { # PRODUCTS UPDATES
  local i round wanted grown compact
  has_tool mdb_copy lmdb-utils || return
  say "growth: $2 updates of $1 products"
  begin_store "$1"
  begin_servers lighttpd
  wrk -t1 -c4 "-d3600s" -H 'X-API-Key: demo' "$web_ours$list?limit=50" >/dev/null 2>&1 &
  pids+=("$!")
  local load=$!
  for ((round = 0; round < $2 / 1000; round++)); do
    awk -v n="$1" -v w="${#catalogue}" -v seed="$round" 'BEGIN {
      srand(seed); printf "{\"products\":["
      for (i = 0; i < 1000; i++)
        printf "%s{\"productId\":\"PROD-%0" w "d\",\"available\":%d}", i ? "," : "", int(rand() * n) + 1, rand() * 1000
      printf "]}" }' >"$DIR/order"
    curl -sS -X PUT -H 'X-API-Key: admin' -d "@$DIR/order" "$CENTRAL/v1/admin/products/set" >/dev/null
  done
  wanted=$(central_stat .head)
  until_true 120 offset_is "$wanted" || say 'the daemon does not catch up'
  grown=$(data_kb)
  stop "$load"
  mkdir "$DIR/compact"
  mdb_copy -c "$DATA_DIR/current/" "$DIR/compact"
  compact=$(du -k "$DIR/compact/data.mdb" | cut -f 1)
  rm -r "$DIR/compact"
  sample growth "after $2 updates of $1 products" ours file_kB "$grown"
  sample growth "after $2 updates of $1 products" ours compacted_kB "$compact"
  end_servers
  end_store
}
offset_is() {
  [ "$(curl -sS -H 'X-API-Key: demo' "$web_ours/v1/store/sync/status" | jq .eventSync.lastEventOffset)" -ge "$1" ]
}

# ---------------------------------------------------------------- sync

sync_lines() { # PRODUCTS
  say "sync: $1 products"
  (unset DATA_DIR RUN_DIR FCGI_LISTEN LOG_LEVEL && "$here/sync.sh" "$1") >"$out/sync.txt"
}
