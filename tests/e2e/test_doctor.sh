# storectl doctor: each fault made for real, found, and its remedy told.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

doctor() { # arguments…: $OUT, $CODE
  OUT=$("$BUILD/storectl" doctor "$@" 2>"$DIR/err" </dev/null)
  CODE=$?
}
# GRADE CHECK TEXT: there is such a line; a warning or failure says what to do.
finds() {
  local line
  line=$(grep -E "^$1 +$2 " <<<"$OUT" | grep -F -- "$3") || {
    fail "$1 $2: $3" "$OUT"
    return
  }
  case $1 in
  warn | fail) if grep -q '; to do: .' <<<"$line"; then pass; else fail "what to do: $line"; fi ;;
  *) pass ;;
  esac
}
nothing_bad() { ! grep -E '^(warn|fail)' <<<"$OUT"; }

# ---- before there is anything ----

doctor
is 'nothing there' "$CODE" 1
finds fail data 'No such file'
finds fail run 'No such file'
finds fail store 'the store was never filled'
finds fail daemon "the daemon isn't running"
finds fail pool "doesn't answer at unix:$DIR/fcgi.sock"
finds note web '; tell where it is with --url'
doctor --url http://127.0.0.1:1
finds fail web 'no web server answers at http://127.0.0.1:1'

# ---- all is well ----

start_store --products 75000 # 14 MB
printf 'STORE_ID=s9\n' >"$DIR/settings"
chmod 0640 "$DIR/settings"
doctor --config "$DIR/settings" --url "$WEB"
is 'all is well' "$CODE" 0
check 'all is well: not a word of what is not' nothing_bad
finds ok settings 'pool and daemon can start'
finds ok files "$DIR/settings is for its group only"
finds ok data "$DATA_DIR and the store in it"
finds ok run 'control.sock is for the daemon and its group'
finds ok store '75000 products, age '
finds ok disk ' are free at '
finds ok daemon 'the daemon answers, version '
finds ok central 'Central answers and takes our key'
finds ok pool "the pool answers at unix:$DIR/fcgi.sock, version "
finds ok web "$WEB/health answers 200"
doctor --json --config "$DIR/settings" --url "$WEB/"
is 'JSON' "$CODE $(jq -r '.failures, .warnings, (.findings[0]|keys_unsorted|join(","))' <<<"$OUT" | tr '\n' ' ')" \
  '0 0 0 result,check,what,advice '

# What is in the place of something else.
mkdir -m 0777 "$DIR/odd"
touch "$DIR/odd/control.sock"
RUN_DIR=$DIR/odd FCGI_LISTEN=${WEB#http://} doctor
finds warn run 'anybody may look in'
finds fail run 'control.sock is no socket'
finds fail pool "doesn't answer at ${WEB#http://}"
FCGI_LISTEN=nowhere.invalid:9 doctor
finds fail pool "doesn't answer at nowhere.invalid:9"

# So large a store takes long enough to be told how far its backup is.
check 'a backup has a bar' script -qec "$BUILD/storectl backup $DIR/backup" "$DIR/bar" </dev/null >/dev/null
check 'with its share' grep -qP '\r\e\[Kbackup: \[.*\] [0-9]+ of 75000 products, [0-9]+ %' "$DIR/bar"

# ---- settings and files ----

printf 'ENVIRONMENT=production\nAPI_KEYS=demo\nCENTRAL_TIMEOUT_SECONDS=0\nSYNC_INTERVAL_SECONDS=5\n' >"$DIR/bad"
chmod 0644 "$DIR/bad"
chmod 0755 "$DATA_DIR"
chmod 0660 "$DATA_DIR/current/data.mdb"
chmod 0666 "$RUN_DIR/control.sock"
(
  unset API_KEYS SYNC_INTERVAL_SECONDS
  MAX_STALENESS_SECONDS=1 "$BUILD/storectl" doctor --config "$DIR/bad" >"$DIR/out" 2>&1
)
OUT=$(cat "$DIR/out")
finds fail settings "$DIR/bad:3: CENTRAL_TIMEOUT_SECONDS=0: allowed: 1 to 300"
finds fail settings "API_KEYS=***: the well-known key 'demo' is not allowed"
finds fail settings "CENTRAL_API_KEY=***: the well-known key 'demo' is not allowed"
finds fail settings 'MAX_STALENESS_SECONDS=1: allowed:'
finds note settings 'SYNC_INTERVAL_SECONDS=5 is outside the recommended'
is 'what pool and daemon find is told once' "$(grep -c '^note.*SYNC_INTERVAL_SECONDS=5' <<<"$OUT")" 1
finds warn files "$DIR/bad may be read by anybody"
finds warn data "$DATA_DIR has mode "
finds fail data 'data.mdb has mode 0660, more than 0640'
finds fail run 'control.sock has mode 0666'
finds note pool "where the pool listens isn't known"
chmod 0666 "$DIR/bad"
API_KEYS=demo doctor --config "$DIR/settings"
finds note settings "API_KEYS holds the well-known key 'demo'"
echo 'PORTT=1' >"$DIR/bad"
doctor --config "$DIR/bad"
is 'an unknown key' "$CODE $(cat "$DIR/err")" "78 $DIR/bad:1: PORTT is no setting; did you mean PORT?"
printf 'STORE_ID=s9\n' >"$DIR/bad"
chmod 0666 "$DIR/bad"
doctor --config "$DIR/bad"
finds fail files "$DIR/bad may be written by anybody"
chmod 0750 "$DATA_DIR"
chmod 0640 "$DATA_DIR/current/data.mdb"
chmod 0660 "$RUN_DIR/control.sock"

if [ "$(id -u)" = 0 ]; then
  # Whoever isn't in the group.
  cp "$BUILD/storectl" "$DIR/storectl"
  OUT=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$DIR/storectl" doctor --config "$DIR/bad")
  finds note data 'may not be looked at by this user'
  finds fail store 'this user may not read the store'
  finds fail daemon 'this user may not talk to the daemon'
  finds note pool 'this user may not talk to the pool'
  is 'nor may it ask for a full sync, and is told why' \
    "$(setpriv --reuid 65534 --regid 65534 --clear-groups "$DIR/storectl" sync 2>&1)" \
    'storectl: sync: this user may not talk to the daemon; be root, or a member of the group store-api'
  chown -h 65534 "$DATA_DIR/current/data.mdb"
  doctor
  finds fail data 'belongs to user 65534 and its directory to user 0'
  chown -h 0 "$DATA_DIR/current/data.mdb"
else
  skip 'another user' 'not root'
fi

# An installation: settings where the program looks for them, with and without its users.
config_dir=$(sed -n "s/.*-DCONFIG_DIR='\"\([^\"]*\)\"'.*/\1/p" "$BUILD/flags")
installed() { # [USERS]: the doctor there
  grep -v '^store-' /etc/passwd >"$DIR/passwd"
  grep -v '^store-' /etc/group >"$DIR/group"
  if [ $# -gt 0 ]; then
    printf '%s:/:/bin/false\n' store-syncd:x:64001:64002: store-api:x:64002:64002: >>"$DIR/passwd"
    echo 'store-api:x:64002:' >>"$DIR/group"
  fi
  # shellcheck disable=SC2016 # expanded by that shell
  OUT=$(unshare -m sh -c 'mount -t tmpfs none "${0%/*}" && mkdir "$0" &&
    mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
    cp "$2"/conf/*.conf "$0" && chmod 0640 "$0"/* && chgrp 64002 "$0"/* && exec "$3" doctor' \
    "$config_dir" "$DIR" "$root" "$BUILD/storectl" 2>"$DIR/err")
  CODE=$?
}
if [ "${config_dir%/*}" != /etc ] && unshare -m true 2>/dev/null; then
  installed
  finds fail users 'there is no user store-syncd'
  finds fail users 'there is no user store-api'
  finds fail users 'there is no group store-api'
  finds ok files "$config_dir/store-syncd.conf is for its group only"
  installed users
  finds ok users 'users store-syncd and store-api are there'
  finds warn files "$config_dir/store-syncd.conf may be read by the pool"
  finds fail data "belongs to user $(id -u), not to store-syncd"
  finds warn data 'has no setgid bit'
else
  skip 'an installation' 'no mount namespaces, or the settings are in /etc'
fi

# ---- the store ----

# faketime is loaded before a sanitizer, which wants to be first.
OUT=$(ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 CACHE_MAP_SIZE_MB=16 faketime '2000-01-01' "$BUILD/storectl" doctor)
finds fail clock "behind the store's last contact with Central"
mkdir "$DIR/empty" "$DIR/broken" "$DIR/broken/store-1"
ln -s store-1 "$DIR/broken/current"
head -c 65536 /dev/urandom >"$DIR/broken/store-1/data.mdb"
DATA_DIR=$DIR/empty doctor
finds fail store 'the store was never filled'
DATA_DIR=$DIR/broken doctor
finds fail store 'the store is damaged'
mkdir -p "$DIR/foreign/store-1"
cp "$DATA_DIR/current/data.mdb" "$DIR/foreign/store-1/"
ln -s store-1 "$DIR/foreign/current"
"$BUILD/tests/format" "$DIR/foreign/store-1" 99
DATA_DIR=$DIR/foreign doctor
finds fail store "the store is of another version's format"
is 'a store that cannot be read: one line, and no log' \
  "$(DATA_DIR=$DIR/foreign "$BUILD/storectl" get PROD-001 2>&1)" \
  "storectl: The cache can't be read; storectl doctor may know why"

CACHE_MAP_SIZE_MB=16 doctor
finds warn store 'of at most 16.0MB are in use'
if mount -t tmpfs -o size=1m none "$DIR/empty" 2>/dev/null; then
  DATA_DIR=$DIR/empty doctor
  umount "$DIR/empty"
  finds fail disk '1.0MB are free at'
else
  skip 'a disk that is nearly full' 'may not mount'
fi

# ---- what runs ----

kill -STOP "$DAEMON"
doctor
finds fail daemon "doesn't answer: it hangs, or was stopped"
finds note central 'only the daemon talks to Central'
kill -CONT "$DAEMON"
doctor --url "$WEB/v1/nowhere"
finds fail web "/v1/nowhere/health answers 401, not from the store"
stop "$POOL"
doctor --url "$WEB"
finds fail pool "doesn't answer at unix:$DIR/fcgi.sock"
finds fail web "it doesn't reach the pool"
FCGI_LISTEN=${CENTRAL#http://} doctor
finds fail pool "doesn't answer at 127.0.0.1:"

# Central, as the daemon sees it: each way to fail has its own advice.  A new
# daemon tries at once.
sees() { # CLASS ADVICE
  doctor
  grep -qE "^fail +central +$1: .*; to do: .*$2" <<<"$OUT"
}
while IFS='|' read -r class fault key advice; do
  faults "{\"faults\":[$fault]}"
  stop "$DAEMON"
  start_daemon CENTRAL_API_KEY="$key"
  check "Central: $class" until_true 15 sees "$class" "$advice"
done <<'ROWS'
http_5xx|{"path":"*","kind":"status","status":500}|demo|whoever runs Central
bad_answer|{"path":"*","kind":"html"}|demo|a proxy's page
auth||wrong|CENTRAL_API_KEY
ROWS
stop "$DAEMON"
kill "$CENTRAL_PID"
start_daemon
check 'Central: connect' until_true 15 sees connect CENTRAL_API_URL
