# The logs of a store: what the documented grep commands find, a request's way by its
# id, keys that never show, text from outside that stays text, what fail2ban reads.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Settings in a file, since the environment can't change at a reload.
settings() { # KEY=value…
  printf '%s\n' API_KEYS=k1,sesame-till "$@" >"$DIR/store.conf"
}
start_program() { # PROGRAM LOG
  env -u LOG_LEVEL -u API_KEYS -u CENTRAL_API_KEY EVENT_WAIT_TIMEOUT_SECONDS=1 MAX_CONSECUTIVE_FAILURES=2 VERIFY_INTERVAL_MINUTES=0 \
    "${for_web[@]}" "$BUILD/$1" --config "$DIR/store.conf" 2>>"$DIR/$2.log" &
  PID=$!
  pids+=("$PID")
}
field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p"; } # NAME: its values, of lines in logfmt
logged() { grep -q "$2" "$DIR/$1.log"; }         # LOG PATTERN
sell() { # ID VERSION REQUEST-ID
  api POST /v1/store/inventory/updates -H "X-Request-Id: $3" \
    -d "$(jq -n --arg id "$1" "{productId:\$id,delta:-1,version:$2,idempotencyKey:\"$3\"}")"
}

# ---- a run in which Central goes and comes back

settings LOG_LEVEL=debug CENTRAL_API_KEY=sesame-central
start_central --products 20 --key sesame-central --log-requests
start_program store-syncd daemon && DAEMON=$PID
start_program store-api.fcgi pool && POOL=$PID
until_true 10 pool_listens || fail 'the pool listens'
start_web
check 'the store gets live' until_true 30 state_is live
is 'nothing is wrong yet' "$(cat "$DIR"/{daemon,pool}.log | grep -c ERROR)" 0
kill -KILL "$CENTRAL_PID" && wait "$CENTRAL_PID" 2>/dev/null
check 'Central is away' until_true 30 state_is fallback
start_central --products 20 --key sesame-central --log-requests --port "${CENTRAL##*:}"
check 'Central is back' until_true 30 state_is live
check 'so it says' until_true 10 logged daemon 'event sync works again'

is 'grep "sync status": each change of state' \
  "$(grep 'sync status' "$DIR/daemon.log" | grep -E 'at start|changed' | field state | xargs)" \
  'starting live retrying fallback live'
is 'grep "ERROR": nothing but failures' "$(grep ERROR "$DIR/daemon.log" | grep -vcE 'level=ERROR .* error=')" 0
matches 'grep "ERROR": the failure that began it' "$(grep -m 1 ERROR "$DIR/daemon.log")" \
  'time=[0-9TZ:-]+ level=ERROR ident=store-syncd msg="event sync failed" class=connect error=".+" failures=1 .*'
is 'grep "event sync": nothing else' "$(grep 'event sync' "$DIR/daemon.log" | grep -vc 'msg="event sync')" 0
is 'grep "event sync": begin, end, and work' \
  "$(grep -o 'event sync [a-z]*' "$DIR/daemon.log" | sort -u | xargs)" \
  'event sync batch event sync failed event sync works'
matches 'how often it failed' "$(grep 'event sync works' "$DIR/daemon.log" | field failures)" '[1-9][0-9]*'

# ---- one id through all logs

sell PROD-001 1 sale-7.42
is 'a sale' "$STATUS" 200
sell PROD-001 9 sale-7.43
is 'a sale of a version that is none' "$STATUS" 409
api POST '/v1/store/sync/force' -H 'X-Request-Id: force-9' -d ''
is 'a forced sync' "$STATUS" 200
first=$WEB_PID
for server in apache nginx; do
  start_web "$server"
  api GET /v1/store/inventory/PROD-002 -H "X-Request-Id: by-$server"
  is "$server: a read" "$STATUS" 200
  stop "$WEB_PID"
  check "$server: its access log has the id" grep -q " by-$server$" "$DIR/web-$webs/access.log"
  check "$server: and the pool's log" logged pool "request_id=by-$server .* status=200"
done
WEB=http://127.0.0.1:$(cat "$DIR/web-1.port")
for id in sale-7.42 sale-7.43; do
  check "$id: pool" logged pool "msg=request request_id=$id method=POST"
  check "$id: daemon" logged daemon "msg=\"write ended\" request_id=$id"
  check "$id: Central" logged central "^POST /v1/inventory/updates $id$"
done
check 'a forced sync: daemon' logged daemon 'full sync begins" reason=forced request_id=force-9'
check 'a forced sync: its end' logged daemon 'full sync done" .* request_id=force-9'
check 'a forced sync: Central' logged central '^GET /v1/inventory force-9$'
check 'what nobody asked for has ids of its own' logged central '^GET /v1/inventory/events syncd-[0-9]*-[0-9]*$'

# ---- text from outside, in both formats; wrong keys

hostile=$'qu"ote \\ back=slash \u202e right-to-left \u009b1m'
trouble_everywhere() { # NUMBER
  is 'a wrong key' "$(curl -sS -o /dev/null -w '%{http_code}' -H 'X-API-Key: sesame-wrong' "$WEB/v1/x?x=%22")" 401
  sell "$hostile" "9$1" "hostile-$1"
  is 'a product of a hostile name' "$STATUS" 409
}
admin POST create "$(jq -n --arg id "$hostile" '{products:[{productId:$id,name:"n",available:1,price:1}]}')" >"$DIR/body"
there_are() { api GET /v1/store/sync/status && [ "$(json .productCount)" = "$1" ]; }
check 'a product of a hostile name comes' until_true 10 there_are 21
trouble_everywhere 1
check 'the look-up for a sale has its id: Central' logged central '^GET /v1/inventory/qu"ote .* hostile-1$'
text='"([^"\\]|\\["\\n]|\\u[0-9a-f]{4})*"'
for log in pool daemon; do
  is "$log: logfmt to the last line" \
    "$(grep -vcP "^time=[^ ]+( [a-z_]+=($text|[^\\x00-\\x20\"=\\\\\\x7f-\\xff]+))+\$" "$DIR/$log.log")" 0
  is "$log: no terminal's commands" "$(grep -c $'[\u202e\u009b\x1b]' "$DIR/$log.log")" 0
done

settings LOG_LEVEL=debug LOG_FORMAT=json CENTRAL_API_KEY=sesame-central
kill -HUP "$DAEMON" "$POOL"
check 'pool: JSON after a reload' until_true 10 logged pool '^{.*"all workers have the new settings"'
check 'daemon: JSON after a reload' until_true 10 logged daemon '^{.*"settings reloaded"'
trouble_everywhere 2
sed -n '/^{.*"all workers have/,$p' "$DIR/pool.log" >"$DIR/pool.json"
sed -n '/^{/,$p' "$DIR/daemon.log" >"$DIR/daemon.json"
for log in pool daemon; do
  check "$log: JSON to the last line" jq -e 'has("time") and has("level") and has("msg")' "$DIR/$log.json" >"$DIR/jq"
  is "$log: each line one object" "$(wc -l <"$DIR/$log.json")" "$(jq -c . "$DIR/$log.json" | wc -l)"
done
is 'the text is what it was' "$(jq -r 'select(.msg == "look-up failed" or .msg == "product looked up").product' \
  "$DIR/daemon.json" | tail -n 1)" "$hostile"

# ---- fail2ban, with its own program where it is

regexes() { sed -n 's/^failregex = //p; s/^ \{12\}//p' "$root/conf/fail2ban/store-api-filter.conf"; }
found_by_hand() { regexes | sed 's/<ADDR>/[0-9a-f.:]+/' | while read -r r; do grep -cP "$r" "$1"; done | awk '{ n += $1 } END { print n }'; }
cat "$DIR/pool.log" >"$DIR/journal"
sed 's/^/Nov 25 18:43:30 till store-api.fcgi[77]: /' "$DIR/pool.log" >"$DIR/syslog"
for log in journal syslog; do
  if command -v fail2ban-regex >/dev/null; then
    is "fail2ban: $log" "$(fail2ban-regex -o ip "$DIR/$log" "$root/conf/fail2ban/store-api-filter.conf" | grep -c '^127.0.0.1$')" 2
  else
    is "fail2ban's expressions: $log" "$(found_by_hand "$DIR/$log")" 2
  fi
done

# ---- levels, and keys

settings CENTRAL_API_KEY=sesame-mistyped LOG_LEVEL=warn
kill -HUP "$DAEMON" "$POOL"
check 'a key that Central refuses' until_true 30 logged daemon 'class=auth'
is 'no record below its level since' \
  "$(sed -n '/class=auth/,$p' "$DIR/daemon.log" | grep -cE 'level=(DEBUG|INFO)')" 0
for path in /v1/store/sync/status /v1/store/cache/stats /health /metrics /v1/store/openapi.json /v1/x; do
  api GET "$path"
  echo "$path $HEADERS $BODY" >>"$DIR/answers"
done
"$BUILD/storectl" --config "$DIR/store.conf" doctor >>"$DIR/answers" 2>&1
check 'answers are not empty' grep -q 'mistyped\|auth' "$DIR/answers"
is 'no key in any answer' "$(grep -c sesame "$DIR/answers")" 0
stop "$first"
check 'lighttpd: its access log has the id' grep -q ' sale-7.42$' "$DIR/web-1/access.log"
for program in store-syncd store-api.fcgi; do
  "$BUILD/$program" --config "$DIR/store.conf" --check-config
  CENTRAL_API_URL=http://me:sesame@host API_KEYS=,sesame "$BUILD/$program" --check-config
done >"$DIR/check.log" 2>&1
check 'a password in a URL is a mistake' logged check 'CENTRAL_API_URL=http://\*\*\*@host: allowed'
check 'there is much to be searched' [ "$(cat "$DIR"/*.log "$DIR"/web-*/*.log | wc -l)" -gt 100 ]
is 'no key in any log' "$(grep -c sesame "$DIR"/*.log "$DIR"/web-*/*.log | grep -v ':0$')" ''
