# The daemon or Central is killed in the middle of a write: the client is told
# that the outcome is unknown, never that it failed; repeating the same key
# brings the truth, and Central has applied it once.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export VERIFY_INTERVAL_MINUTES=0 MAX_CONSECUTIVE_FAILURES=100 CENTRAL_WRITE_TIMEOUT_SECONDS=3
hooks=${HOOKS_BUILD:-$root/build/hooks}

update() { # PRODUCT VERSION KEY
  api POST /v1/store/inventory/updates \
    -d "{\"productId\":\"$1\",\"delta\":-1,\"version\":$2,\"idempotencyKey\":\"$3\"}"
}
begin_update() { # the same, in the background; its answer is in $DIR/later
  : >"$DIR/later"
  curl -sS --max-time 20 -H 'X-API-Key: k1' "$WEB/v1/store/inventory/updates" -w '\n%{http_code}' \
    -d "{\"productId\":\"$1\",\"delta\":-1,\"version\":$2,\"idempotencyKey\":\"$3\"}" \
    >"$DIR/later" 2>>"$DIR/curl.log" &
  LATER=$!
}
end_update() {
  wait "$LATER"
  STATUS=$(tail -n 1 "$DIR/later")
  BODY=$(head -n 1 "$DIR/later")
}
told_unknown() { # NAME
  is "$1: unknown, never failed" "$STATUS $(json .error.code) $(json .error.details.outcome)" \
    '504 central_timeout unknown'
  is "$1: the key to repeat" "$(json .error.details.idempotencyKey)" "$2"
}
central_has() { # PRODUCT FILTER
  curl -sS -H 'X-API-Key: demo' "$CENTRAL/v1/inventory/$1" | jq -r "$2"
}
updates_are() { [ "$(central_stat .requests.updates)" -ge "$1" ]; }
version_is() { [ "$(central_has "$1" .version)" = "$2" ]; }

start_central --products 50 --state "$DIR/central.state"
admin PUT set '{"products":[{"productId":"PROD-011","available":100},{"productId":"PROD-012","available":100},
  {"productId":"PROD-013","available":100},{"productId":"PROD-014","available":100},{"productId":"PROD-015","available":100},
  {"productId":"PROD-016","available":100}]}' >/dev/null
start_daemon
start_pool
start_web
until_true 30 state_is live || fail 'the store gets live'

# ---- the daemon, at a place of its own program

restart_daemon() {
  stop "$DAEMON" KILL
  start_daemon
  check "$1: the store is live again" until_true 20 state_is live
}

dies() { # MUTANT PRODUCT VERSION-AT-CENTRAL-AFTERWARDS WHEN
  local when=$4
  stop "$DAEMON"
  BUILD=$hooks start_daemon STORE_API_MUTANT="$1"
  check "$when: live before" until_true 20 state_is live
  update "$2" 2 "$1"
  told_unknown "$when" "$1"
  check "$when: the daemon is dead" until_ended "$DAEMON"
  is "$when: what Central has" "$(central_has "$2" .version)" "$3"
  api GET "/v1/store/inventory/$2"
  is "$when: reads go on" "$STATUS" 200
  restart_daemon "$when"
  update "$2" 2 "$1"
  is "$when: the repeat brings the truth" "$STATUS $(json .applied) $(json .newVersion)" '200 true 3'
  is "$when: Central applied it once" "$(central_has "$2" '"\(.version) \(.available)"')" '3 99'
  api GET "/v1/store/inventory/$2"
  is "$when: and a read shows it" "$(json .version) $(json .available)" '3 99'
}

if [ -x "$hooks/store-syncd" ]; then
  dies die-before-send PROD-011 2 'killed before it was sent'
  dies die-after-answer PROD-012 3 'killed after the answer came'
  dies die-before-commit PROD-013 3 'killed before the commit'
else
  skip 'the daemon killed at a place of its own' "there is no $hooks/store-syncd (make hooks)"
fi

# ---- the daemon, while Central works on it

faults '{"faults":[{"path":"updates","kind":"delay","delayMs":1000,"count":1}]}'
sent=$(central_stat .requests.updates)
begin_update PROD-014 2 k14
check 'a write is at Central' until_true 10 updates_are $((sent + 1))
kill -9 "$DAEMON"
end_update
told_unknown 'killed while Central works on it' k14
check 'killed while Central works on it: Central applies it' until_true 10 version_is PROD-014 3
restart_daemon 'killed while Central works on it'
update PROD-014 2 k14
is 'the repeat brings the truth' "$STATUS $(json .applied) $(json .newVersion)" '200 true 3'
is 'Central applied it once' "$(central_has PROD-014 .available)" 99

# ---- workers, as a damaged store kills them

if under_checker; then # which would end them by itself
  stop "$POOL"
  ASAN_OPTIONS=${ASAN_OPTIONS-}:handle_segv=0 TSAN_OPTIONS=${TSAN_OPTIONS-}:handle_segv=0 start_pool
fi

a_worker() { # another one than before
  local worker
  worker=$(children "$POOL" | cut -d ' ' -f 1)
  [ -n "$worker" ] && [ "$worker" != "${crashed-}" ] && crashed=$worker
}
for _ in 1 2 3; do
  until_true 10 a_worker && kill -SEGV "$crashed"
done
check 'three workers crash: the daemon is told' until_true 10 grep -q 'store damaged.*request_id=crashes-' "$DIR/daemon.log"
check 'and builds the store anew' until_true 10 grep -q 'full sync done" reason=store_rebuilt' "$DIR/daemon.log"

# ---- Central

restart_central() {
  start_central --state "$DIR/central.state" --port "${CENTRAL##*:}"
  check "$1: live again" until_true 70 state_is live
}

# Before it has applied it.
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":60000}]}'
sent=$(central_stat .requests.updates)
begin_update PROD-015 2 k15
check 'a write is at Central, which waits' until_true 10 updates_are $((sent + 1))
stop "$CENTRAL_PID" KILL
end_update
told_unknown 'Central killed before it applied it' k15
restart_central 'Central killed before it applied it'
is 'it has not applied it' "$(central_has PROD-015 .version)" 2
update PROD-015 2 k15
is 'the repeat applies it' "$STATUS $(json .applied) $(json .newVersion)" '200 true 3'

# After it has applied it: its memory of keys dies with it, so its refusal of the repeat proves nothing.
faults '{"faults":[{"path":"updates","kind":"lost","count":1},{"path":"updates","kind":"delay","delayMs":60000}]}'
sent=$(central_stat .requests.updates)
begin_update PROD-016 2 k16
check 'a write is at Central a second time' until_true 10 updates_are $((sent + 2))
stop "$CENTRAL_PID" KILL
end_update
told_unknown 'Central killed after it applied it' k16
restart_central 'Central killed after it applied it'
is 'it has applied it' "$(central_has PROD-016 .version)" 3
update PROD-016 2 k16
told_unknown 'the repeat, refused by a Central that forgot' k16
is "with Central's words" "$(json '.error.details.errorType') $(json '.error.details.newVersion')" 'version_conflict 3'
check 'and the product says what happened' until_true 10 product_has PROD-016 .available 99
