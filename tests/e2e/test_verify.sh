# storectl verify: what differs between cache and Central is named, all of it and
# nothing else, and --repair puts it right.  Time runs 20 times as fast, in the
# build with test hooks.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=${HOOKS:-$root/build/hooks}
if [ ! -x "$BUILD/storectl" ]; then
  skip 'verify' 'make tests TEST_HOOKS=1 BUILD=build/hooks first'
  exit
fi
export STORE_API_TIME_SCALE=20 VERIFY_INTERVAL_MINUTES=0

start_store --products 600 --time-scale 20

verify() { # [options…] → $STATUS, $BODY
  "$BUILD/storectl" verify "$@" >"$DIR/verify" 2>>"$DIR/verify.log"
  STATUS=$?
  BODY=$(cat "$DIR/verify")
}

verify
is 'a healthy cache' "$STATUS" 0
is 'all of it was compared' "$BODY" '600 products: all as Central has them'

# Products that change all the while are no difference, though the feed tells of it late.
feed() { curl -sS -X POST -d "$1" "$CENTRAL/test/feed" >/dev/null; }
feed '{"publishDelayMs":1500}'
change_steadily() {
  local i=0
  while [ ! -e "$DIR/enough" ]; do
    i=$((i + 1))
    printf -v id 'PROD-%03d' $((i % 50 * 12 + 1))
    admin PUT set "{\"products\":[{\"productId\":\"$id\",\"available\":$i}]}"
    admin POST create "{\"products\":[{\"productId\":\"NEW-$i\",\"name\":\"n\",\"available\":1,\"price\":1}]}"
    admin DELETE delete "{\"productIds\":[\"NEW-$((i - 3))\"]}"
  done >/dev/null
}
change_steadily &
changer=$!
pids+=("$changer")
for round in 1 2 3; do
  verify --json
  is "nothing differs while things change ($round)" "$STATUS $(json .differed) $(json '.differences|length')" '0 0 0'
done
touch "$DIR/enough"
until_ended "$changer"
feed '{"publishDelayMs":0}'

# What Central lost from its feed: 10 changes, 3 products that the cache lacks, 2 that it has too much.
rows() { # FIRST LAST WITH: a list of products
  local i comma=
  for i in $(seq "$1" "$2"); do
    printf '%s{"productId":"PROD-%03d"%s}' "$comma" "$i" "$3"
    comma=,
  done
}
head_is_read() {
  api GET /v1/store/sync/status
  [ "$(json .eventSync.lastEventOffset)" = "$(central_stat .head)" ]
}
check 'the feed is read to its end' until_true 20 head_is_read
kill -STOP "$DAEMON"
admin PUT set '{"products":[{"productId":"PROD-600","available":1}]}' >/dev/null # answers the open poll
admin PUT set "{\"products\":[$(rows 201 210 ',"available":77')]}" >/dev/null
admin POST create "{\"products\":[$(rows 701 703 ',"name":"a \u001b[31mred\u001b[0m one","available":1,"price":1')]}" >/dev/null
admin DELETE delete '{"productIds":["PROD-301","PROD-302"]}' >/dev/null
curl -sS -X POST -d '{"feed":"lose","lose":15}' "$CENTRAL/test/restart" >/dev/null
kill -CONT "$DAEMON"
check 'what is not lost arrives' until_true 20 product_has PROD-600 .available 1

verify
is 'differences are a negative answer' "$STATUS" 1
expected=$({
  seq -f 'changed  PROD-%.0f' 201 210
  seq -f 'extra    PROD-%.0f' 301 302
  seq -f 'missing  PROD-%.0f' 701 703
} | sort)
is 'exactly those' "$(sed -n 's/:.*//; /  *PROD-/p' <<<"$BODY" | sort)" "$expected"
matches 'with both versions' "$(grep PROD-201 <<<"$BODY")" 'changed  PROD-201: version [0-9]+ here, version [0-9]+ at Central'
matches 'or one' "$(grep PROD-701 <<<"$BODY")" 'missing  PROD-701: version 1 at Central'
matches 'and their number' "$(tail -n 1 <<<"$BODY")" '15 of [0-9]+ products differ; storectl verify --repair puts them right'
api GET /v1/store/sync/status
is 'the status tells' "$(json '.lastVerify|"\(.differed) \(.mended)"')" '15 0'
check 'nothing was put right by looking' product_is_there PROD-301

# Two at once: one is told so.
"$BUILD/storectl" verify --json >"$DIR/first" 2>>"$DIR/verify.log" &
first=$!
verifies_are() { [ "$(grep -c 'verify begins' "$DIR/daemon.log")" = "$1" ]; }
check 'the first one has begun' until_true 5 verifies_are 6
verify_is_busy() {
  "$BUILD/storectl" verify >/dev/null 2>"$DIR/busy"
  [ $? = 69 ] && grep -q 'another verify is running' "$DIR/busy"
}
check 'a second one is refused' until_true 5 verify_is_busy
wait "$first"
is 'the first one finds them' "$(jq -r '"\(.differed) \(.unlisted) \(.repaired) \(.differences|length)"' "$DIR/first")" '15 0 false 15'

# Whoever waits no more leaves nothing behind.
"$BUILD/storectl" verify >/dev/null 2>&1 &
gone=$!
until_true 5 verifies_are 7
kill "$gone"
wait "$gone" 2>/dev/null
verify --repair --json
is 'repaired' "$STATUS $(json .differed) $(json .repaired)" '1 15 true'
check 'a full sync did it' product_is_gone PROD-301
check 'all of it' product_has PROD-210 .available 77
check 'those that were missing too' product_is_there PROD-703
api GET /v1/store/sync/status
is 'the status tells that as well' "$(json '.lastVerify|"\(.differed) \(.mended)"')" '15 15'
api GET /metrics
is 'and the metrics' "$(sed -n 's/^store_api_verify_products//p' <<<"$BODY")" '{result="differed"} 15
{result="mended"} 15'
verify
is 'then nothing differs' "$STATUS" 0

stop "$CENTRAL_PID"
verify_fails() {
  verify
  [ "$STATUS" = 69 ]
}
check 'without Central there is no answer' until_true 20 verify_fails
stop "$DAEMON"
verify
is 'without the daemon neither' "$STATUS $(tail -n 1 "$DIR/verify.log")" "69 storectl: verify: the daemon isn't running; start it (systemctl start store-syncd), and read in its log why it ended"
