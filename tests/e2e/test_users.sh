# Daemon and pool under different users, with the modes of an installed system: what the
# pool's user may read and write, and what it can still do to the store's lock file.
# shellcheck shell=bash source=tests/e2e/lib.sh disable=SC2034 # become() uses them by name
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
  skip 'daemon and pool under different users' 'this needs root, and setpriv'
  pass
  exit
fi

# Numbers that no user of this machine has.
daemon_uid=64101 pool_uid=64102 group=64100 daemon_group=64101
as_daemon=(setpriv "--reuid=$daemon_uid" "--regid=$daemon_group" "--groups=$group")
as_pool=(setpriv "--reuid=$pool_uid" "--regid=$group" --clear-groups)
secret=a-key-that-nobody-else-may-see

# Programs and settings where both users get at them.
mkdir -m 0755 "$DIR/bin" "$DIR/etc" "$DIR/web"
cp "$BUILD"/store-syncd "$BUILD"/store-api.fcgi "$BUILD"/storectl "$BUILD"/tests/intruder "$DIR/bin/"
export DATA_DIR=$DIR/data RUN_DIR=$DIR/run
mkdir "$DATA_DIR" "$RUN_DIR" "$DIR/fcgi"
chown $daemon_uid:$group "$DATA_DIR" "$RUN_DIR" && chmod 2750 "$DATA_DIR" && chmod 2770 "$RUN_DIR"
chown $pool_uid:$group "$DIR/fcgi" && chmod 0755 "$DIR/fcgi"
start_central --products 300 --key "$secret"
{
  printf '%s\n' "DATA_DIR=$DATA_DIR" "RUN_DIR=$RUN_DIR" "FCGI_LISTEN=unix:$DIR/fcgi/s" \
    API_KEYS=k1 CACHE_MAP_SIZE_MB=256 POOL_PROCESSES=2 POOL_THREADS=4 LOG_LEVEL=info \
    SYNC_INTERVAL_SECONDS=0 EVENT_WAIT_TIMEOUT_SECONDS=5
} >"$DIR/etc/store-api.conf"
printf 'CENTRAL_API_URL=%s\nCENTRAL_API_KEY=%s\n' "$CENTRAL" "$secret" >"$DIR/etc/store-syncd.conf"
chown 0:$group "$DIR/etc/store-api.conf" && chown 0:$daemon_group "$DIR/etc/store-syncd.conf"
chmod 0640 "$DIR"/etc/*.conf
unset FCGI_LISTEN CENTRAL_API_KEY CENTRAL_API_URL API_KEYS CACHE_MAP_SIZE_MB LOG_LEVEL POOL_PROCESSES \
  POOL_THREADS SYNC_INTERVAL_SECONDS EVENT_WAIT_TIMEOUT_SECONDS
become() { # daemon|pool command…: as that user, with the environment of a service
  local -n words=as_$1
  shift
  umask 0027
  exec "${words[@]}" env -i "PATH=$PATH" "$@"
}
as() { (become "$@"); }

# The daemon as a service manager runs it: started anew when it fails.
run_daemon() {
  while :; do
    become daemon "$DIR/bin/store-syncd" --config "$DIR/etc/store-api.conf" --config "$DIR/etc/store-syncd.conf" \
      2>>"$DIR/daemon.log" &
    echo $! >"$DIR/daemon.pid"
    trap 'kill $!; wait $!; exit' TERM
    wait $!
    echo $? >>"$DIR/daemon.codes"
  done
}
run_daemon 2>/dev/null & # bash tells of each death
manager=$!
pids+=("$manager")
become pool "$DIR/bin/store-api.fcgi" --config "$DIR/etc/store-api.conf" 2>>"$DIR/pool.log" &
pool=$!
pids+=("$pool")
until_true 10 test -S "$DIR/fcgi/s" || fail 'the pool listens'
start_web lighttpd FCGI_SOCKET="$DIR/fcgi/s"

check 'the store gets live' until_true 30 state_is live
is 'the daemon is told to be running' "$(json .daemon)" running
api GET '/v1/store/inventory?limit=2'
is 'reads work' "$STATUS $(json '.products|length')" '200 2'
api GET /v1/store/inventory/PROD-007
update="{\"productId\":\"PROD-007\",\"delta\":-1,\"version\":$(json .version),\"idempotencyKey\":\"u-1\"}"
api POST /v1/store/inventory/updates -d "$update"
is 'writes work' "$STATUS $(json .applied)" '200 true'
api POST /v1/store/sync/force -d ''
is 'a forced sync works' "$STATUS" 200
api GET /health
is 'all is well' "$STATUS $(json .status)" '200 healthy'

# Modes, as the contract has them.
current() { readlink -f "$DATA_DIR/current"; }
mode_of() { stat -c '%a %u %g' "$1"; }
is 'data.mdb' "$(mode_of "$(current)/data.mdb")" "640 $daemon_uid $group"
is 'lock.mdb' "$(mode_of "$(current)/lock.mdb")" "660 $daemon_uid $group"
is 'control socket' "$(find "$RUN_DIR" -type s -printf '%m %U %G')" "660 $daemon_uid $group"
is 'nothing is open to others' "$(find "$DATA_DIR" "$RUN_DIR" ! -type l -perm /007)" ''

# What the pool's user can't.
refused() { # NAME command…
  local name=$1
  shift
  if as pool "$@" >"$DIR/said" 2>&1; then fail "$name: it can" "$(head -c 300 "$DIR/said")"; else pass; fi
}
daemon=$(cat "$DIR/daemon.pid")
refused 'to write data.mdb' sh -c ": >>'$(current)/data.mdb'"
refused 'to make a file in DATA_DIR' sh -c ": >'$DATA_DIR/x'"
refused 'to move the link' ln -sfn store-9 "$DATA_DIR/current"
refused 'to remove a generation' rm -f "$(current)/data.mdb"
refused "to read Central's key" cat "$DIR/etc/store-syncd.conf"
refused "to see the daemon's environment" cat "/proc/$daemon/environ"
refused "to see the daemon's memory" sh -c "head -c 1 '/proc/$daemon/mem'"
refused 'to follow its descriptors' ls "/proc/$daemon/fd/"
refused 'to send it a signal' kill -0 "$daemon"
# What storectl does for whoever is of the group, and what only for root and the daemon's user.
ctl() { # USER arguments… → exit code and last words
  local user=$1 code
  shift
  as "$user" "$DIR/bin/storectl" --config "$DIR/etc/store-api.conf" "$@" >"$DIR/said" 2>&1
  code=$?
  echo "$code $(tail -n 1 "$DIR/said")"
}
matches 'the group may compare' "$(ctl pool verify)" '0 [0-9]+ products: all as Central has them'
only_root="only root and the daemon's own user may do this"
is 'not repair' "$(ctl pool verify --repair)" "69 storectl: verify: $only_root"
install -d -m 0750 -o $pool_uid "$DIR/backups"
matches 'and back up' "$(ctl pool backup "$DIR/backups/b")" '0 [0-9]+ products at offset [0-9]+ written to .*'
is 'not restore' "$(ctl pool restore "$DIR/backups/b")" "69 storectl: restore: $only_root"
"$DIR/bin/storectl" --config "$DIR/etc/store-api.conf" restore "$DIR/backups/b" >"$DIR/said" 2>&1
is 'root may, with a file that the daemon may not read' "$? $(as daemon cat "$DIR/backups/b" 2>/dev/null | wc -c)" '0 0'

holds_secret() { # FILE…
  local file
  for file in "$@"; do
    if tr '\0' '\n' <"$file" 2>/dev/null | grep -q "$secret"; then return 0; fi
  done
  return 1
}
check "the settings hold the key (so the next checks can fail)" holds_secret "$DIR/etc/store-syncd.conf"
for process in $pool $(children "$pool"); do
  check "process $process is one of the pool's user" test "$(stat -c %u "/proc/$process")" = $pool_uid
  check 'a pool without the key' eval "! holds_secret /proc/$process/environ /proc/$process/cmdline"
done
check "the daemon's command line is without the key" eval "! holds_secret /proc/$daemon/cmdline"
check 'no log holds the key' eval "! holds_secret '$DIR/daemon.log' '$DIR/pool.log'"
check 'nor what the pool may read' eval "! grep -rqs '$secret' '$DATA_DIR' '$RUN_DIR'"
loaded=$(ldd "$DIR/bin/store-api.fcgi" | grep -c 'libcurl\|libssl')
is 'the pool has no library that speaks to Central' "$loaded" 0

# What it can: lock.mdb.  Each time readers go on, and a new generation mends it.
last_reason_is() {
  api GET /v1/store/sync/status
  [ "$(json .lastFullSync.reason)" = "$1" ]
}
mended() { # NAME GENERATION-BEFORE
  moved() { [ "$(current)" != "$2" ]; }
  check "$1: a new generation" until_true 60 moved "$@"
  check "$1: live again" until_true 30 state_is live
  # Readers that weren't told look for themselves, every two seconds.
  check "$1: by a full sync" until_true 10 last_reason_is store_rebuilt
  n=$((${n-0} + 1))
  admin PUT set "{\"products\":[{\"productId\":\"PROD-150\",\"available\":$((4000 + n))}]}" >/dev/null
  check "$1: changes come through" until_true 20 product_has PROD-150 .available $((4000 + n))
}
before=$(current)
become pool "$DIR/bin/intruder" hold "$before/lock.mdb" >"$DIR/hold" &
intruder=$!
pids+=("$intruder")
until_true 10 grep -q 'done' "$DIR/hold" || fail 'an intruder holds the lock'
api GET '/v1/store/inventory?limit=1'
is 'a held lock: reads go on' "$STATUS" 200
mended 'a held lock' "$before"
check 'a held lock: the daemon ended with a line' grep -q "level=ERROR.*the store's locks can't be had" "$DIR/daemon.log"
check 'a held lock: and with its exit code' grep -qx 74 "$DIR/daemon.codes"
stop "$intruder"

before=$(current)
as pool "$DIR/bin/intruder" set-back "$before/lock.mdb" >/dev/null
mended 'a commit taken back' "$before"
check 'a commit taken back: a line' grep -q 'level=ERROR.*lock file was tampered with' "$DIR/daemon.log"

if under_checker; then
  skip 'a lock file that was cut' 'its readers die of SIGBUS, which is a fault to a checker'
else
  before=$(current)
  as pool "$DIR/bin/intruder" cut "$before/lock.mdb" >/dev/null
  mended 'a lock file that was cut' "$before"
fi

kill "$manager"
check 'the daemon ends' until_ended "$(cat "$DIR/daemon.pid")" 10
