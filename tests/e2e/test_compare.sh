# What Central lost from its own feed: only comparing its list with the cache
# shows it.  Time runs 60 times as fast, in the build with test hooks.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=${HOOKS:-$root/build/hooks}
if [ ! -x "$BUILD/store-syncd" ]; then
  skip 'comparing' 'make tests TEST_HOOKS=1 BUILD=build/hooks first'
  exit
fi
export STORE_API_TIME_SCALE=60 VERIFY_INTERVAL_MINUTES=1

start_store --products 600 --time-scale 60

# A change and a delete whose events nobody will ever hand out again.
lose() { curl -sS -X POST -d "{\"feed\":\"lose\",\"lose\":$1}" "$CENTRAL/test/restart" >/dev/null; }
# (The open poll is answered by the first one, so that one must not be lost.)
kill -STOP "$DAEMON"
admin PUT set '{"products":[{"productId":"PROD-001","available":1}]}' >/dev/null
admin PUT set '{"products":[{"productId":"PROD-100","available":5},{"productId":"PROD-101","available":6}]}' >/dev/null
admin DELETE delete '{"productIds":["PROD-102"]}' >/dev/null
lose 3
kill -CONT "$DAEMON"
check 'a lost update is found' until_true 20 product_has PROD-100 .available 5
check 'another one' until_true 20 product_has PROD-101 .available 6
check 'a lost delete too' until_true 20 product_is_gone PROD-102
differed_are() {
  api GET /v1/store/sync/status
  [ "$(json '.lastVerify.differed // -1')" = "$1" ]
}
check 'the status tells' until_true 20 differed_are 3
is 'all of it' "$(json '.lastVerify|keys_unsorted|join(",")')" time,products,differed,mended
is 'mended' "$(json .lastVerify.mended)" 3
is 'without a full sync' "$(json .counters.fullSyncs)" 1
check 'the log tells' grep -q 'level=WARN.*compared with Central' "$DIR/daemon.log"
check 'then nothing differs any more' until_true 20 differed_are 0

# So much that mending one by one is the wrong tool.
kill -STOP "$DAEMON"
admin PUT set '{"products":[{"productId":"PROD-001","available":2}]}' >/dev/null
for i in $(seq 1 200); do
  printf '%s{"productId":"PROD-%03d","available":77}' "${comma-}" "$i"
  comma=,
done >"$DIR/many"
admin PUT set "{\"products\":[$(cat "$DIR/many")]}" >/dev/null
lose 199 # PROD-102 is gone
kill -CONT "$DAEMON"
last_reason_is() {
  api GET /v1/store/sync/status
  [ "$(json '.lastFullSync.reason')" = "$1" ]
}
check 'a full sync for so much' until_true 30 last_reason_is verify_mismatch
check 'and it is as Central has it' until_true 10 product_has PROD-200 .available 77

# A look-up tells of a product's new life while the feed stands still: what the
# feed tells later of the life before changes nothing.
stop "$DAEMON"
start_daemon CENTRAL_TIMEOUT_SECONDS=300
check 'it follows' until_true 20 state_is live
kill -STOP "$DAEMON"
faults '{"faults":[{"path":"events","kind":"delay","delayMs":290000,"count":-1}]}'
for i in 1 2 3 4 5; do
  admin PUT set "{\"products\":[{\"productId\":\"PROD-301\",\"available\":$i}]}" >/dev/null
done
admin DELETE delete '{"productIds":["PROD-301"]}' >/dev/null
admin POST create '{"products":[{"productId":"PROD-301","name":"another life","available":9,"price":1}]}' >/dev/null
kill -CONT "$DAEMON"
check 'comparing finds its new life' until_true 60 product_has PROD-301 .name 'another life'
api GET /v1/store/sync/status
applied=$(json .counters.eventsApplied)
faults '{"faults":[]}' # the poll that is open is answered in its own time
head=$(central_stat .head)
has_caught_up() {
  api GET /v1/store/sync/status
  [ "$(json .eventSync.lastEventOffset)" = "$head" ]
}
if has_caught_up; then
  skip 'a look-up ahead of the feed' 'the feed was quicker than comparing'
  exit
fi
check 'the feed catches up' until_true 60 has_caught_up
is 'nothing of the life before was applied' "$(json .counters.eventsApplied)" "$applied"
check 'it is as Central has it still' product_has PROD-301 .name 'another life'
