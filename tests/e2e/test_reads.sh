# What GET answers, and what it refuses, behind lighttpd.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

cat >"$DIR/catalogue.json" <<'J'
[{"productId":"PROD-001","name":"Wireless Headphones","available":10,"version":6,"lastUpdated":"2024-01-15T10:30:00Z","price":99.99},
 {"productId":"PROD-002","name":"Laptop <13\"> & case","available":35,"version":20,"lastUpdated":"2025-09-02T20:51:37Z","price":1299.5},
 {"productId":"PROD-003","name":"Café 日本 😀","available":1,"version":1,"lastUpdated":"2025-09-04T23:06:38-05:00","price":1},
 {"productId":"PROD-006","name":"Cable","available":500,"version":40,"lastUpdated":"2025-09-02T07:30:00Z","price":1e+21},
 {"productId":"a/b c%2F","name":"slash","available":2,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":1.10},
 {"productId":"updates","name":"a product of that name","available":0,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":2},
 {"productId":"日本 \"x\"","name":"unicode id","available":2,"version":1,"lastUpdated":"2025-09-02T07:30:00Z","price":2}]
J
start_store --catalogue "$DIR/catalogue.json"

code() { json '.error.code'; }

# PATH ~ STATUS ~ error code, or - ~ jq filter ~ its value
while IFS='~' read -r path status code filter value; do
  [ -n "$path" ] || continue
  api GET "$path"
  is "GET $path: status" "$STATUS" "$status"
  [ "$code" = - ] || is "GET $path: code" "$(code)" "$code"
  [ -z "$filter" ] || is "GET $path: $filter" "$(json "$filter")" "$value"
done <<'ROWS'
/v1/store/inventory~200~-~.pagination.total~7
/v1/store/inventory~200~-~.pagination.limit~50
/v1/store/inventory?offset=5~200~-~.products|length~2
/v1/store/inventory?offset=6~200~-~.pagination.hasMore~false
/v1/store/inventory?offset=5&limit=1~200~-~.pagination.has_more~true
/v1/store/inventory?offset=7~200~-~.products|length~0
/v1/store/inventory?offset=9007199254740992~200~-~.products|length~0
/v1/store/inventory?limit=1000~200~-~.pagination.limit~200
/v1/store/inventory?limit=%31~200~-~.pagination.limit~1
/v1/store/inventory?other=1&limit=1~200~-~.products|length~1
/v1/store/inventory?limit=0~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=-1~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=1.5~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=+5~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=0x10~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?limit=5&limit=5~400~invalid_parameter~.error.details.parameter~limit
/v1/store/inventory?offset=-1~400~invalid_parameter~.error.details.parameter~offset
/v1/store/inventory?offset=x~400~invalid_parameter~.error.details.parameter~offset
/v1/store/inventory?offset=9007199254740993~400~invalid_parameter~.error.details.parameter~offset
/v1/store/inventory?offset=99999999999999999999999999~400~invalid_parameter~.error.details.parameter~offset
/v1/store/inventory/PROD-001~200~-~.name~Wireless Headphones
/v1/store/inventory/PROD%2D001~200~-~.productId~PROD-001
/v1/store/inventory/a%2Fb%20c%252F~200~-~.name~slash
/v1/store/inventory/%E6%97%A5%E6%9C%AC%20%22x%22~200~-~.name~unicode id
/v1/store/inventory/updates~200~-~.name~a product of that name
/v1/store/inventory/batch-updates~404~product_not_found~.error.details.productId~batch-updates
/v1/store/inventory/PROD-999~404~product_not_found~.error.message~Product not found in local cache
/v1/store/inventory/PROD-999~404~product_not_found~.error.details.suggestion~Product may not exist or cache may be out of sync
/v1/store/inventory/prod-001~404~product_not_found~.error.details.productId~prod-001
/v1/store/inventory/~404~not_found~~
/v1/store/inventory/a/b~404~not_found~~
/v1/store~404~not_found~~
/v1/nowhere~404~not_found~~
/v2/store/inventory~404~not_found~~
/~404~not_found~~
/healthx~404~not_found~~
/health/x~404~not_found~~
/v1//store/inventory~404~not_found~~
ROWS

# Byte for byte: Central's digits and escapes.
api GET /v1/store/inventory/PROD-006
is 'price with exponent' "$BODY" \
  '{"productId":"PROD-006","name":"Cable","available":500,"version":40,"lastUpdated":"2025-09-02T07:30:00Z","price":1e+21}'
api GET /v1/store/inventory/PROD-002
is 'escapes of names' "$BODY" \
  '{"productId":"PROD-002","name":"Laptop \u003c13\"\u003e \u0026 case","available":35,"version":20,"lastUpdated":"2025-09-02T20:51:37Z","price":1299.5}'
api GET '/v1/store/inventory/a%2Fb%20c%252F'
check 'price with a last zero' grep -qF '"price":1.10' <<<"$BODY"

# What lighttpd lets through of broken paths is refused by us, the rest by itself.
api GET '/v1/store/inventory/%zz'
is 'bad escape' "$STATUS $(code)" '400 invalid_path'
api GET '/v1/store/inventory/%00'
is 'NUL in a path' "$STATUS" 400

# Keys.
while IFS='|' read -r name status args; do
  eval "set -- $args"
  STATUS=$(curl -sS -o "$DIR/body" -D "$DIR/headers" -w '%{http_code}' "$@" "$WEB/v1/store/inventory")
  BODY=$(cat "$DIR/body") HEADERS=$(tr -d '\r' <"$DIR/headers")
  is "$name" "$STATUS" "$status"
  if [ "$status" = 401 ]; then
    is "$name: code" "$(code)" unauthorized
    is "$name: challenge" "$(header WWW-Authenticate)" 'ApiKey realm="store-api"'
  fi
done <<'ROWS'
no key|401|
wrong key|401|-H 'X-API-Key: k3'
half a key|401|-H 'X-API-Key: k'
longer key|401|-H 'X-API-Key: k11'
empty key|401|-H 'X-API-Key;'
two keys|401|-H 'X-API-Key: k1' -H 'X-API-Key: k2'
a key with a comma|401|-H 'X-API-Key: k1,k2'
a key beside an underscore one|401|-H 'X-API-Key: k1' -H 'X_API_Key: k2'
first key|200|-H 'X-API-Key: k1'
second key|200|-H 'X-API-Key: k2'
ROWS
check 'a wrong key is logged with its address' grep -q 'remote_addr=127.0.0.1' "$DIR/pool.log"
check 'and never shown' test -z "$(grep -h k11 "$DIR/pool.log")"

STATUS=$(curl -sS -o /dev/null -w '%{http_code}' "$WEB/health")
is '/health needs no key' "$STATUS" 200
STATUS=$(curl -sS -o /dev/null -w '%{http_code}' "$WEB/metrics")
is '/metrics needs no key' "$STATUS" 200
STATUS=$(curl -sS -o /dev/null -w '%{http_code}' "$WEB/v1/nowhere")
is 'an unknown path below /v1 without a key' "$STATUS" 401

# Methods.
while IFS='|' read -r method path status allow; do
  if [ "$method" = POST ]; then api POST "$path" -d ''; else api "$method" "$path"; fi
  is "$method $path" "$STATUS" "$status"
  is "$method $path: Allow" "$(header Allow)" "$allow"
done <<'ROWS'
DELETE|/v1/store/inventory|405|GET, HEAD, OPTIONS
PUT|/v1/store/inventory/PROD-001|405|GET, HEAD, OPTIONS
POST|/v1/store/sync/status|405|GET, HEAD, OPTIONS
POST|/health|405|GET, HEAD, OPTIONS
OPTIONS|/v1/store/inventory|204|GET, HEAD, OPTIONS
HEAD|/v1/store/inventory|200|
HEAD|/v1/store/inventory/PROD-001|200|
HEAD|/v1/store/inventory/PROD-999|404|
ROWS
api HEAD /v1/store/inventory/PROD-001
is 'HEAD: length of the GET' "$(header Content-Length)" 131

# Headers.
api GET /v1/store/inventory/PROD-001 -H 'X-Request-Id: till-7.42'
is "a client's request id" "$(header X-Request-Id)" till-7.42
api GET /v1/store/inventory/PROD-001 -H 'X-Request-Id: bad id!'
matches 'a bad one is replaced' "$(header X-Request-Id)" '[A-Za-z0-9._-]{8,64}'
is 'content type' "$(header Content-Type)" application/json
api GET /v1/store/inventory/PROD-999
is 'errors are not stored' "$(header Cache-Control)" no-store
