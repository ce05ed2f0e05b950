# Versions that differ: a store of another version's format, older or newer, under a
# pool that runs and one that starts; Central away; the way back.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

format() { "$BUILD/tests/format" "$DATA_DIR/$1" "$2"; } # GENERATION NUMBER
generation() { readlink "$DATA_DIR/current"; }
number() { sed -n 's/^#define LAYOUT_FORMAT //p' "$root/src/store/layout.h"; }
price_is() { product_has PROD-001 .price "$1"; }
set_price() { admin PUT set "{\"products\":[{\"productId\":\"PROD-001\",\"price\":$1}]}" >"$DIR/body"; }
generation_is() { [ "$(generation)" = "$1" ]; }
serves() { # NAME WEB STATUS CODE: what a read there brings
  WEB=$2 api GET /v1/store/inventory/PROD-001
  is "$1" "$STATUS $(json '.error.code // "-"')" "$3 $4"
}
full_syncs() { grep -c 'full sync done' "$DIR/daemon.log"; }

# A worker opens the store within two seconds, whether it has read or not.
all_have_it_open() { # by what they map
  local workers worker
  read -r -a workers < <(children "$POOL")
  [ "${#workers[@]}" = "$POOL_PROCESSES" ] || return
  for worker in "${workers[@]}"; do grep -q "$DATA_DIR/store-1/data.mdb" "/proc/$worker/maps" || return; done
}

start_central --products 50
start_pool
start_daemon
check 'each worker has the store open, and was asked for nothing' until_true 10 all_have_it_open
start_web
until_true 30 state_is live || fail 'the store gets live'
set_price 11
check 'the store follows' until_true 10 price_is 11
running=$WEB
is 'the store is filled' "$(generation)" store-1

# A daemon that can't read what is there, with Central away.  The pool that runs has it
# open; one that starts now doesn't get it.
stop "$DAEMON"
kill -STOP "$CENTRAL_PID"
format store-1 99
start_daemon CENTRAL_TIMEOUT_SECONDS=1
first=$POOL
start_pool FCGI_LISTEN="unix:$DIR/new.sock" POOL_PROCESSES=1
start_web lighttpd FCGI_SOCKET="$DIR/new.sock"
new=$WEB
check 'the daemon says why' until_true 10 grep -q 'level=WARN .*msg="store of another version"' "$DIR/daemon.log"
check 'and what it does' until_true 10 grep -q 'full sync begins" reason=store_rebuilt' "$DIR/daemon.log"
serves 'a pool that runs goes on' "$running" 200 -
serves 'a pool that starts has nothing to show' "$new" 500 storage_error
WEB=$new api GET /health
is 'and says so' "$STATUS $(json .checks.cache)" '503 unreadable'
check 'in its log too' grep -q "msg=\"store can't be read\" error=\"of another version's format\"" "$DIR/pool.log"
is 'what was there is still there' "$(generation)" store-1

# The way back: the version before finds its own store, and goes on where it was.
stop "$DAEMON"
format store-1 "$(number)"
before=$(full_syncs)
kill -CONT "$CENTRAL_PID"
start_daemon
set_price 12
WEB=$running
check 'back: goes on where it was' until_true 10 price_is 12
is 'back: without a full sync' "$(full_syncs)" "$before"
is 'back: in the same store' "$(generation)" store-1
serves 'back: the other pool too' "$new" 200 -

# Forward again, with Central there: both pools move to the new store by themselves.
stop "$DAEMON"
format store-1 99
start_daemon
check 'forward: a new store' until_true 10 generation_is store-2
set_price 13
for WEB in "$running" "$new"; do check 'forward: it is shown' until_true 10 price_is 13; done

# A daemon of another version has replaced the store: the pool keeps what it had, and
# says that it is to be started again.  An older daemon then finds a newer store.
stop "$DAEMON"
mkdir "$DATA_DIR/store-3"
cp "$DATA_DIR/store-2/data.mdb" "$DATA_DIR/store-3/"
format store-3 99
ln -sfn store-3 "$DATA_DIR/current"
check 'replaced: the pool says so' \
  until_true 10 grep -q "level=ERROR .*store replaced by one of another version's format" "$DIR/pool.log"
serves 'replaced: the pool goes on' "$running" 200 -
start_daemon
check 'an older daemon builds its own' until_true 10 generation_is store-4
set_price 14
for WEB in "$running" "$new"; do check 'older: it is shown' until_true 10 price_is 14; done
is 'the pool that ran all the while is the same' "$(is_running "$first" && echo yes)" yes
