# Clients that send and read a byte a second behind Apache, which passes both on
# as they come, and web servers that speak so slowly themselves; the pool has its
# usual size.  Others are served all the while.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export POOL_PROCESSES=2 POOL_THREADS=16 API_KEYS=k1,demo
# libfcgi gives back nothing of a record of a type that it doesn't know, which is what some of
# them send (SECURITY.md).
echo 'leak:libfcgi.so' >"$DIR/leaks"
export LSAN_OPTIONS=suppressions=$DIR/leaks:print_suppressions=0
start_central --products 250
start_daemon
start_pool
start_web apache
check 'it is live' until_true 30 state_is live

slow() { exec /usr/bin/python3 "$root/tests/e2e/slow.py" "$WEB" 64 "$1" 2>>"$DIR/slow.log"; }
slow body >"$DIR/writers" &
writers=$!
slow answer >"$DIR/readers" &
readers=$!
/usr/bin/python3 "$root/tests/e2e/slow.py" "${FCGI_LISTEN#unix:}" 4 head >"$DIR/heads" 2>>"$DIR/slow.log" &
heads=$!
/usr/bin/python3 "$root/tests/e2e/slow.py" "${FCGI_LISTEN#unix:}" 4 asks >"$DIR/askers" 2>>"$DIR/slow.log" &
askers=$!
pids+=("$writers" "$readers" "$heads" "$askers")
for kind in writers readers heads askers; do
  check "slow $kind are at it" until_true 20 grep -q slow "$DIR/$kind"
done

"$BUILD/tests/bench" paced "$WEB" 250 200 1 >"$DIR/others" 2>>"$DIR/load.log" &
others=$!
pids+=("$others")
check 'who sends slowly has an answer in the end' until_ended "$writers" 60
check 'who never comes to the end of a head is hung up on' until_ended "$heads" 30
check 'and who takes no answers to what it asks' until_ended "$askers" 30
stop "$others"
stop "$readers"

echo "64 that send a byte a second: $(tail -n 1 "$DIR/writers")"
echo "64 that read a byte a second: $(tail -n 1 "$DIR/readers")"
echo "others: $(tr '\n' ' ' <"$DIR/others")"
# Half of the threads may wait for bodies; who finds no place there is told at once.
counts=$(tail -n 1 "$DIR/writers")
wanted='408:([0-9]+) 503:[0-9]+ first 408 after [0-9]+ s, last after ([0-9]+) s'
matches 'who sends slowly gets 408, or finds no place' "$counts" "$wanted"
[[ $counts =~ $wanted ]]
check 'as many as there are places get 408' test "${BASH_REMATCH[1]:-0}" -ge 16
# Apache finds it some bytes later.
check 'not much later' test "${BASH_REMATCH[2]:-99}" -le 20
is 'after ten seconds of the pool' "$(grep -c 'status=408' "$DIR/pool.log")" \
  "$(grep -cE 'status=408 us=1[0-2][0-9]{6}$' "$DIR/pool.log")"
matches 'a head has ten seconds' "$(tail -n 1 "$DIR/heads")" '4 hung up on, the first after (9|1[0-9]) s, the last after 1[0-9] s'
matches 'so has who takes no answers' "$(tail -n 1 "$DIR/askers")" '4 hung up on, .* the last after 1[0-9] s'
matches 'who reads slowly gets the answer all the while' "$(tail -n 1 "$DIR/readers")" '[0-9]{3,} bytes read by 64'
matches 'no other request failed' "$(tr '\n' ' ' <"$DIR/others")" 'requests [0-9]{3,} .* failed 0 .*'
