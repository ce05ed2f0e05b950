# What the programs ask of the kernel while they start, read, write, sync, reload and stop, and
# that the filters of their units let all of it pass.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v strace systemd-analyze >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
  skip 'system calls' 'this needs strace, systemd-analyze, and the right to trace'
  pass
  exit
fi
if under_checker; then
  skip 'system calls' 'a checker has calls of its own'
  pass
  exit
fi

# The names that a unit's filter lets pass, groups within groups opened.
names() { # GROUP
  local name
  while read -r name; do
    case $name in
    @*) names "$name" ;;
    ?*) echo "$name" ;;
    esac
  done < <(systemd-analyze syscall-filter "$1" | sed -n '2,$ { s/#.*//; s/^ *//; p }')
}
allowed() { # UNIT
  local unit=$root/packaging/common/$1.service lets takes
  lets=$(sed -n 's/^SystemCallFilter=\([^~]\)/\1/p' "$unit") takes=$(sed -n 's/^SystemCallFilter=~//p' "$unit")
  comm -23 <(for group in $lets; do names "$group"; done | sort -u) \
    <(for group in $takes; do names "$group"; done | sort -u)
}
called() { sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$DIR/$1.trace" | sort -u; }

start_central --products 50
under=(strace -D -f -qq -e signal=none -o "$DIR/daemon.trace")
start_daemon
until_true 30 grep -q 'sync status changed.*state=live' "$DIR/daemon.log" || fail 'the daemon gets live'
# With a socket that is handed over, as in the unit.
"$BUILD/tests/listen" --unix "$DIR/fcgi.sock" strace -D -f -qq -e signal=none -o "$DIR/pool.trace" \
  "$BUILD/store-api.fcgi" >"$DIR/port" 2>>"$DIR/pool.log" &
POOL=$!
pids+=("$POOL")
until_true 10 pool_listens || fail 'the pool listens'
chmod 0666 "$DIR/fcgi.sock"
start_web

api GET '/v1/store/inventory?limit=20'
is 'a list' "$STATUS" 200
api GET /v1/store/inventory/PROD-001
is 'a product' "$STATUS" 200
api POST /v1/store/inventory/updates -d '{"productId":"PROD-001","delta":-1,"version":1,"idempotencyKey":"a"}'
is 'a write' "$STATUS $(json .applied)" '200 true'
api POST /v1/store/sync/force -d ''
is 'a full sync' "$STATUS" 200
for path in /v1/store/sync/status /v1/store/cache/stats /health /metrics; do
  api GET "$path"
  is "$path" "$STATUS" 200
done
for _ in {1..20}; do
  STATUS=$(curl -sS -o /dev/null -w '%{http_code}' -H 'X-API-Key: wrong' "$WEB/v1/store/inventory")
  is 'a wrong key' "$STATUS" 401
done
logged() { grep -q "$2" "$DIR/$1.log"; }
kill -HUP "$POOL" "$DAEMON"
check 'the pool reloads' until_true 20 logged pool 'all workers have the new settings'
check 'the daemon reloads' until_true 20 logged daemon 'settings reloaded'
check 'the pool ends' stop "$POOL"
check 'the daemon ends' stop "$DAEMON"

for row in pool:store-api daemon:store-syncd; do
  program=${row%:*}
  called "$program" >"$DIR/called"
  check "$program: some were traced" test "$(wc -l <"$DIR/called")" -gt 20
  is "$program: its unit lets all of them pass" "$(comm -23 "$DIR/called" <(allowed "${row#*:}" | sort -u))" ''
done
sockets() { sed -nE 's/.* socket\((AF_[A-Z0-9]+).*/\1/p' "$DIR/$1.trace" | sort -u | xargs; }
is 'the pool opens no socket of a network' "$(sockets pool)" AF_UNIX
is 'nor runs another program' "$(grep -c ' execve(' "$DIR/pool.trace") $(grep -c ' execve(' "$DIR/daemon.trace")" '1 1'
is 'a wrong key is answered without waiting' "$(called pool | grep -c sleep)" 0
