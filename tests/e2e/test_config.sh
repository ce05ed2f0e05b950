# Settings: --check-config, every mistake at once, secrets masked, reload.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
pool=$BUILD/store-api.fcgi daemon=$BUILD/store-syncd

for program in "$pool" "$daemon"; do
  name=${program##*/}
  check "$name --help" test -n "$("$program" --help)"
  matches "$name --version" "$("$program" --version)" "$name [0-9]+\.[0-9]+\.[0-9]+.*"
  "$program" --nonsense >"$DIR/out" 2>"$DIR/err"
  is "$name --nonsense: exit" "$?" 2
  is "$name --nonsense: one line" "$(wc -l <"$DIR/err")" 1
  "$program" --check-config >"$DIR/out" 2>"$DIR/err"
  is "$name --check-config: exit" "$?" 0
done

env API_KEYS=secret-one,secret-two "$pool" --check-config >"$DIR/out" 2>&1
check 'keys are masked' test -z "$(grep secret "$DIR/out")"
check 'but named' grep -q '^API_KEYS=' "$DIR/out"
env CENTRAL_API_KEY=secret-three "$daemon" --check-config >"$DIR/out" 2>&1
check "Central's key is masked" test -z "$(grep secret "$DIR/out")"

# One file with many mistakes: all of them, with line, key, value.
cat >"$DIR/bad.conf" <<'C'
# a comment
LOG_LEVEL=loud
POOL_PROCESSES=0
POOL_THREADS=many
SYNC_INTERVAL_SECOND=30
no equals sign
DATA_DIR=relative/path
STORE_ID=two words
CACHE_MAP_SIZE_MB=
MAX_BODY_BYTES=99999999999999999999
C
env -u DATA_DIR -u POOL_PROCESSES -u POOL_THREADS -u CACHE_MAP_SIZE_MB -u LOG_LEVEL -u SYNC_INTERVAL_SECONDS \
  "$pool" --config "$DIR/bad.conf" --check-config >"$DIR/out" 2>"$DIR/err"
is 'bad file: exit' "$?" 78
for line in 2 3 4 5 6 7 8 9 10; do
  is "bad file: line $line is named once" "$(grep -c "bad.conf:$line:" "$DIR/err")" 1
done
check 'an unknown key: the nearest one' grep -q 'bad.conf:5:.*SYNC_INTERVAL_SECONDS' "$DIR/err"
check 'what is allowed' grep -qE 'bad.conf:3:.*1.*64' "$DIR/err"
"$pool" --config "$DIR/nowhere.conf" --check-config >"$DIR/out" 2>"$DIR/err"
is 'a missing file: exit' "$?" 78
check 'a missing file: named' grep -q nowhere.conf "$DIR/err"
POOL_THREADS=x "$pool" >"$DIR/out" 2>"$DIR/err"
is 'a start with a bad setting: exit' "$?" 78
check 'and its line' grep -q 'POOL_THREADS=x' "$DIR/err"
ENVIRONMENT=production "$daemon" --check-config >"$DIR/out" 2>"$DIR/err"
is 'production refuses the well-known key' "$?" 78
cat >"$DIR/passed-over.conf" <<'C'
POOL_THREADS=many
C
"$daemon" --config "$DIR/passed-over.conf" --check-config >"$DIR/out" 2>"$DIR/err"
is "the daemon passes over the pool's keys" "$?" 0

# Reload: a key is rotated under way, a bad file changes nothing.
start_central --products 10
cat >"$DIR/store.conf" <<'C'
API_KEYS=k1
LOG_LEVEL=info
C
unset API_KEYS LOG_LEVEL
start_daemon
"$pool" --config "$DIR/store.conf" 2>>"$DIR/pool.log" &
POOL=$!
pids+=("$POOL")
until_true 10 pool_listens
start_web
check 'live' until_true 20 state_is live
answers_with_key() { [ "$(curl -sS -o /dev/null -w '%{http_code}' -H "X-API-Key: $1" "$WEB/v1/store/inventory")" = "$2" ]; }
printf 'API_KEYS=k1,k9\nLOG_LEVEL=debug\n' >"$DIR/store.conf"
kill -HUP "$POOL"
check 'SIGHUP: the new key' until_true 10 answers_with_key k9 200
check 'SIGHUP: the old one too' answers_with_key k1 200
printf 'API_KEYS=k1\nPOOL_THREADS=never\n' >"$DIR/store.conf"
kill -HUP "$POOL"
refused() { grep -q 'POOL_THREADS=never' "$DIR/pool.log"; }
check 'a bad file is refused with its line' until_true 10 refused
check 'and the old settings stay' answers_with_key k9 200
kill -HUP "$DAEMON"
reloaded() { grep -qi 'reload' "$DIR/daemon.log"; }
check 'the daemon reloads' until_true 10 reloaded
