# Writes: read back at once, once only, side by side, and never in the way of reads.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export VERIFY_INTERVAL_MINUTES=0 MAX_CONSECUTIVE_FAILURES=100
clients() { /usr/bin/python3 "$root/tests/e2e/clients.py" "$WEB" k1 "$@"; }
update() { # PRODUCT DELTA VERSION KEY [curl options…]
  local body="{\"productId\":\"$1\",\"delta\":$2,\"version\":$3,\"idempotencyKey\":\"$4\"}"
  shift 4
  api POST /v1/store/inventory/updates -d "$body" "$@"
}
of() { jq -r "$1" <<<"$RESULT"; } # a value out of what the clients say
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'; }
updates_are() { [ "$(central_stat .requests.updates)" -ge "$1" ]; }

start_central --products 1000
start_daemon CENTRAL_WRITE_TIMEOUT_SECONDS=3
start_pool POOL_PROCESSES=2 POOL_THREADS=8
start_web
until_true 30 state_is live || fail 'the store gets live'
admin PUT set '{"products":[{"productId":"PROD-0500","available":1000}]}' >/dev/null
check 'stock for all of it' until_true 10 product_has PROD-0500 .available 1000

# Each write, then a GET on a new connection, on whichever worker.
RESULT=$(clients read-back 100 PROD-0500)
is 'a hundred writes, each read back at once' "$(of .seen)" 100

# The same key twice: Central applies it once, and both are told the same.
api GET /v1/store/inventory/PROD-0500
version=$(json .version) before=$(json .available)
update PROD-0500 -3 "$version" twice
first=$BODY
is 'the first of two: status' "$STATUS" 200
update PROD-0500 -3 "$version" twice
is 'the second of two' "$STATUS $BODY" "200 $first"
api GET /v1/store/inventory/PROD-0500
is 'applied once' "$(json .available)" $((before - 3))

# Twice at once: the second shares the first one's outcome.
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":500}]}'
sent=$(central_stat .requests.updates)
version=$(json .version)
send_shared() {
  curl -sS -H 'X-API-Key: k1' -d \
    "{\"productId\":\"PROD-0500\",\"delta\":-1,\"version\":$version,\"idempotencyKey\":\"shared\"}" \
    "$WEB/v1/store/inventory/updates" >"$DIR/shared.$1" 2>>"$DIR/curl.log"
}
send_shared 1 &
one=$!
send_shared 2 &
two=$!
wait "$one" "$two"
is 'two at once: one answer' "$(cat "$DIR/shared.1")" "$(cat "$DIR/shared.2")"
is 'applied' "$(jq -r .applied "$DIR/shared.1")" true
is 'and sent once' "$(central_stat .requests.updates)" $((sent + 1))

# A connection cut after Central has taken the write.
faults '{"faults":[{"path":"updates","kind":"lost","count":1}]}'
api GET /v1/store/inventory/PROD-0500
version=$(json .version) before=$(json .available)
update PROD-0500 -7 "$version" cut
is 'cut after it was taken: the client learns the truth' "$STATUS $(json .applied)" '200 true'
api GET /v1/store/inventory/PROD-0500
is 'and Central applied it once' "$(json .available) $(json .version)" "$((before - 7)) $((version + 1))"
faults '{"faults":[]}'

# A client that hangs up: the write goes on, and harms nobody.
version=$(json .version)
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":300,"count":1}]}'
curl -sS --max-time 0.1 -H 'X-API-Key: k1' "$WEB/v1/store/inventory/updates" \
  -d "{\"productId\":\"PROD-0500\",\"delta\":-1,\"version\":$version,\"idempotencyKey\":\"gone\"}" >/dev/null 2>&1
check 'a client that hangs up: its write is done' \
  until_true 10 product_has PROD-0500 .version $((version + 1))

# ---- the bulkhead: every place taken by writes that hang at Central

stop "$POOL"
rm -f "$DIR/fcgi.sock"
stop "$DAEMON"
start_daemon CENTRAL_WRITE_TIMEOUT_SECONDS=8
start_pool POOL_PROCESSES=1 POOL_THREADS=8 # four places
until_true 30 state_is live || fail 'the store is live again'
RESULT=$(clients reads 1 /v1/store/inventory/PROD-0001)
alone=$(of .median_ms)
faults '{"faults":[{"path":"updates","kind":"hang","delayMs":60000}]}'
sent=$(central_stat .requests.updates)
hanging=()
for i in 1 2 3 4; do
  curl -sS -o "$DIR/hang.$i" -H 'X-API-Key: k1' "$WEB/v1/store/inventory/updates" \
    -d "{\"productId\":\"PROD-000$i\",\"delta\":-1,\"version\":1,\"idempotencyKey\":\"hang-$i\"}" \
    2>>"$DIR/curl.log" &
  hanging+=("$!")
done
check 'four writes hang' until_true 5 updates_are $((sent + 4))
update PROD-0009 -1 1 fifth --max-time 1
is 'the fifth: overloaded, at once' "$STATUS $(json .error.code)" '503 overloaded'
is 'and when to come again' "$(header Retry-After)" 1
is 'and it was not sent' "$(json .error.details.outcome)" not_sent
RESULT=$(clients reads 1 /v1/store/inventory/PROD-0001)
check "reads are as fast as before ($alone ms, now $(of .median_ms) ms)" \
  at_most "$(of .median_ms)" "$(awk -v a="$alone" 'BEGIN { print a * 3 + 5 }')"
check 'while all four still hang' kill -0 "${hanging[@]}"
wait "${hanging[@]}"
is 'those are told that it is unknown' "$(cat "$DIR"/hang.[1-4] | jq -r .error.details.outcome | xargs)" \
  'unknown unknown unknown unknown'
faults '{"faults":[]}'
update PROD-0100 -1 1 afterwards
is 'afterwards writes go through' "$STATUS $(json .applied)" '200 true'

# ---- a body that never comes

slow_body() { # bytes promised, none sent, over the pool's own socket: lighttpd would keep it
  /usr/bin/python3 - "$DIR/fcgi.sock" <<'P'
import socket, sys, time
def record(kind, content): return b"\1" + bytes([kind]) + b"\0\1" + len(content).to_bytes(2, "big") + b"\0\0" + content
pairs = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/v1/store/inventory/updates", "HTTP_X_API_KEY": "k1", "CONTENT_LENGTH": "100"}
params = b"".join(bytes([len(n), len(v)]) + n.encode() + v.encode() for n, v in pairs.items())
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
began = time.monotonic()
s.sendall(record(1, b"\0\1\0\0\0\0\0\0") + record(4, params) + record(4, b"") + record(5, b"{"))
data = b""
while True:
    block = s.recv(65536)
    if not block:
        break
    data += block
print(data[8:].split(b"\r\n")[0].decode(), b"request_timeout" in data, 9 < time.monotonic() - began < 13)
P
}
is 'a body that stands still' "$(slow_body)" 'Status: 408 Request Timeout True True'

# ---- many at once

stop "$POOL"
rm -f "$DIR/fcgi.sock"
stop "$DAEMON"
stop "$CENTRAL_PID"
rm -rf "$DATA_DIR"
start_central --products 300
start_daemon CENTRAL_WRITE_TIMEOUT_SECONDS=8
start_pool POOL_PROCESSES=1 POOL_THREADS=256
until_true 30 state_is live || fail 'the second store gets live'
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":200}]}'
RESULT=$(clients sell 100 -1)
is 'a hundred writes at once: all applied' "$(of '.statuses|tojson')" '{"200":100}'
check "in about the time of one, not of a hundred ($(of .seconds) s)" at_most "$(of .seconds)" $((3 * SLOWER))
api GET /v1/store/inventory/PROD-100
is 'and the cache shows the last of them' "$(json .version)" 2

faults '{"faults":[]}'
admin PUT set '{"products":[{"productId":"PROD-200","available":1000},{"productId":"PROD-201","available":100000}]}' >/dev/null
check 'stock for what follows' until_true 10 product_has PROD-201 .available 100000
check 'and for the other' until_true 10 product_has PROD-200 .available 1000
api GET /v1/store/inventory/PROD-200
version=$(json .version)

# Nothing delays a write: neither a long poll, nor a slow write, nor a full sync.
sent=$(central_stat .requests.updates)
faults '{"faults":[{"path":"updates","kind":"delay","delayMs":3000,"count":1},{"path":"list","kind":"delay","delayMs":700}]}'
curl -sS -H 'X-API-Key: k1' "$WEB/v1/store/inventory/updates" \
  -d "{\"productId\":\"PROD-200\",\"delta\":-1,\"version\":$version,\"idempotencyKey\":\"slow\"}" >"$DIR/slow" 2>>"$DIR/curl.log" &
slow=$!
check 'a slow write is at Central' until_true 5 updates_are $((sent + 1))
api POST '/v1/store/sync/force?wait=0' -d ''
is 'a full sync is asked for' "$STATUS" 202
RESULT=$(clients sales-while 2 PROD-201)
check "a slow write and a full sync delay no other write ($(of .slowest) s)" at_most "$(of .slowest)" 0.6
is 'all of which are applied' "$(of '.statuses|keys|join(",")')" 200
wait "$slow"
is 'the slow one as well' "$(jq -r .applied "$DIR/slow")" true
faults '{"faults":[]}'
