# Force: shared, bounded, and a client that hangs up harms nothing.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export VERIFY_INTERVAL_MINUTES=0
clients() { /usr/bin/python3 "$root/tests/e2e/clients.py" "$WEB" k1 "$@"; }
of() { jq -r "$1" <<<"$RESULT"; }
idle() { api GET /v1/store/sync/status && [ "$(json .inProgress)" = false ]; }
forced() { api GET /v1/store/sync/status && [ "$(json .lastFullSync.reason)" = forced ] && [ "$(json .counters.fullSyncs)" = "$1" ]; }

start_central --products 1000 # five pages
start_daemon
start_pool POOL_PROCESSES=1 POOL_THREADS=256
start_web
until_true 30 state_is live || fail 'the store gets live'

# A page takes a while, so that all of them come while one full sync runs.
faults '{"faults":[{"path":"list","kind":"delay","delayMs":300}]}'
before=$(central_stat .requests.list)
api POST /v1/store/sync/force -d ''
one=$(($(central_stat .requests.list) - before))
is 'one force: status' "$STATUS" 200
is 'one force: message' "$(json .message)" 'Force sync completed successfully'
is 'one force: the first seven members' "$(json '.status|keys_unsorted|join(",")')" \
  inProgress,lastSyncTime,lastSyncSuccess,productCount,syncDuration,errorMessage,eventSync
before=$(central_stat .requests.list)
RESULT=$(clients force 100)
is 'a hundred at once cost Central one full sync' "$(($(central_stat .requests.list) - before))" "$one"
is 'and are all answered well' "$(of '.statuses|keys|map(select(.!="200" and .!="202"))|length')" 0
check 'most of them by 200: a quarter of half the threads may wait' test "$(of '.statuses["200"]')" -ge 32

# Those that hang up.
check 'it is quiet' until_true 20 idle
api GET /v1/store/sync/status
count=$(json .counters.fullSyncs)
before=$(central_stat .requests.list)
RESULT=$(clients force 1 20)
is 'one that waits among twenty that hang up' "$(of '.statuses|keys|join(",")')" 200
is 'one full sync' "$(($(central_stat .requests.list) - before))" "$one"
check 'it counts as forced' forced $((count + 1))
api GET /v1/store/inventory/PROD-0001
is 'reads go on' "$STATUS" 200

# Without waiting.
api POST '/v1/store/sync/force?wait=0' -d ''
is 'wait=0: status' "$STATUS" 202
is 'wait=0: message' "$(json .message)" 'Force sync in progress'
check 'wait=0: it is done all the same' until_true 20 forced $((count + 2))

# Longer than web servers wait.
faults '{"faults":[{"path":"list","kind":"delay","delayMs":12000}]}'
began=$SECONDS
api POST /v1/store/sync/force -d '' --max-time 35
is 'a full sync that takes a minute: 202' "$STATUS $(json .message)" '202 Force sync in progress'
check 'after 25 s' test $((SECONDS - began)) -ge 23 -a $((SECONDS - began)) -le $((34 * SLOWER))
faults '{"faults":[]}'
