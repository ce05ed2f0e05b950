# shellcheck shell=bash
# requests.sh: requests a second, by wrk.  Sourced by bench.sh.
#
# Every figure is taken in rounds: each round asks all subjects in turn for a
# second, so that what else the machine does meets all of them, and what counts
# are ratios within one run.  Each round begins with another subject, since what
# one leaves behind (a log to be written to the disk) falls upon the next.  The
# cells that goals are told of have more rounds.  The subjects:
#
#   ours     the pool, behind the web server with the settings of conf/
#   null     the same pool with a constant answer of the same bytes (null.c)
#   plain    libfcgi alone with that answer (plain.c)
#   static   that answer as a file of the same web server
#   peer     any other HTTP service, at BENCH_PEER_URL
# shellcheck disable=SC2154,SC2153 # variables of bench.sh and lib.sh

# Of wrk's report: rate, requests, median_ms, p99_ms, and how many answers were none
# that was wanted: wrk counts those of 400 and above, and those that never came.
read_wrk() { # WANTED-STATUS
  awk -v wanted="$1" '
    function ms(text) { return text ~ /us$/ ? text / 1000 : text ~ /ms$/ ? text + 0 : text * 1000 }
    $1 == "50%" { print "median_ms", ms($2) }
    $1 == "99%" { print "p99_ms", ms($2) }
    / requests in / { requests = $1 }
    /Socket errors/ { gsub(",", ""); lost = $4 + $6 + $8 + $10 }
    /Non-2xx/ { refused = $NF }
    /^Requests\/sec/ { rate = $2 }
    END {
      print "rate", rate + 0
      print "requests", requests + 0
      print "errors", lost + (wanted >= 400 ? requests - refused : refused + 0)
    }'
}

# CELL SUBJECT POOL-PID WEB-PID CONNECTIONS wrk-arguments…; $wanted: the status that is right
measure() {
  local cell=$1 subject=$2 pool=$3 web=$4 connections=$5 pool_before web_before report n
  shift 5
  pool_before=$(ticks "$pool") web_before=$(ticks "$web")
  report=$(wrk -t1 "-c$connections" -d1s --latency -H 'X-API-Key: demo' "$@" 2>&1 | read_wrk "${wanted:-200}")
  n=$(awk '$1 == "requests" { print $2 }' <<<"$report")
  samples_of requests "$cell" "$subject" <<<"$report"
  if [ "$n" -eq 0 ]; then
    say "$cell, $subject: no answers"
    return
  fi
  [ "$pool" = - ] || sample requests "$cell" "$subject" pool_us "$(us_each "$pool" "$pool_before" "$n")"
  [ "$web" = - ] || sample requests "$cell" "$subject" web_us "$(us_each "$web" "$web_before" "$n")"
}

# ---------------------------------------------------------------- the references

# The answer to URI, without what a web server adds: what null and plain give.
take_answer() { # URI curl-arguments…
  rm -f "$DIR/answer" # which curl leaves as it is where there is no body
  curl -sS -D "$DIR/headers" -o "$DIR/answer" -H 'X-API-Key: demo' "${@:2}" "$web_ours$1" || return
  grep -viE '^(HTTP/|content-length|date|server|connection|transfer-encoding|accept-ranges)' \
    "$DIR/headers" | grep -v $'^\r$' >"$DIR/answer.headers"
  [ -e "$DIR/answer" ] || : >"$DIR/answer"
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
  until_true 10 test -S "$DIR/null.sock" || say "the null responder doesn't start"
  until_true 10 test -S "$DIR/plain.sock" || say "the plain responder doesn't start"
  chmod 0666 "$DIR/null.sock" "$DIR/plain.sock"
}

end_references() {
  stop "$null"
  stop "$plain"
  rm -f "$DIR/null.sock" "$DIR/plain.sock"
}

begin_servers() { # SERVER: three of it
  WEB_SERVER=$1
  begin_web "$1"
  start_web "$1" FCGI_SOCKET="$DIR/null.sock"
  web_null=$WEB pid_null=$WEB_PID
  start_web "$1" FCGI_SOCKET="$DIR/plain.sock"
  web_plain=$WEB pid_plain=$WEB_PID
}
begin_web() { # SERVER: one, before our pool and the files of $html
  start_web "$1" FCGI_SOCKET="$socket" WEB_BESIDE=front-end
  web_ours=$WEB pid_ours=$WEB_PID html=$DIR/web-$webs/html
}

end_servers() {
  stop "$pid_ours"
  stop "$pid_null"
  stop "$pid_plain"
}

# ---------------------------------------------------------------- cells

# SUBJECT wrk-arguments…: for a second, in the cell whose $name, $connections and $uri these are.
ask() {
  local subject=$1
  shift
  case $subject in
  ours) measure "$name" ours "$POOL" "$pid_ours" "$connections" "$@" "$web_ours$uri" ;;
  null) wanted=200 measure "$name" null "$null" "$pid_null" "$connections" "$web_null$uri" ;;
  plain) wanted=200 measure "$name" plain "$plain" "$pid_plain" "$connections" "$web_plain$uri" ;;
  static) wanted=200 measure "$name" static - "$pid_ours" "$connections" "$web_ours/static.json" ;;
  peer) wanted=200 measure "$name" peer - - "$connections" "$BENCH_PEER_URL" ;;
  esac
}

# As goals.py has them.
has_goal() { # WORKLOAD CONNECTIONS
  [[ $catalogue = "$products" && $2 = 16 && ($1 = 'one product' || $1 = 'page of 50') ]]
}

# WORKLOAD CONNECTIONS URI [-H HEADER]: all subjects, in rounds.
cell() {
  local name="$1, $catalogue products, $2 connections, $WEB_SERVER" connections=$2 uri=$3
  local subjects=(ours null plain static) n=$rounds round i
  has_goal "$1" "$2" && n=$goal_rounds
  [ -z "${BENCH_PEER_URL-}" ] || subjects+=(peer)
  shift 3
  say "  $name"
  take_answer "$uri" "$@"
  begin_references
  for ((round = 0; round < n; round++)); do
    for ((i = 0; i < ${#subjects[@]}; i++)); do
      ask "${subjects[(round + i) % ${#subjects[@]}]}" "$@"
    done
  done
  end_references
}

# A mix has no one answer that a reference could give.
mixed_cell() { # WORKLOAD CONNECTIONS
  local name="$1, $catalogue products, $2 connections, $WEB_SERVER" round
  say "  $name"
  for ((round = 0; round < rounds; round++)); do
    BENCH_CATALOGUE=$catalogue BENCH_ROUND=$round measure "$name" ours "$POOL" "$pid_ours" "$2" \
      -s "$here/mix.lua" "$web_ours$list"
  done
}

ids() { # N of them, spread over the catalogue
  local i all=
  for ((i = 1; i <= $1; i++)); do all=$all,$(id_of $((i * (catalogue / ($1 + 1))))); done
  echo "${all:1}"
}

cell_named() { # WORKLOAD CONNECTIONS
  local middle
  middle=$(id_of $((catalogue / 2)))
  case $1 in
  'one product') cell "$1" "$2" "$list/$middle" ;;
  'not found') wanted=404 cell "$1" "$2" "$list/NONE" ;;
  'not modified')
    take_answer "$list/$middle"
    cell "$1" "$2" "$list/$middle" -H "If-None-Match: $(tr -d '\r' <"$DIR/headers" | sed -n 's/^ETag: //Ip')"
    ;;
  'page of 50') cell "$1" "$2" "$list?limit=50" ;;
  'page of 200') cell "$1" "$2" "$list?limit=200" ;;
  'page at the far end') cell "$1" "$2" "$list?limit=50&offset=$((catalogue - 50))" ;;
  'page by after=') cell "$1" "$2" "$list?limit=50&after=$middle" ;;
  '50 by ids=') cell "$1" "$2" "$list?ids=$(ids 50)" ;;
  'sync status') cell "$1" "$2" /v1/store/sync/status ;;
  'mix 90/9/1') mixed_cell "$1" "$2" ;;
  esac
}

workloads=('one product' 'not found' 'not modified' 'page of 50' 'page of 200'
  'page at the far end' 'page by after=' '50 by ids=' 'sync status' 'mix 90/9/1')

# Behind a server: LIST of workloads for each of the numbers of connections.
cells() { # SERVER 'CONNECTIONS…' WORKLOAD…
  local server=$1 all=$2 connections workload
  shift 2
  begin_servers "$server"
  for connections in $all; do
    for workload in "$@"; do cell_named "$workload" "$connections"; done
  done
  end_servers
}

requests() {
  local both=('one product' 'page of 50') n server
  case $size in
  quick)
    begin_store "$products"
    cells lighttpd 16 "${both[@]}"
    end_store
    ;;
  full)
    for n in 150 10000 "$products" "$most"; do
      begin_store "$n"
      for server in lighttpd nginx apache; do cells "$server" '1 16 64 256' "${workloads[@]}"; done
      end_store
    done
    ;;
  *) # one axis at a time
    begin_store "$products"
    cells lighttpd 16 "${workloads[@]}"
    cells lighttpd '1 64 256' "${both[@]}"
    for server in nginx apache; do cells "$server" 16 "${both[@]}"; done
    end_store
    for n in 150 10000 "$most"; do
      begin_store "$n"
      cells lighttpd 16 "${both[@]}"
      end_store
    done
    ;;
  esac
}

# ---------------------------------------------------------------- sizes

# The same page of three catalogues, with all three stores running at once: the
# rate in rounds, then instructions.
sizes() {
  local n round pid all=(150 "$products" "$most")
  local -A web=() pool=() web_pid=() daemon=() central=()
  for n in "${all[@]}"; do
    begin_store "$n"
    begin_web lighttpd
    web[$n]=$web_ours web_pid[$n]=$pid_ours pool[$n]=$POOL daemon[$n]=$DAEMON central[$n]=$CENTRAL_PID
  done
  for ((round = 0; round < 2 * rounds; round++)); do
    for n in "${all[@]}"; do
      wrk -t1 -c16 -d1s --latency -H 'X-API-Key: demo' "${web[$n]}$list?limit=50" |
        read_wrk 200 | samples_of sizes "page of 50, $n products" ours
    done
  done
  for pid in "${web_pid[@]}" "${pool[@]}"; do stop "$pid"; done
  for n in "${all[@]}"; do
    has_tool valgrind valgrind || break
    catalogue=$n
    export DATA_DIR=$DIR/data-$n RUN_DIR=$DIR/run-$n
    instructions_of_ours sizes "page of 50, $n products" "$list?limit=50" 500
  done
  for pid in "${daemon[@]}" "${central[@]}"; do stop "$pid"; done
  rm -rf "$DIR"/data-*
}
