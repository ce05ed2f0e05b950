# A data directory that can't be used: one clear line, a bad exit, nothing left.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
daemon=$BUILD/store-syncd
export CENTRAL_API_URL=http://127.0.0.1:9

refused() { # NAME EXIT PATTERN command…
  local name=$1 want=$2 pattern=$3 got
  shift 3
  "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
  got=$?
  is "$name: exit" "$got" "$want"
  is "$name: one line" "$(grep -c . "$DIR/err")" 1
  check "$name: clear" grep -qE "$pattern" "$DIR/err"
}

touch "$DIR/file"
refused 'not a directory' 73 'not a directory' env DATA_DIR="$DIR/file" "$daemon"
refused 'parent missing' 73 'no/such' env DATA_DIR="$DIR/no/such" "$daemon"
mkdir "$DIR/other-run"
if [ "$(id -u)" -ne 0 ]; then
  skip 'no permission, read-only mount' 'not root'
else
  mkdir -m 0700 "$DIR/closed"
  chmod 0777 "$DIR/other-run"
  # A copy, since a checkout in root's home is out of other users' reach.
  install -m 0755 "$daemon" "$DIR/store-syncd"
  refused 'no permission' 73 'error.*ermission' setpriv --reuid=65534 --regid=65534 --clear-groups \
    env DATA_DIR="$DIR/closed" RUN_DIR="$DIR/other-run" "$DIR/store-syncd"
  # A mount of its own, taken away again: in a chroot the root can't be made private.
  mkdir "$DIR/ro"
  if mount -t tmpfs -o ro none "$DIR/ro" 2>/dev/null; then
    refused 'read-only mount' 73 'ead-only' env DATA_DIR="$DIR/ro" "$daemon"
    umount "$DIR/ro"
  else
    skip 'read-only mount' 'no right to mount'
  fi
fi

# Two daemons on one directory.
start_central --products 10
start_daemon
start_pool
start_web
check 'live' until_true 20 state_is live
refused 'a second daemon' 75 'another|in use' env RUN_DIR="$DIR/other-run" "$daemon"
check 'the first one goes on' state_is live

# A pool whose socket is taken by a living one.
refused 'a second pool' 69 'in use' "$BUILD/store-api.fcgi"
api GET /v1/store/inventory
is 'the first pool goes on' "$STATUS" 200

# Both start again over the sockets of dead ones; workers follow their supervisor.
read -r -a workers <"/proc/$POOL/task/$POOL/children"
stop "$DAEMON" KILL
stop "$POOL" KILL
for pid in "${workers[@]}"; do check 'a worker follows' until_ended "$pid"; done
start_daemon
start_pool
check 'both start again' until_true 20 state_is live
