# The power goes off at any moment: what a writer of the store, and then the
# daemon itself, did to the disk is recorded and cut off after each single thing
# done, with all, nothing or a part of what was not flushed (powercut.c).
#
# POWERCUT_STEPS of the store's own life, POWERCUT_WRITES to the daemon,
# POWERCUT_SOME images of chance for each thing done.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
steps=${POWERCUT_STEPS:-120} writes=${POWERCUT_WRITES:-10} some=${POWERCUT_SOME:-1}
seed=${POWERCUT_SEED:-1}
powercut=$BUILD/tests/powercut

if grep -qa '__asan_init' "$BUILD/store-syncd"; then
  skip 'power cuts' 'a sanitizer wants to be loaded first'
  exit
fi

recorder() { # NAME: what to add to the environment
  mkdir -p "$DIR/$1"
  recording=(LD_PRELOAD="$BUILD/tests/record.so" RECORD_LOG="$DIR/$1.log.bin" RECORD_DIR="$DIR/$1")
}

is_complete() { # NAME: nothing that is in the file is missing in the recording
  mkdir "$DIR/last"
  "$powercut" replay "$DIR/$1.log.bin" --last "$DIR/last" >/dev/null
  cmp "$DIR/last/data/current/data.mdb" "$DIR/$1/data/current/data.mdb"
  local same=$?
  rm -r "$DIR/last"
  return $same
}

# ---- the store's own writer

recorder writer
check 'a store lives' env "${recording[@]}" "$powercut" change "$DIR/writer" "$steps" "$seed"
check 'all of it is recorded' is_complete writer
add_counts < <("$powercut" replay "$DIR/writer.log.bin" --some "$some" --seed "$seed")

# A disk that confirms what it has not kept must be found out, or this test finds nothing.
recorder liar
env "${recording[@]}" "$powercut" change "$DIR/liar" 12 "$seed"
lie_is_found() { ! "$powercut" replay "$DIR/liar.log.bin" --lie "$1" >/dev/null 2>&1; }
for lie in data meta names; do check "a disk that loses $lie is found out" lie_is_found $lie; done

# ---- the daemon

recorder disk
export DATA_DIR=$DIR/disk/data CENTRAL_WRITE_TIMEOUT_SECONDS=5
start_central --products 60
for id in PROD-01{0..9}; do # enough for any number of writes
  admin PUT set "{\"products\":[{\"productId\":\"$id\",\"available\":$writes}]}" >/dev/null
done
start_daemon "${recording[@]}"
start_pool
start_web
check 'live' until_true 20 state_is live
write() { # NUMBER: to the next version of one of ten products
  local id
  id=PROD-0$((10 + $1 % 10))
  api GET "/v1/store/inventory/$id"
  api POST /v1/store/inventory/updates -d "{\"productId\":\"$id\",\"delta\":-1,\"version\":$(json .version),\"idempotencyKey\":\"w$1\"}"
  [ "$STATUS" = 200 ] || fail "write $1: $STATUS $BODY"
}
full_sync() { api POST '/v1/store/sync/force?wait=20' -d '' && [ "$STATUS" = 200 ]; }
for ((i = 1; i <= writes; i++)); do
  write "$i"
  [ $((i % 3)) -ne 0 ] ||
    admin PUT set "{\"products\":[{\"productId\":\"PROD-020\",\"available\":$i}]}" >/dev/null
  if [ $((i * 2)) = "$writes" ]; then
    check 'a full sync' full_sync
    stop "$DAEMON" KILL
    start_daemon "${recording[@]}"
    check 'live again' until_true 20 state_is live
  fi
done
stop "$DAEMON"
stop "$POOL"
check "all that the daemon did is recorded" is_complete disk
add_counts < <("$powercut" replay "$DIR/disk.log.bin" --daemon --some "$some" --seed "$seed")
