# shellcheck shell=bash source=tests/e2e/lib.sh
# lib.sh: what the tests of faults share: a store that is used by clients who
# check what they see (watch.py), programs that are started anew when they end,
# as a service manager does it, the faults (faults.sh), and the frame in which one
# is tried.
#
#   start_watched [proxy]           the whole store, with or without a network that can fail
#   stop_watched                    the tills' books, and the end
#   try NAME SECONDS READS WRITES ROUNDS command…
#                                   READS, WRITES: what clients may be answered (patterns)
#   pid_of daemon|pool, workers     processes
# shellcheck disable=SC2034,SC2119,SC2120 # some are for the callers; start_watched's argument is optional
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

export VERIFY_INTERVAL_MINUTES=0 MAX_CONSECUTIVE_FAILURES=100 LOG_LEVEL=info API_KEYS=k1,k2
export CENTRAL_TIMEOUT_SECONDS=3 CENTRAL_WRITE_TIMEOUT_SECONDS=3 EVENT_WAIT_TIMEOUT_SECONDS=5
products=60 stock=1000000
guests=0       # products that come and go
pool_options=() # of the pool's command line
deep=${FAULTS_DEEP:+yes}

# What may be answered.  `web`: by the web server, without a word of ours.
good_reads='200|404 product_not_found'
lost_reads="$good_reads|none|(500|502|503) web"
bad_reads="$lost_reads|500 storage_error|503 cache_not_ready"
good_writes='200|409'
away_writes="$good_writes|503 (sync_daemon_unavailable|central_unavailable|overloaded)|504 central_timeout|429 central_rate_limited|502 central_error"
lost_writes="$away_writes|none|(500|502|503|504) web"

# What LMDB can't notice, flipped bits: a write that was applied can't be stored in what is damaged; its till
# waits for the store that is built anew, but not for long.  Pages that lead elsewhere leave products out.
flipped_may_be_wrong='[A-Z]+-... (went back from .* to .*|is missing, .*)|a (list|total) of .*'

# ---- programs

# As a service manager keeps it: started again soon after it ended, until it is told to end.
keep() { # NAME PROGRAM [options…]
  local name=$1 program=$2
  shift 2
  : >"$DIR/$name.pid"
  : >"$DIR/$name.exits"
  (
    trap 'kill "$child" 2>/dev/null; wait "$child"; exit 0' TERM
    while true; do
      "$BUILD/$program" "$@" 2>>"$DIR/$name.log" &
      child=$!
      echo "$child" >"$DIR/$name.pid"
      wait "$child"
      echo "$?" >>"$DIR/$name.exits"
      read -r -t 0.1 <>"$DIR/nothing"
    done
  ) 2>/dev/null &
  pids+=("$!")
}
pid_of() { cat "$DIR/$1.pid"; }
workers() { children "$(pid_of pool)"; }

# One that has made no full sync yet: they are spaced, more and more.
is_fresh() { [ "$(pid_of daemon)" != "$1" ] && state_is live; }
fresh_daemon() {
  local old
  old=$(pid_of daemon)
  kill "$old"
  until_true 20 is_fresh "$old" || fail 'the daemon is there again'
}

start_proxy() {
  mkfifo "$DIR/proxy.in"
  /usr/bin/python3 "$root/tests/faults/proxy.py" "${CENTRAL#http://}" \
    <"$DIR/proxy.in" >"$DIR/proxy.port" 2>"$DIR/proxy.log" &
  pids+=("$!")
  exec {proxy}>"$DIR/proxy.in"
  until_true 10 port_listens "$DIR/proxy.port" || fail 'the proxy starts'
  CENTRAL_API_URL=http://127.0.0.1:$(cat "$DIR/proxy.port")
}
network() { echo "$1" >&"$proxy"; }

start_watch() {
  mkfifo "$DIR/watch.in" "$DIR/watch.out"
  /usr/bin/python3 "$root/tests/faults/watch.py" "$WEB" k1 "$CENTRAL" admin "$DIR/journal" $guests \
    <"$DIR/watch.in" >"$DIR/watch.out" 2>"$DIR/watch.log" &
  pids+=("$!")
  exec {to_watch}>"$DIR/watch.in" {from_watch}<"$DIR/watch.out"
}
tell() { # COMMAND: to the clients; their answer is in $REPLY
  # By a process of its own: where they have died that is ended by it, and not the test.
  (echo "$1" >&"$to_watch")
  read -r -t 60 REPLY <&"$from_watch" || fail "the clients' answer to: $1"
}

start_watched() {
  start_central --products $products --journal "$DIR/journal" \
    ${STORE_API_TIME_SCALE:+--time-scale "$STORE_API_TIME_SCALE"}
  for i in 1 2 3; do
    admin PUT set "{\"products\":[{\"productId\":\"PROD-00$i\",\"available\":$stock}]}" >/dev/null
  done
  [ "${1-}" != proxy ] || start_proxy
  keep daemon store-syncd
  [ "$(id -u)" -ne 0 ] || export FCGI_SOCKET_GROUP=www-data
  keep pool store-api.fcgi "${pool_options[@]}"
  until_true 10 pool_listens || fail 'the pool listens'
  start_web
  until_true 20 state_is live || { fail 'live at first'; exit 1; }
  start_watch
}

# What the tills were told against Central's stock.
stop_watched() {
  local id sold perhaps gone
  tell pause
  tell books
  while read -r id sold perhaps; do
    gone=$((stock - $(curl -sS -H 'X-API-Key: demo' "$CENTRAL/v1/inventory/$id" | jq .available)))
    check "$id: $gone are gone, $sold were sold, $perhaps perhaps" \
      [ "$gone" -ge "$sold" -a "$gone" -le $((sold + perhaps)) ]
    echo "books of $id: $gone gone, $sold sold, $perhaps perhaps"
  done < <(jq -r 'to_entries[] | "\(.key) \(.value.sold) \(.value.perhaps)"' <<<"$REPLY")
}

# ---- a fault

# A change at Central arrives, and health says that all is well.
changes=0
is_well() {
  api GET /health
  [ "$STATUS $(json .status)" = '200 healthy' ] && state_is live &&
    product_has PROD-030 .available "$changes"
}
begin_change() {
  changes=$((changes + 1))
  admin PUT set "{\"products\":[{\"productId\":\"PROD-030\",\"available\":$changes}]}" >/dev/null
}

lists_are_equal() {
  api GET '/v1/store/inventory?limit=200'
  [ "$STATUS" = 200 ] && [ "$(jq -S -c .products <<<"$BODY")" = "$(curl -sS -H 'X-API-Key: demo' \
    "$CENTRAL/v1/inventory?limit=200" | jq -S -c '.products | sort_by(.productId)')" ]
}
equals_central() {
  tell pause
  until_true 20 lists_are_equal
  local equal=$?
  tell resume
  return $equal
}

# May bring no answer but these; nothing that was wrong.
judge() { # NAME READS WRITES
  tell report
  local may=${may_be_wrong:-none}
  # A write's answer has no name: it stands over an older one while Central can't be asked.
  [ "$3" = "$good_writes" ] || may+='|[A-Z]+-... is shown in part: .*'
  is "$1: nothing is wrong" "$(jq -r '.wrong[]' <<<"$REPLY" | grep -vxE "$may")" ''
  is "$1: every answer is one that is allowed" \
    "$(jq -r '.answers | keys[]' <<<"$REPLY" | grep -vxE "read ($2)|write ($3)")" ''
  echo "$1: $rounds times, back within $worst s: $(jq -c .answers <<<"$REPLY")"
}

random_moment() { # at most so many milliseconds
  local ms=$((RANDOM % $1))
  read -r -t "$((ms / 1000)).$(printf %03d $((ms % 1000)))" <>"$DIR/nothing"
}

try() { # NAME SECONDS READS WRITES ROUNDS command…
  local name=$1 limit=$2 reads=$3 writes=$4 rounds=$5 i began took
  worst=0 # for the caller too
  shift 5
  tell report
  for ((i = 0; i < rounds; i++)); do
    random_moment 300
    "$@"
    began=$SECONDS
    begin_change
    check "$name: back within $limit s" until_true "$limit" is_well 2>/dev/null
    took=$((SECONDS - began))
    [ $took -le $worst ] || worst=$took
  done
  check "$name: the same as Central" equals_central
  judge "$name" "$reads" "$writes"
}

. "$root/tests/faults/faults.sh"
