# From a change at Central to a GET: 1,000 products, changes, creates, deletes,
# a daemon that is killed at any time and goes on from the stored offset.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_store --products 1000

# Everything once, in byte order, page by page.
: >"$DIR/ids"
for offset in 0 200 400 600 800; do
  api GET "/v1/store/inventory?offset=$offset&limit=200"
  json '.products[].productId' >>"$DIR/ids"
  is "page at $offset: has more" "$(json .pagination.hasMore)" \
    "$([ $offset -lt 800 ] && echo true || echo false)"
done
is '1,000 ids' "$(wc -l <"$DIR/ids")" 1000
check 'each once, in byte order' env LC_ALL=C sort -uc "$DIR/ids"
is 'six list requests, since pages overlap' "$(central_stat .requests.list)" 6

# A change, a create, a delete.
admin PUT set '{"products":[{"productId":"PROD-0500","available":77,"price":1.10}]}' >/dev/null
check 'a change shows' until_true 10 product_has PROD-0500 .available 77
check 'with its digits' grep -qF '"price":1.10' <<<"$BODY"
admin POST create '{"products":[{"productId":"AAA <1>","name":"new & first","available":3,"price":2}]}' >/dev/null
check 'a create shows' until_true 10 product_has 'AAA%20%3C1%3E' .name 'new & first'
api GET '/v1/store/inventory?limit=1'
is 'and stands first' "$(json '.products[0].productId')" 'AAA <1>'
is 'total follows' "$(json .pagination.total)" 1001
admin DELETE delete '{"productIds":["PROD-0001","PROD-1000"]}' >/dev/null
check 'a delete shows' until_true 10 product_is_gone PROD-1000
check 'the other one too' until_true 10 product_is_gone PROD-0001
api GET '/v1/store/inventory?offset=998&limit=50'
is 'the last page' "$(json '.products|map(.productId)|join(",")')" PROD-0999
is 'total after deletes' "$(json .pagination.total)" 999

# kill -9 at any time: on from the stored offset, without a full sync.
version() { jq -r .version <<<"$BODY"; }
for round in 1 2 3 4 5 6; do
  for change in 1 2 3 4 5; do
    admin PUT set "{\"products\":[{\"productId\":\"PROD-0200\",\"available\":$round$change}]}" >/dev/null
    if [ "$change" = $((round % 5 + 1)) ]; then stop "$DAEMON" KILL; fi
  done
  api GET /v1/store/inventory/PROD-0200
  is "round $round: reads go on without the daemon" "$STATUS" 200
  api GET /v1/store/sync/status
  is "round $round: the status says so" "$STATUS $(json '.daemon+" "+.state')" '200 unreachable stopped'
  start_daemon
  check "round $round: it catches up" until_true 15 product_has PROD-0200 .available "${round}5"
done
api GET /v1/store/sync/status
is 'still one full sync, the first' "$(json '.counters.fullSyncs|tostring')/$(json .lastFullSync.reason)" 1/initial
is 'and six list requests' "$(central_stat .requests.list)" 6
is 'the offset' "$(json .eventSync.lastEventOffset)" 34

# A feed that starts again, and one whose old end is gone.
curl -sS -X POST -d '{}' "$CENTRAL/test/reset-log" >/dev/null
full_syncs_are() { api GET /v1/store/sync/status && [ "$(json '.counters.fullSyncs')" = "$1" ]; }
check 'a feed that was emptied: full sync' until_true 15 full_syncs_are 2
is 'with its reason' "$(json .lastFullSync.reason)" offset_reset
faults '{"faults":[{"path":"events","kind":"status","status":410,"count":1}]}'
check '410: full sync' until_true 15 full_syncs_are 3
is 'with its reason' "$(json .lastFullSync.reason)" offset_gone
admin PUT set '{"products":[{"productId":"PROD-0300","available":1}]}' >/dev/null
check 'and events go on' until_true 10 product_has PROD-0300 .available 1

# Sync now.
kill -USR1 "$DAEMON"
check 'SIGUSR1: full sync' until_true 15 full_syncs_are 4
is 'with its reason' "$(json .lastFullSync.reason)" forced
check 'each change of state is one record' grep -q 'msg="sync status' "$DIR/daemon.log"
check 'batches at debug' grep -q 'level=DEBUG.*msg="event sync' "$DIR/daemon.log"
