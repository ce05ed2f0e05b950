# What goes with the answers of reads: tags, freshness, origins; and the newer forms of
# the list, statistics, and the description of the API, behind lighttpd.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_central --products 300
start_daemon
until_true 20 grep -q 'sync status changed.*state=live' "$DIR/daemon.log" || fail 'the daemon gets live'
start_pool CORS_ALLOWED_ORIGINS=https://till.example,http://office.example:8080
start_web
list=/v1/store/inventory

# Tags: METHOD ~ PATH ~ form of the tag
while IFS='~' read -r path form; do
  api GET "$path"
  tag=$(header ETag)
  matches "GET $path: tag" "$tag" "$form"
  is "GET $path: may be kept, but asked for again" "$(header Cache-Control)" no-cache
  for method in GET HEAD; do
    api "$method" "$path" -H "If-None-Match: \"x\", $tag"
    is "$method $path with its tag" "$STATUS" 304
    is "$method $path with its tag: tag" "$(header ETag)" "$tag"
    is "$method $path with its tag: Cache-Control" "$(header Cache-Control)" no-cache
    is "$method $path with its tag: body" "$(header Content-Length)$(header Content-Type)" ''
  done
  api GET "$path" -H 'If-None-Match: "0123456789abcdef"'
  is "GET $path with another tag" "$STATUS" 200
done <<'ROWS'
/v1/store/inventory/PROD-007~"[0-9a-f]{16}"
/v1/store/inventory?limit=3~W/"[0-9a-f]{16}"
/v1/store/inventory?after=PROD-100~W/"[0-9a-f]{16}"
/v1/store/inventory?ids=PROD-007~W/"[0-9a-f]{16}"
/v1/store/openapi.json~"[0-9a-f]{16}"
ROWS

# A change of the product is another tag; one of another product isn't.
api GET $list/PROD-007
before=$(header ETag)
admin PUT set '{"products":[{"productId":"PROD-008","available":3}]}' >/dev/null
until_true 10 product_has PROD-008 .available 3 || fail 'a change arrives'
api GET $list/PROD-007 -H "If-None-Match: $before"
is 'another product changed' "$STATUS" 304
admin PUT set '{"products":[{"productId":"PROD-007","available":4}]}' >/dev/null
until_true 10 product_has PROD-007 .available 4 || fail 'the second change arrives'
api GET $list/PROD-007 -H "If-None-Match: $before"
is 'this one changed' "$STATUS $(json .available)" '200 4'

# Walking by id while the list is changed skips nothing and repeats nothing.
after='' seen=''
while :; do
  api GET "$list?limit=70&after=$after"
  seen+=$(json '.products[].productId')$'\n'
  after=$(json '.pagination.nextAfter // empty')
  [ -n "$after" ] || break
  admin DELETE delete "{\"productIds\":[\"$after\"]}" >/dev/null
  until_true 10 product_is_gone "$after" || fail "$after goes"
done
is 'a walk sees each product once' "$(sort -u <<<"$seen" | grep -c .) $(grep -c . <<<"$seen")" '300 300'

# As many ids as a URL of 7.5 KB holds.
ids=$(seq -f 'PROD-%03g' -s , 101 250)
api GET "$list?ids=$ids,$(printf 'x%.0s' {1..500}),$(printf '%%41%.0s' {1..500})"
is 'a long list of ids' "$STATUS $(json '.products | length') $(json '.missing | length')" '200 148 4'

# Freshness.
api GET $list
matches 'Age' "$(header Age)" '[0-9]+'
matches 'offset' "$(header X-Store-Event-Offset)" '[0-9]+'
is 'state' "$(header X-Store-Sync-State)" live
api GET $list -H 'X-Store-Max-Staleness: 3600'
is 'fresh enough' "$STATUS" 200
api GET $list -H 'X-Store-Max-Staleness: now'
is 'no number of seconds' "$STATUS $(json .error.details.parameter)" '400 X-Store-Max-Staleness'

# The daemon's going and coming shows without anybody asking it.
header_says() { # STATE
  api GET "$list/PROD-007"
  [ "$(header X-Store-Sync-State)" = "$1" ]
}
stop "$DAEMON" KILL
check 'without a daemon: stopped' until_true 10 header_says stopped
is 'the cache goes on' "$STATUS" 200
api GET $list/PROD-007 -H 'X-Store-Max-Staleness: 0'
too_old() {
  api GET "$list/PROD-007" -H 'X-Store-Max-Staleness: 0'
  [ "$STATUS" = 503 ]
}
check 'and gets older' until_true 10 too_old
is 'too old' "$(json .error.code) $(header Retry-After)" 'cache_too_stale 5'
api GET /v1/store/sync/status
is 'status says so too' "$(json .state) $(json .daemon) $(header X-Store-Sync-State)" \
  'stopped unreachable stopped'
kill "$CENTRAL_PID"
start_daemon
check 'a daemon without Central: retrying' until_true 20 header_says retrying

# Origins.
api GET $list -H 'Origin: https://till.example'
is 'an origin of ours' "$(header Access-Control-Allow-Origin) $(header Vary)" 'https://till.example Origin'
matches 'it sees our headers' "$(header Access-Control-Expose-Headers)" '.*ETag.*X-Store-Sync-State.*'
api GET $list -H 'Origin: https://evil.example'
is 'another origin' "$(header Access-Control-Allow-Origin)$(header Vary)" Origin
api GET $list/none -H 'Origin: http://office.example:8080'
is 'on errors' "$STATUS $(header Access-Control-Allow-Origin)" '404 http://office.example:8080'
STATUS=$(curl -sS -X OPTIONS -D "$DIR/headers" -o /dev/null -w '%{http_code}' -H 'Origin: https://till.example' \
  -H 'Access-Control-Request-Method: GET' -H 'Access-Control-Request-Headers: x-api-key' "$WEB$list")
HEADERS=$(tr -d '\r' <"$DIR/headers")
is 'preflight' "$STATUS $(header Access-Control-Allow-Methods)" '204 GET, HEAD, OPTIONS'
is 'preflight: headers' "$(header Access-Control-Allow-Headers) $(header Access-Control-Max-Age)" \
  'X-API-Key, Content-Type, If-None-Match, X-Request-Id, X-Store-Max-Staleness 600'

# Statistics.
api GET /v1/store/cache/stats
is 'statistics: members' "$(jq -rc keys_unsorted <<<"$BODY")" \
  '["totalProducts","cacheSize","lastSyncTime","lastEventOffset","initializedAt","uptime","memoryUsage","cacheSizeBytes","mapSizeBytes","readers"]'
is 'statistics: products' "$(json .totalProducts)" 296
is 'statistics: map' "$(json .mapSizeBytes)" $((256 << 20))
matches 'statistics: words' "$(json '[.cacheSize, .uptime, .memoryUsage.allocated, .memoryUsage.inUse] | join(" ")')" \
  '[0-9]+\.[0-9]MB ([0-9.]+m?s|[0-9]+m[0-9]+s) [0-9]+\.[0-9]MB [0-9]+\.[0-9]MB'
check 'statistics: memory is in use' test "$(json .memoryUsage.inUse)" != 0.0MB

# The description of the API.
api GET /v1/store/openapi.json
check 'the description is the file' cmp -s "$DIR/body" "$root/src/api/openapi.json"
is 'the description: type' "$(header Content-Type)" application/json
