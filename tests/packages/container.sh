#!/usr/bin/env bash
# container.sh: the image's entry point for real, without a container, and what can be
# said of Dockerfile and compose.yml without an image builder.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

from=$root/packaging/container
entry=$from/entrypoint.sh
# shellcheck disable=SC2031 # another one than lib.sh's
export EVENT_WAIT_TIMEOUT_SECONDS=1 PATH=$BUILD:$PATH FCGI_SOCKET=$DIR/fcgi.sock WEB_CONF=$DIR/lighttpd/store-api.conf

# As the Dockerfile lays it out.
mkdir -p "$DIR/lighttpd/store-api" "$DIR/run"
cp "$from/lighttpd.conf" "$WEB_CONF"
cp "$root"/conf/lighttpd/*.inc "$DIR/lighttpd/store-api/"

# shellcheck disable=SC2016 # expanded by the shell that has the port
start_combined() { # [command in front…]: → $ENTRY, $WEB, its output in $DIR/out
  : >"$DIR/port"
  # Under nohup the signal would be ignored, and a shell can't undo that.
  env --default-signal=HUP "$BUILD/tests/listen" --reserve \
    sh -c 'export PORT="${LISTEN_ADDRESS##*:}"; exec "$@" >"$0"' "$DIR/out" "$@" "$entry" >"$DIR/port" 2>"$DIR/err" </dev/null &
  ENTRY=$!
  pids+=("$ENTRY")
  until_true 10 port_listens "$DIR/port" || fail 'the web server listens'
  WEB=http://127.0.0.1:$(cat "$DIR/port")
}
said() { grep -q "$@" "$DIR/out"; }
child_named() { # NAME: the entry point's child
  local pid
  for pid in $(children "$ENTRY"); do
    [ "$(cat "/proc/$pid/comm")" != "$1" ] || echo "$pid"
  done
}
all_ended() { local pid; for pid in $1; do is_running "$pid" && return 1; done; return 0; }

# ---- A whole store

start_central --products 10
start_combined
check 'the store is live' until_true 30 state_is live
api GET '/v1/store/inventory?limit=5'
is 'a page of products' "$STATUS $(json '.products | length')" '200 5'
api GET /health
is 'health needs no key' "$STATUS" 200
api GET /nothing
is 'nothing else is there' "$STATUS $(json .error.code)" '404 not_found'
check 'changes of state are on stdout' said 'sync status'
check 'events are on stdout' said 'event sync'
is 'nothing is on stderr' "$(cat "$DIR/err")" ''

both=$(child_named store-syncd)\ $(child_named store-api.fcgi)
kill -HUP "$ENTRY"
reloaded() { [ "$(grep -c 'settings.*read again\|reload' "$DIR/out")" -ge 2 ]; }
check 'both read their settings again' until_true 10 reloaded
syncs() { curl -s -H 'X-API-Key: k1' "$WEB/v1/store/sync/status" | jq -e '.lastFullSync.reason == "forced"' >/dev/null; }
kill -USR1 "$ENTRY"
check 'the daemon is told to sync' until_true 10 syncs
is 'both still run' "$(child_named store-syncd) $(child_named store-api.fcgi)" "$both"

check 'healthy' "$entry" health -t 5 >>"$DIR/health.log"

all=$(children "$ENTRY")
check 'it ends when asked' stop "$ENTRY"
wait "$ENTRY"
is 'its exit code' "$?" 0
check 'nothing is left' all_ended "$all"
api_is_gone() { ! curl -s -o /dev/null "$WEB/health"; }
check 'nobody listens' api_is_gone

is 'unhealthy without a daemon' "$("$entry" health -t 5 >>"$DIR/health.log"; echo $?)" 1

# ---- One ends, all end

for victim in store-syncd store-api.fcgi lighttpd; do
  start_combined
  until_true 30 state_is live || fail 'the store is live again'
  all=$(children "$ENTRY")
  kill -KILL "$(child_named "$victim")"
  check "$victim dies, and the entry point ends" until_ended "$ENTRY" 15
  wait "$ENTRY"
  is "its exit code tells of $victim" "$?" 137
  check "the others went with $victim" all_ended "$all"
  check "it says so of $victim" said 'has ended with 137'
done

# ---- One of them alone, or another command

"$entry" daemon >"$DIR/out" 2>&1 &
ENTRY=$!
pids+=("$ENTRY")
check 'the daemon alone' until_true 10 said 'sync status'
is 'in our place' "$(cat "/proc/$ENTRY/comm")" store-syncd
check 'it ends' stop "$ENTRY"
"$entry" pool >"$DIR/out" 2>&1 &
ENTRY=$!
pids+=("$ENTRY")
is_pool() { [ "$(cat "/proc/$ENTRY/comm")" = store-api.fcgi ] && pool_listens; }
check 'the pool alone' until_true 10 is_pool
check 'it ends too' stop "$ENTRY"
is 'a command' "$("$entry" store-syncd --version)" "store-syncd $("$root/packaging/version.sh")"
is 'wrong settings' "$(CENTRAL_API_URL=none "$entry" daemon 2>&1 >/dev/null; CENTRAL_API_URL=none "$entry" daemon >/dev/null; echo $?)" 78

# ---- As process 1: what is left to it is reaped

# A daemon that leaves a process behind.
mkdir "$DIR/bin"
printf '#!/bin/sh\n(sleep 0.4 &)\nexec "%s/store-syncd" "$@"\n' "$BUILD" >"$DIR/bin/store-syncd"
chmod +x "$DIR/bin/store-syncd"
has_orphan() { [ -n "$(child_named sleep)" ]; }
has_none() { [ -z "$(child_named sleep)" ]; }
if unshare --pid --fork --mount-proc true 2>/dev/null; then
  start_combined env PATH="$DIR/bin:$PATH" unshare --pid --fork --kill-child --mount-proc
  outside=$ENTRY
  ENTRY=$(children "$outside")
  check 'something is left to it' until_true 10 has_orphan
  check 'it is reaped' until_true 10 has_none
  kill "$ENTRY"
  check 'process 1 ends when asked' until_ended "$outside" 15
  wait "$outside"
  is 'exit code of process 1' "$?" 0
else
  skip 'as process 1' 'no process namespaces here'
fi

# ---- Dockerfile: of the last stage, and in general

instruction() { sed -e ':a;/\\$/{N;s/\\\n *//;ta}' "$from/Dockerfile" | sed -n "s/^$1 //p"; }
is 'not root' "$(instruction USER)" store-api
is 'data' "$(instruction ENV)" DATA_DIR=/app/data
is 'its volume' "$(instruction VOLUME)" '["/app/data"]'
is 'entry point, no shell around it' "$(instruction ENTRYPOINT)" '["entrypoint.sh"]'
is 'images have a version' "$(instruction FROM | grep -cvE '^debian:[a-z]+-slim')" 0
is 'no apt-get without -y and without recommends' \
  "$(instruction RUN | grep 'apt-get install' | grep -cv -- '-y --no-install-recommends')" 0
check 'package lists are removed in the same layer' grep -q 'rm -rf /var/lib/apt/lists' <(instruction RUN | tail -n 2)
is 'what is copied is there' "$(instruction COPY | grep -v '^--from' | awk '{ NF--; print }' | tr ' ' '\n' |
  while read -r file; do [ -e "$root/$file" ] || echo "$file"; done)" ''
check 'its user is the last but settings' grep -q 'useradd .*--uid [0-9]' <(instruction RUN)

needed() { # the packages of the libraries that our programs name
  objdump -p "$BUILD/store-api.fcgi" "$BUILD/store-syncd" "$BUILD/storectl" | awk '/NEEDED/ { print $2 }' | sort -u |
    while read -r library; do dpkg-query -S "*/$library" 2>/dev/null | head -n 1 | cut -d : -f 1; done | sort -u
}
if command -v dpkg-query >/dev/null; then
  for package in $(needed | grep -v '^libc6$'); do
    check "the image has $package" grep -qw "$package" <(instruction RUN)
  done
fi

# ---- compose.yml

compose() { python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' \
  "$from/compose.yml" | jq -c "$1"; }
is 'services' "$(compose '.services | keys')" '["daemon","pool","web"]'
is 'pool and daemon share process ids' "$(compose '.services.daemon.pid')" '"service:pool"'
is 'the pool has no network' "$(compose '.services.pool.network_mode')" '"none"'
is 'only the daemon has the key' "$(compose '[.services | to_entries[] | select(.value.environment // {} | has("CENTRAL_API_KEY")) | .key]')" '["daemon"]'
is 'each has the three directories' "$(compose '[.services[].volumes | length] | unique')" '[3]'
