# Two whole stores behind each web server's balancer: one of them dies in the
# middle of reads and writes, and comes back.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export POOL_THREADS=16 CENTRAL_WRITE_TIMEOUT_SECONDS=2
servers=(lighttpd apache nginx)
declare -A daemon pool port web

start_one() { # NAME [PORT]: daemon and pool of a store of its own
  local settings=(DATA_DIR="$DIR/data-$1" RUN_DIR="$DIR/run-$1" STORE_ID="store-$1")
  env "${settings[@]}" "$BUILD/store-syncd" 2>>"$DIR/daemon-$1.log" &
  daemon[$1]=$!
  env "${settings[@]}" "$BUILD/tests/listen" --port "${2-0}" "$BUILD/store-api.fcgi" \
    >"$DIR/$1.port" 2>>"$DIR/pool-$1.log" &
  pool[$1]=$!
  pids+=("${daemon[$1]}" "${pool[$1]}")
  until_true 10 test -s "$DIR/$1.port" || fail "the pool of $1 starts"
  port[$1]=$(cat "$DIR/$1.port")
}

# All of its processes at one blow, as if its machine were gone.
kill_one() { # NAME
  local workers
  read -r -a workers <"/proc/${pool[$1]}/task/${pool[$1]}/children"
  kill -9 "${workers[@]}" "${pool[$1]}" "${daemon[$1]}"
  wait "${pool[$1]}" "${daemon[$1]}" 2>/dev/null
}

requests_at() { grep -c 'msg=request.*method=GET' "$DIR/pool-$1.log"; }
more_requests() { [ "$(requests_at "$1")" -gt "$2" ]; } # NAME THAN

start_central --products 150
start_one a
start_one b
for server in "${servers[@]}"; do
  start_web "$server" WEB_STORES=two-stores STORE_A_PORT="${port[a]}" STORE_B_PORT="${port[b]}"
  web[$server]=$WEB
  check "$server: a store answers" until_true 30 state_is live
done
both_live() { [ "$(grep -l 'sync status changed.*state=live' "$DIR"/daemon-?.log | wc -l)" = 2 ]; }
check 'both stores are filled' until_true 30 both_live

# Reads, while one dies.
loads=()
for server in "${servers[@]}"; do
  "$BUILD/tests/load" web "${web[$server]}" 8 120 >"$DIR/load-$server" &
  loads+=("$!")
done
pids+=("${loads[@]}")
check 'reads reach the one' until_true 30 more_requests a 500
check 'and the other' until_true 30 more_requests b 500
kill_one a
check 'the other goes on' until_true 60 more_requests b $(($(requests_at b) + 1000))
before=$(requests_at a)
start_one a "${port[a]}"
check 'the one that is back gets reads again' until_true 60 more_requests a $((before + 500))
kill "${loads[@]}"
wait "${loads[@]}"
for server in "${servers[@]}"; do
  echo "$server: reads: $(cat "$DIR/load-$server")"
  check "$server: there were reads" grep -qE '^[0-9]{3,} requests' "$DIR/load-$server"
done
for server in apache nginx; do
  check "$server: no read failed" grep -q ', 0 failed' "$DIR/load-$server"
done
# lighttpd doesn't repeat what a store already had: at most one request of each of the eight.
check 'lighttpd: no read failed but those in the hands of the dead' \
  grep -qE ', [0-8] failed' "$DIR/load-lighttpd"

# Writes: none goes to the second store after the first may have sent it to Central.
settled() { # both stores are asked again by all
  local server
  for server in "${servers[@]}"; do
    WEB=${web[$server]}
    state_is live || return 1
  done
  both_live
}
check 'all is well again' until_true 30 settled
faults '{"faults":[{"path":"updates","kind":"hang","delayMs":30000,"count":-1}]}'
writers=()
for server in "${servers[@]}"; do
  for i in 1 2 3 4; do
    curl -s --max-time 20 -H 'X-API-Key: k1' -w '%{http_code}\n' -o "$DIR/write-$server-$i" \
      -d "{\"productId\":\"PROD-00$i\",\"delta\":-1,\"version\":1,\"idempotencyKey\":\"$server$i\"}" \
      "${web[$server]}/v1/store/inventory/updates" >"$DIR/code-$server-$i" &
    writers+=("$!")
  done
done
pids+=("${writers[@]}")
forwarded_by() { # NAME: by request id
  grep -o 'msg="request to Central" request_id=[^ ]* url=.*updates' "$DIR/daemon-$1.log" | sort -u | wc -l
}
all_forwarded() { [ $(($(forwarded_by a) + $(forwarded_by b))) -ge 12 ]; }
check 'twelve writes hang at Central' until_true 20 all_forwarded
at_a=$(forwarded_by a)
check 'some of them by either store' test "$at_a" -ge 2 -a "$at_a" -le 10
kill_one a
wait "${writers[@]}"
is 'each went by one store only' "$(($(forwarded_by a) + $(forwarded_by b)))" 12
is 'the second one was asked for none of the first' \
  "$(grep -c 'msg=request.*method=POST' "$DIR/pool-b.log")" $((12 - at_a))
is 'nobody is told that it was or was not applied' \
  "$(cat "$DIR"/code-* | sort | uniq -c | awk '$2 < 500 { n += $1 } END { print n + 0 }')" 0
check 'nor that it was not sent' test "$(cat "$DIR"/write-* | grep -c not_sent)" = 0
