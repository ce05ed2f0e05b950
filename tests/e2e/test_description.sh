# The OpenAPI description: valid by itself, and of the same routes as the program.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
here=$root/tests/e2e

start_store --products 3
api GET /metrics
printf '%s\n' "$BODY" >"$DIR/metrics.txt"
add_counts < <(/usr/bin/python3 "$here/description.py" "$root/src/api/openapi.json" \
  "$here/openapi-3.1.schema.json" "$DIR/metrics.txt")

# Each route of the document is one of the program: an OPTIONS lists its methods.
while IFS='|' read -r path methods; do
  api OPTIONS "${path/\{productId\}/PROD-001}"
  is "OPTIONS $path: status" "$STATUS" 204
  is "OPTIONS $path: the methods of the document" \
    "$(header Allow | tr -d ' ' | tr ',' '\n' | sort | xargs)" "$methods"
done < <(jq -r '.paths|to_entries[]|"\(.key)|\(.value|keys_unsorted|map(select(.!="parameters")|ascii_upcase)|sort|join(" "))"' \
  "$root/src/api/openapi.json")

api GET /v1/store/openapi.json
is 'it is served' "$STATUS" 200
check 'the same bytes' cmp -s "$DIR/body" "$root/src/api/openapi.json"
is "the program's version" "$(json .info.version)" "$("$BUILD/store-syncd" --version | cut -d ' ' -f 2)"
