# Central's limit on requests: a full sync of many pages paces itself, shows how
# far it is, and holds up neither events nor reads.  Time runs 60 times as fast,
# in the build with test hooks.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

BUILD=${HOOKS:-$root/build/hooks}
if [ ! -x "$BUILD/store-syncd" ]; then
  skip 'pacing' 'make tests TEST_HOOKS=1 BUILD=build/hooks first'
  exit
fi
export STORE_API_TIME_SCALE=60

# 5,000 products are 26 pages; of 20 requests a minute pages may have 12.
start_central --products 5000 --rate-limit 20 --time-scale 60
start_daemon
start_pool
start_web
seen_progress() {
  api GET /v1/store/sync/status
  [ "$(json '.fullSync.pagesDone // 0 | . > 0')" = true ]
}
check 'the status shows the progress' until_true 10 seen_progress
matches 'its members' "$(json '.fullSync|keys_unsorted|join(",")')" 'reason,pagesDone,productsSeen,total'
is 'the total is known' "$(json .fullSync.total)" 5000
check 'the store fills' until_true 20 state_is live
is 'all products' "$(json .productCount)" 5000
limited=$(central_stat .requests.limited)
is 'no request was refused' "$limited" 0

# While the next one runs, a change arrives.
kill -USR1 "$DAEMON"
check 'a full sync runs' until_true 10 seen_progress
admin PUT set '{"products":[{"productId":"PROD-0007","available":77}]}' >/dev/null
check 'a change arrives meanwhile' until_true 5 product_has PROD-0007 .available 77
api GET /v1/store/sync/status
is 'it still runs' "$(json .inProgress)" true
full_syncs_are() {
  api GET /v1/store/sync/status
  [ "$(json .counters.fullSyncs)" = "$1" ]
}
check 'and ends' until_true 30 full_syncs_are 2
is 'the change is there' "$(json .lastFullSync.products)" 5000
check 'the change is there still' product_has PROD-0007 .available 77
is 'no request was refused at all' "$(central_stat .requests.limited)" 0

# A Central that says 429 without saying when, then how long.
faults '{"faults":[{"path":"events","kind":"status","status":429,"count":1,"retryAfter":30}]}'
admin PUT set '{"products":[{"productId":"PROD-0008","available":78}]}' >/dev/null
check 'after a 429 it goes on' until_true 20 product_has PROD-0008 .available 78
is 'a 429 is no failure of the breaker' "$(
  api GET /v1/store/sync/status
  json .eventSync.consecutiveFailures
)" 0
stop "$DAEMON"
is 'the daemon ends with 0' "$?" 0
