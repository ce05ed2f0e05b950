# What the disk can do to a store: damaged, full, in the way of everything.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_store --products 300
status() { api GET /v1/store/sync/status; }
last_reason_is() {
  status
  [ "$(json '.lastFullSync.reason')" = "$1" ]
}

# A file of zeros in the place of the store: found at start, built anew.
stop "$DAEMON"
data=$(readlink -f "$DATA_DIR/current")/data.mdb
size=$(stat -c %s "$data")
rm "$data" && head -c "$size" /dev/zero >"$data"
start_daemon
check 'a store of zeros is built anew' until_true 20 last_reason_is store_rebuilt
check 'it is live again' until_true 10 state_is live
is 'all products' "$(json .productCount)" 300

# One that is cut in the middle.
stop "$DAEMON"
if under_checker; then
  skip 'a store that is cut under its readers' 'they may die of SIGBUS, which is a fault to a checker'
  stop "$POOL"
fi
cut=$(readlink "$DATA_DIR/current")
truncate -s $((size / 2)) "$DATA_DIR/$cut/data.mdb"
start_daemon
if under_checker; then
  is_built_anew() { [ "$(readlink "$DATA_DIR/current")" != "$cut" ]; }
  check 'a store that was cut is replaced' until_true 20 is_built_anew
  start_pool
fi
check 'a store that was cut is built anew' until_true 20 state_is live
# A worker whose map was cut under it may die: then the web server's own page comes for a moment.
last_page_is() { # HOW MANY products
  api GET '/v1/store/inventory?limit=200&offset=200'
  [ "$STATUS" = 200 ] && [ "$(json '.products|length')" = "$1" ]
}
check 'its last page' until_true 30 last_page_is 100
stop "$DAEMON"

# A disk with room for nothing more: reads go on, applying goes on by itself later.
small=$DIR/small
mkdir "$small"
if ! mount -t tmpfs -o size=3m,mode=0755 tmpfs "$small" 2>/dev/null; then
  skip 'a full disk' 'this user or container may not mount'
else
  trap 'umount -l "$small"; finish' EXIT
  stop "$POOL"
  export DATA_DIR=$small/data
  start_daemon
  start_pool
  check 'a store on a small disk' until_true 20 state_is live
  head -c 10m /dev/zero >"$small/filler" 2>/dev/null
  # More than the free pages inside the file can take.
  for i in $(seq 1 300); do
    printf '%s{"productId":"PROD-%03d","name":"%01000d"}' "${comma-}" "$i" "$i"
    comma=,
  done >"$DIR/big"
  { printf '{"products":['; cat "$DIR/big"; printf ']}'; } >"$DIR/order"
  admin PUT set "@$DIR/order" >/dev/null
  check 'the log tells' until_true 20 grep -q 'class=storage' "$DIR/daemon.log"
  matches 'the check tells' "$("$BUILD/store-syncd" --check)" "STORE-SYNC WARNING - store can't be written, retrying \(storage\), 300 products, .*"
  check 'reads go on' product_is_there PROD-300
  rm "$small/filler"
  name_is_long() {
    api GET /v1/store/inventory/PROD-300
    [ "$(json '.name|length')" = 1000 ]
  }
  check 'with room it goes on by itself' until_true 60 name_is_long
  check 'and is live' until_true 20 state_is live
  stop "$DAEMON"
  stop "$POOL"
  export DATA_DIR=$DIR/data
fi

# A store that may not grow as far as it must: said, and mended by the setting.
stop "$CENTRAL_PID"
start_central --products 250000
rm -rf "$DATA_DIR"
start_daemon CACHE_MAP_SIZE_MB=16
check 'a map that is too small is told' until_true 30 grep -q 'full sync failed.*can.t be written' "$DIR/daemon.log"
check 'the daemon lives' is_running "$DAEMON"
stop "$DAEMON"
start_daemon CACHE_MAP_SIZE_MB=256
start_pool CACHE_MAP_SIZE_MB=256
check 'with a larger one all is well' until_true 30 state_is live
is 'all of them' "$(json .productCount)" 250000

# One that outgrows its map by events: reads go on, applying waits until it may grow.
stop "$DAEMON"
stop "$POOL"
stop "$CENTRAL_PID"
rm -rf "$DATA_DIR"
: >"$DIR/daemon.log"
start_central --products 30000
start_daemon CACHE_MAP_SIZE_MB=16
start_pool CACHE_MAP_SIZE_MB=16
check 'a store that fits its map' until_true 30 state_is live
for thousand in $(seq 0 11); do
  {
    printf '{"products":['
    for i in $(seq $((thousand * 1000 + 1)) $((thousand * 1000 + 1000))); do
      [ $((i % 1000)) = 1 ] || printf ,
      printf '{"productId":"PROD-%05d","name":"%01000d"}' "$i" "$i"
    done
    printf ']}'
  } >"$DIR/order"
  admin PUT set "@$DIR/order" >/dev/null
done
failed_as() { api GET /v1/store/sync/status && [ "$(json '.lastError.class')" = "$1" ]; }
check 'the status tells that the map is full' until_true 20 failed_as storage
check 'the log tells it clearly' grep -q 'level=ERROR.*class=storage.*CACHE_MAP_SIZE_MB' "$DIR/daemon.log"
check 'reads go on' product_is_there PROD-30000
check 'and what was applied is there' product_has PROD-00001 '.name|length' 1000
api GET /health
is 'health' "$STATUS $(json .status)" '200 degraded'
check 'the daemon goes on' is_running "$DAEMON"
stop "$DAEMON"
stop "$POOL"
start_daemon CACHE_MAP_SIZE_MB=64
start_pool CACHE_MAP_SIZE_MB=64
check 'with a larger map it goes on' until_true 20 product_has PROD-12000 '.name|length' 1000
api GET /v1/store/sync/status
is 'from where it was' "$(json .counters.fullSyncs)" 1
