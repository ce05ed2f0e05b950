# One short walk through everything: start, read, change, status, health, stop.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_store --products 150

api GET '/v1/store/inventory?limit=2'
is 'list: status' "$STATUS" 200
is 'list: members in order' "$(json 'keys_unsorted|join(",")')" products,pagination,cacheInfo
is 'list: pagination' "$(json '.pagination|del(.nextAfter)|tojson')" \
  '{"offset":0,"limit":2,"total":150,"hasMore":true,"total_count":150,"has_more":true}'
is 'list: ids' "$(json '.products|map(.productId)|join(",")')" PROD-001,PROD-002
is 'list: cacheInfo' "$(json .cacheInfo.totalProducts)" 150

api GET /v1/store/inventory/PROD-150
is 'product: status' "$STATUS" 200
is 'product: members in order' "$(json 'keys_unsorted|join(",")')" \
  productId,name,available,version,lastUpdated,price

admin PUT set '{"products":[{"productId":"PROD-150","available":7}]}' >/dev/null
check 'a change at Central arrives' until_true 10 product_has PROD-150 .available 7

api GET /v1/store/sync/status
is 'status: offset' "$(json .eventSync.lastEventOffset)" 1
is 'status: daemon' "$(json .daemon)" running
api GET /health
is 'health' "$STATUS $(json .status)" '200 healthy'
api GET /metrics
check 'metrics: products' grep -qx 'store_api_products 150' <<<"$BODY"

stop "$POOL"
is 'the pool ends with 0' "$?" 0
stop "$DAEMON"
is 'the daemon ends with 0' "$?" 0
