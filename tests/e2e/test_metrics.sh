# Metrics: each thing is made to happen, and its series moves by exactly that much.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export VERIFY_INTERVAL_MINUTES=0 EVENT_WAIT_TIMEOUT_SECONDS=1 CENTRAL_TIMEOUT_SECONDS=1
export CENTRAL_WRITE_TIMEOUT_SECONDS=1 MAX_CONSECUTIVE_FAILURES=3
metrics() { /usr/bin/python3 "$root/tests/e2e/metrics.py" "$@"; }
scrape() { curl -sS --max-time 20 "$WEB/metrics" -o "$1"; } # FILE
value() { scrape "$DIR/now" && awk -v series="$1 " 'index($0, series) == 1 { print $NF }' "$DIR/now"; }
value_is() { [ "$(value "$1")" = "$2" ]; }

# What moved since begin(): counters as `requests{/health,GET,200} +1`, those that match WORDS.
begin() { scrape "$DIR/before"; }
movements() { # WORDS
  scrape "$DIR/now"
  awk -v words="$1" '
    /^#/ || $1 !~ /_(total|bucket)($|\{)/ { next }
    FILENAME == ARGV[1] { before[$1] = $2; next }
    $2 != before[$1] {
      series = $1
      gsub(/^store_api_|[a-z]+=|"/, "", series)
      sub(/_total/, "", series)
      if (series ~ words) printf "%s +%d\n", series, $2 - before[$1]
    }' "$DIR/before" "$DIR/now" | LC_ALL=C sort | xargs -d '\n'
}
moved_is() { # WORDS MOVEMENTS
  MOVED=$(movements "$1")
  [ "$MOVED" = "$2" ]
}
moved() { # NAME WORDS MOVEMENTS [SECONDS]
  if until_true "${4:-15}" moved_is "$2" "$3"; then pass; else fail "$1" "  expected: $3" "  actual:   $MOVED"; fi
}
daemon_words='^(events|sync_failures|full_syncs|writes)[{]'

# ---- every series from the start, and the daemon's troubles before there is a store

start_central --products 150
faults '{"faults":[{"path":"*","kind":"status","status":500}]}'
start_daemon
start_pool
start_web
scrape "$DIR/first"
add_counts < <(metrics check "$DIR/first" "$root/src/api/openapi.json")
# What dashboard and alert rules ask for is there.
add_counts < <(metrics used "$DIR/first" "$root/conf/grafana/store-api.json" "$root/conf/prometheus/store-api.rules.yml")
check 'the sample of a job is YAML' /usr/bin/python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' "$root/conf/prometheus/scrape.yml"
# The page of the manual names each of them.
while read -r _ _ name _; do
  check "store-api(7) names $name" grep -qw "$name" "$root/packaging/common/store-api.7"
done < <(grep "^# TYPE" "$DIR/first")
begin
api GET /v1/store/inventory
api HEAD /v1/store/inventory/PROD-001
api GET /health
moved 'nothing there yet' '^http_requests.*,503' \
  'http_requests{/health,GET,503} +1 http_requests{/v1/store/inventory,GET,503} +1 http_requests{/v1/store/inventory/{productId},HEAD,503} +1'
is 'its age is not known' "$(value store_api_cache_age_seconds)" NaN
central_word_is() { api GET /health && [ "$(json .checks.central)" = "$1" ]; }
check 'before the first sync: health tells of Central' until_true 30 central_word_is fallback
api GET /v1/store/sync/status
is 'the status tells of the failure' "$(json '[.state,.lastSyncSuccess,.lastError.class,.errorMessage,.eventSync.fallbackMode]|@text')" \
  '["fallback",false,"http_5xx","Central answered with status 500",true]'
check 'how often' test "$(json .eventSync.consecutiveFailures)" -ge 3
check 'since when' test "$(json .stateSince)" != null
check 'and so does the metric' test "$(value 'store_api_sync_failures_total{class="http_5xx"}')" -ge 3
is 'and the state' "$(value 'store_api_sync_state{state="fallback"}')" 1
faults '{"faults":[]}'
check 'then it is live' until_true 60 state_is live
check 'the initial full sync is counted' value_is 'store_api_full_syncs_total{reason="initial",result="ok"}' 1

# ---- what there is of the cache

api GET /v1/store/sync/status
is 'products' "$(value store_api_products)" 150
is 'offset' "$(value store_api_event_offset)" "$(json .eventSync.lastEventOffset)"
is 'limit' "$(value store_api_store_limit_bytes)" $((256 << 20))
api GET /v1/store/cache/stats
is 'used' "$(value store_api_store_used_bytes)" "$(json .cacheSizeBytes)"
is 'readers at most' "$(value store_api_readers_max)" 4608
is 'workers' "$(value store_api_workers)" 2
is 'the version' "$(value "store_api_build_info{version=\"$("$BUILD/store-syncd" --version | cut -d ' ' -f 2)\"}")" 1

# ---- requests: each adds one, on whichever worker

ask() { # METHOD PATH CODE ROUTE [curl options…]
  local method=$1 path=$2 code=$3 route=$4
  shift 4
  : >"$DIR/body" # curl leaves it alone where there is none
  api "$method" "$path" "$@"
  is "$method $path: status" "$STATUS" "$code"
  BYTES=$((BYTES + $(if [ "$method" = HEAD ]; then echo 0; else stat -c %s "$DIR/body"; fi)))
  EXPECTED+=("http_requests{$route,$method,$code} +1")
}
wrong='X-API-Key: wrong' # beside the right one
head -c 1048577 /dev/zero >"$DIR/large"
list=/v1/store/inventory one='/v1/store/inventory/{productId}'
EXPECTED=() BYTES=0
api GET "$list?limit=1"
tag=$(header ETag)
begin
ask GET "$list" 200 "$list"
ask HEAD "$list" 200 "$list"
ask GET "$list?limit=1" 304 "$list" -H "If-None-Match: $tag"
ask GET "$list?limit=x" 400 "$list"
ask GET "$list?limit=1" 401 "$list" -H "$wrong"
ask OPTIONS "$list" 204 "$list"
ask POST "$list" 405 "$list" -d ""
ask GET "$list/PROD-001" 200 "$one"
ask GET "$list/none" 404 "$one"
ask GET "$list/updates" 404 "$list/updates"
ask POST "$list/updates" 400 "$list/updates" -d '{}'
ask POST "$list/updates" 413 "$list/updates" --data-binary "@$DIR/large"
ask POST "$list/batch-updates" 400 "$list/batch-updates" -d '{}'
ask GET /v1/store/sync/status 200 /v1/store/sync/status
ask HEAD /v1/store/cache/stats 200 /v1/store/cache/stats
ask GET /v1/store/openapi.json 200 /v1/store/openapi.json
ask GET /v1/store/sync/force 405 /v1/store/sync/force
ask POST '/v1/store/sync/force?wait=x' 400 /v1/store/sync/force -d ''
ask GET /health 200 /health
ask POST /metrics 405 /metrics -d ""
ask GET /nothing 404 other
ask PUT /health 405 /health
# The scrape that began this has counted itself since.
EXPECTED[-1]='http_requests{/health,other,405} +1'
BYTES=$((BYTES + $(stat -c %s "$DIR/before")))
expected=$(printf '%s\n' "${EXPECTED[@]}" 'http_requests{/metrics,GET,200} +1' "http_response_bytes +$BYTES" |
  LC_ALL=C sort | xargs -d '\n')
is 'each request, the bytes of all bodies, and nothing else' "$(movements '^http_re(quests|sponse)')" "$expected"
begin
for i in $(seq 40); do api GET "$list/PROD-001"; done
moved 'forty, over both workers' '^http_requests.*productId' "http_requests{$one,GET,200} +40"
begin
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":200,"count":1}]}'
api POST "$list/updates" -d '{"productId":"PROD-150","delta":-1,"version":1,"idempotencyKey":"slow"}'
moved 'a slow one is in its bucket and those above' '^http_request_duration_seconds_bucket.*/updates,' \
  "$(printf "http_request_duration_seconds_bucket{$list/updates,%s} +1 " +Inf 10 1 | sed 's/ $//')"

# ---- events

writes_event_came() {
  [ $(($(value 'store_api_events_total{result="applied"}') + $(value 'store_api_events_total{result="stale"}'))) = 1 ]
}
check "the event of that write, before or after its answer" until_true 10 writes_event_came
begin
for i in 1 2 3; do admin PUT set "{\"products\":[{\"productId\":\"PROD-00$i\",\"available\":7}]}" >/dev/null; done
moved 'three events' "$daemon_words" 'events{applied} +3'
# A write's answer is in the cache long before its event is read.
order() { curl -sS -X POST -d "$2" "$CENTRAL/test/$1" >/dev/null; } # PATH JSON
update() { # PRODUCT VERSION KEY [DELTA]
  api POST "$list/updates" -d "{\"productId\":\"$1\",\"delta\":${4:--1},\"version\":$2,\"idempotencyKey\":\"$3\"}"
}
order feed '{"publishDelayMs":1500}'
begin
update PROD-010 1 one
is 'a write' "$STATUS $(json .applied)" '200 true'
moved 'applied, and its event comes too late' "$daemon_words" 'events{stale} +1 writes{applied} +1'
order feed '{"publishDelayMs":0,"strangePercent":100}'
begin
admin PUT set '{"products":[{"productId":"PROD-020","available":5}]}' >/dev/null
moved 'an event that nobody understands' "$daemon_words" 'events{repaired} +1'
order feed '{"strangePercent":0}'

# ---- writes, by item

begin
update PROD-030 9 refused
is 'a conflict' "$STATUS" 409
moved 'refused' '^writes' 'writes{refused} +1'
begin
api POST "$list/batch-updates" -d '{"updates":[
  {"productId":"PROD-031","delta":-1,"version":1,"idempotencyKey":"b1"},
  {"productId":"PROD-032","delta":-1,"version":8,"idempotencyKey":"b2"},
  {"productId":"PROD-033","delta":-1,"version":1,"idempotencyKey":"b3"}]}'
is 'a batch' "$STATUS $(json .successCount)" '200 2'
moved 'a batch counts by item' '^writes' 'writes{applied} +2 writes{refused} +1'
begin
faults '{"faults":[{"path":"updates","kind":"status","status":401,"count":1}]}'
api POST "$list/batch-updates" -d '{"updates":[
  {"productId":"PROD-034","delta":-1,"version":1,"idempotencyKey":"n1"},
  {"productId":"PROD-035","delta":-1,"version":1,"idempotencyKey":"n2"}]}'
is 'a key that Central refuses' "$STATUS $(json .error.details.outcome)" '502 not_applied'
moved 'not applied, both' '^(writes|sync_failures)[{]' 'sync_failures{auth} +1 writes{not_applied} +2'
begin
faults '{"faults":[{"path":"updates","kind":"hang","delayMs":5000,"count":2}]}'
update PROD-036 1 hangs
is 'no answer' "$STATUS $(json .error.details.outcome)" '504 unknown'
moved 'unknown; both tries failed' '^(writes|sync_failures)[{]' 'sync_failures{timeout} +2 writes{unknown} +1'
begin
faults '{"faults":[{"path":"updates","kind":"lost","count":1}]}'
update PROD-037 1 again
is 'a cut connection' "$STATUS $(json .applied)" '200 true'
moved 'one try failed, the write did not' '^(writes|sync_failures)[{]' 'sync_failures{connect} +1 writes{applied} +1'
begin
update PROD-037 1 again 5
is 'a key used for something else' "$STATUS" 409
moved 'which is no write' '^writes' "" 1

# ---- full syncs

begin
faults '{"faults":[{"path":"list","kind":"hang","delayMs":5000,"count":1}]}'
kill -USR1 "$DAEMON"
moved 'a full sync with a page that hangs' '^(sync_failures|full_syncs)[{]' 'full_syncs{forced,ok} +1 sync_failures{timeout} +1' 30

begin
faults '{"faults":[{"path":"list","kind":"garbage","count":3}]}'
kill -USR1 "$DAEMON"
moved 'a full sync that fails' '^(sync_failures|full_syncs)[{](forced|bad)' 'full_syncs{forced,failed} +1 sync_failures{bad_answer} +3' 40
faults '{"faults":[]}'

# ---- failures by class, each told in the log and in the status too

fails() { # CLASS FAULT
  check "$1: live before it" until_true 30 state_is live
  begin
  faults "{\"faults\":[{\"path\":\"events\",\"count\":1,$2}]}"
  moved "$1" '^sync_failures' "sync_failures{$1} +1"
  check "$1: the log tells" grep -q "msg=\"event sync failed\" class=$1 " "$DIR/daemon.log"
}
fails connect '"kind":"cut"'
fails http_5xx '"kind":"status","status":503'
fails auth '"kind":"status","status":403'
fails bad_answer '"kind":"garbage"'
# After it requests are few for a while.
fails rate_limited '"kind":"status","status":429,"retryAfter":1'

# ---- a worker dies: it is replaced, and nothing that was counted is lost

worker() { children "$POOL" | cut -d ' ' -f 1; }
begin
for i in $(seq 20); do api GET "$list/PROD-002"; done
kill -9 "$(worker)"
moved 'a worker is replaced' '^worker_restarts' 'worker_restarts +1'
check 'there are two again' until_true 10 value_is store_api_workers 2
for i in $(seq 20); do api GET "$list/PROD-002"; done
moved 'and all are counted' '^http_requests.*productId' "http_requests{$one,GET,200} +40"
check 'memory of the pool' test "$(value 'store_api_resident_bytes{process="pool"}')" -gt 100000

# ---- the daemon is killed: its counters stay, its memory doesn't

check 'memory of the daemon' test "$(value 'store_api_resident_bytes{process="daemon"}')" -gt 100000
begin
stop "$DAEMON" KILL
is 'killed: its memory is free' "$(value 'store_api_resident_bytes{process="daemon"}')" 0
is 'killed: the state' "$(value 'store_api_sync_state{state="stopped"}')" 1
moved 'killed: its counters stay' "$daemon_words" ""
update PROD-040 1 nobody
is 'killed: a write' "$STATUS $(json .error.details.outcome)" '503 not_sent'

# ---- what is left out; a store that is too small; a Central that is gone

stop "$POOL"
rm -rf "$DATA_DIR"
stop "$CENTRAL_PID"
jq -cn '[(range(300) | "P-\(.)"), "x" * 600] |
  map({productId: ., name: "n", available: 9, version: 1, price: 1})' >"$DIR/catalogue"
start_central --catalogue "$DIR/catalogue"
start_daemon
start_pool
check 'live without one product' until_true 30 state_is live
is 'left out' "$(value store_api_products_rejected) $(value store_api_products)" '1 300'
stop "$CENTRAL_PID"
begin
update P-7 1 gone
is 'Central is gone' "$STATUS $(json .error.details.outcome)" '503 not_sent'
moved 'not sent' '^writes' 'writes{not_sent} +1'
stop "$DAEMON"
stop "$POOL"
rm -rf "$DATA_DIR"
jq -cn '("n" * 20000) as $name |
  [range(1500) as $n | {productId: "P-\($n)", name: $name, available: 9, version: 1, price: 1}]' >"$DIR/catalogue"
start_central --catalogue "$DIR/catalogue"
start_daemon CACHE_MAP_SIZE_MB=16 CENTRAL_TIMEOUT_SECONDS=10
start_pool CACHE_MAP_SIZE_MB=16
check 'no room: the full sync fails' until_true 30 value_is 'store_api_full_syncs_total{reason="initial",result="failed"}' 1
is 'no room: a failure of the store' "$(value 'store_api_sync_failures_total{class="storage"}')" 1
api GET /v1/store/sync/status
is 'no room: the status says so' "$(json .lastError.class)" storage
scrape "$DIR/last"
add_counts < <(metrics check "$DIR/last" "$root/src/api/openapi.json")
