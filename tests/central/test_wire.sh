#!/usr/bin/env bash
# test_wire.sh PROGRAM: the simulated Central answers as the deployed one was
# recorded to do.  wire.txt holds the exchanges: METHOD PATH | key | body, then
# status and body of the answer; TIME stands for any time.
set -u
cd "$(dirname "$0")" || exit 1
program=$(cd ../.. && realpath "$1")
dir=$(mktemp -d)
passed=0 failed=0

: >"$dir/out" # or it may not be there yet where it is read
"$program" --catalogue wire-catalogue.json >"$dir/out" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
read -r -t 10 line < <(tail -n +1 -f --pid="$pid" "$dir/out")
url=http://${line#listening on }

verdict() { # NAME ACTUAL EXPECTED
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  expected: %s\n  actual:   %s\n' "$1" "$3" "$2"
  fi
}

exchange() { # METHOD PATH KEY BODY
  local args=(-sS --max-time 10 -X "$1" --path-as-is -w '\n%{http_code}' "$url$2")
  [ "$3" = - ] || args+=(-H "X-API-Key: $3")
  [ "$4" = - ] || args+=(-d "$4")
  curl "${args[@]}"
}

times='s/"\(lastUpdated\|timestamp\)":"20[^"]*"/"\1":"TIME"/g'
while IFS= read -r line; do
  case $line in
  '' | '#'*) continue ;;
  esac
  IFS='|' read -r method path key body <<<"$line"
  IFS= read -r status
  IFS= read -r expected
  got=$(exchange "$method" "$path" "$key" "$body")
  verdict "$method $path $body: status" "${got##*$'\n'}" "$status"
  verdict "$method $path $body" "$(sed "$times" <<<"${got%$'\n'*}")" "$(sed "$times" <<<"$expected")"
done <wire.txt

# A long poll is answered as soon as there is an event, and ends with the program.
curl -sS --max-time 20 -H 'X-API-Key: demo' "$url/v1/inventory/events?offset=9&limit=10&wait=15" >"$dir/poll" &
poll=$!
waiting() { [ "$(curl -sS "$url/test/stats" | jq .waiting)" = 1 ]; }
for _ in {1..200}; do waiting && break; done
exchange PUT /v1/admin/products/set admin '{"products":[{"productId":"PROD-005","available":1}]}' >/dev/null
wait "$poll"
verdict 'a long poll brings the event' "$(jq -c '[.events[0].offset,.nextOffset]' "$dir/poll")" '[9,10]'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
