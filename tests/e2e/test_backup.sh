# storectl backup and restore, and store-syncd --restore: one state of the store
# as a file, put back under running readers, with Central there or not.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# However long Central is away here, it is no reason for a full sync.
export VERIFY_INTERVAL_MINUTES=0 MAX_CONSECUTIVE_FAILURES=100
start_store --products 500

ctl() { # arguments… → $STATUS, $BODY, $WORDS (of stderr)
  "$BUILD/storectl" "$@" >"$DIR/out" 2>"$DIR/err"
  STATUS=$?
  BODY=$(cat "$DIR/out") WORDS=$(grep '^storectl' "$DIR/err")
}
set_available() { # N: of PROD-001 to PROD-050
  local i rows=
  for i in $(seq -w 1 50); do rows+="${rows:+,}{\"productId\":\"PROD-0$i\",\"available\":$1}"; done
  admin PUT set "{\"products\":[$rows]}" >/dev/null
}
sum_of() { head -n -1 "$1" | sha256sum | cut -d ' ' -f 1; }

# ---- a backup while things change

change() {
  local i=0
  while [ ! -e "$DIR/enough" ]; do set_available $((i = i + 1)); done
}
change &
changer=$!
pids+=("$changer")
backup=$DIR/store.backup
echo 'an older one' >"$backup"
ctl backup "$backup"
is 'a backup' "$STATUS" 0
matches 'it says what it wrote' "$BODY" "500 products at offset [0-9]+ written to $backup \(0\.[0-9]MB\)"
matches 'its first line' "$(head -n 1 "$backup")" '\{"format":1,"storeId":"store-s1","offset":[0-9]+,"products":500,"time":"2[0-9-]+T[0-9:]+Z"\}'
is 'its last line' "$(tail -n 1 "$backup")" "{\"sha256\":\"$(sum_of "$backup")\"}"
sed '1d;$d' "$backup" | jq -r .productId >"$DIR/ids"
is 'all products' "$(wc -l <"$DIR/ids")" 500
check 'in the order of their ids' env LC_ALL=C sort -c "$DIR/ids"
is 'for the owner and the group at most' "$((0$(stat -c %a "$backup") & 0137))" 0
is 'nothing else is left there' "$(echo "$backup"*)" "$backup"
ctl backup --json "$DIR/other"
is 'as JSON' "$STATUS $(json '"\(.products) \(.storeId)"') $(json .bytes)" "0 500 store-s1 $(stat -c %s "$DIR/other")"
touch "$DIR/enough"
until_ended "$changer"

mkfifo "$DIR/fifo"
ctl backup "$DIR/fifo"
is 'no FIFO' "$STATUS $WORDS" "2 storectl: backup: $DIR/fifo: there is something else than a regular file"
ctl backup /dev/full
is 'no device' "$STATUS" 2
ctl backup "$DIR/nowhere/file"
is 'no directory there' "$STATUS $WORDS" "1 storectl: backup: $DIR/nowhere/file: No such file or directory"

# ---- restored under readers, with Central away

set_available 1000
check 'all are changed' until_true 10 product_has PROD-050 .available 1000
ctl backup "$DIR/first"
offset=$(head -n 1 "$DIR/first" | jq .offset)
set_available 2000
check 'and changed again' until_true 10 product_has PROD-050 .available 2000
read_on() {
  while [ ! -e "$DIR/read-enough" ]; do
    curl -sS -H 'X-API-Key: k1' -o /dev/null -w '%{http_code}\n' "$WEB/v1/store/inventory?limit=200" || echo failed
  done
}
read_on >"$DIR/reads" 2>&1 &
reader=$!
pids+=("$reader")
faults '{"faults":[{"path":"*","kind":"reset","count":-1}]}'
check 'Central is away' until_true 20 state_is retrying
ctl restore "$DIR/first"
is 'restored' "$STATUS $BODY" "0 500 products at offset $offset restored from $DIR/first"
check 'products are as they were' product_has PROD-050 .available 1000
is 'nobody knows whether they are current' "$(header Age)" ''
is 'from that place in the feed' "$(header X-Store-Event-Offset)" "$offset"
api GET /v1/store/sync/status
is 'the status tells' "$(json '.lastFullSync|"\(.reason) \(.products) \(.added) \(.changed) \(.removed)"')" 'store_rebuilt 500 0 50 0'
is 'so does /health' "$(api GET /health && json .status)" degraded

# Events go on from where the backup stood, without a full sync.
syncs=$(api GET /v1/store/sync/status && json .counters.fullSyncs)
faults '{"faults":[]}'
check 'with Central back events bring what came since' until_true 20 product_has PROD-050 .available 2000
has_age() {
  api GET '/v1/store/inventory?limit=1'
  [ -n "$(header Age)" ]
}
check 'and it is current' until_true 10 has_age
is 'without a full sync' "$(api GET /v1/store/sync/status && json .counters.fullSyncs)" "$syncs"
touch "$DIR/read-enough"
until_ended "$reader"
is 'no read failed' "$(sort -u "$DIR/reads")" 200

# ---- what is refused, and changes nothing

refuse() { # NAME FILE WORDS (a pattern)
  local before
  before=$(readlink "$DATA_DIR/current")
  ctl restore "$2"
  matches "$1" "$STATUS $WORDS" "1 storectl: restore: $3"
  is "$1: nothing changed" "$(readlink "$DATA_DIR/current") $(ls -d "$DATA_DIR"/store-*)" "$before $DATA_DIR/$before"
}
bad=$DIR/bad
sed 's/"available":1000/"available":1001/' "$DIR/first" >"$bad"
refuse 'one that was changed' "$bad" 'line 502: the sum is another one: the file was changed'
head -n 300 "$DIR/first" >"$bad"
refuse 'one that was cut' "$bad" 'line 301: the file is cut: it ends before its sum'
head -c -1 "$DIR/first" >"$bad"
refuse 'one whose last line was cut' "$bad" 'line 502: it has no end: the file is cut'
{ cat "$DIR/first" && tail -n 1 "$DIR/first"; } >"$bad"
refuse 'one with two sums' "$bad" 'line 503: there is more behind the sum'
sed '1s/"format":1/"format":2/' "$DIR/first" >"$bad"
refuse 'one of another format' "$bad" 'a backup of format 2; this program knows format 1 only'
sed '1s/store-s1/store-s2/' "$DIR/first" >"$bad"
refuse "another store's" "$bad" 'a backup of the store store-s2, and this one is store-s1 .STORE_ID.'
: >"$bad"
refuse 'an empty one' "$bad" 'line 1: the file is empty'
refuse 'anything else' "$root/README.md" 'line 1: this is no backup of Store API'
ctl restore "$DIR/fifo"
is 'a FIFO' "$STATUS $WORDS" "1 storectl: $DIR/fifo: this is no regular file"
ctl restore "$DIR/none"
is 'none' "$STATUS $WORDS" "1 storectl: $DIR/none: No such file or directory"

ctl restore --json "$DIR/first"
is 'JSON' "$STATUS $(jq -c . <<<"$BODY")" "0 {\"products\":500,\"offset\":$offset}"
check 'and events once more' until_true 20 product_has PROD-050 .available 2000

# ---- without a daemon

one_shot() { # FILE: $STATUS
  "$BUILD/store-syncd" --restore "$1" 2>>"$DIR/one-shot.log"
  STATUS=$?
}
one_shot "$DIR/first"
is 'not beside a daemon' "$STATUS" 75
stop "$DAEMON"
ctl restore "$DIR/first"
is 'then storectl says how' "$STATUS $WORDS" "69 storectl: restore: the daemon isn't running; start it (systemctl start store-syncd), and read in its log why it ended
storectl: to restore without it, as its user: store-syncd --restore $DIR/first"
one_shot "$bad"
is 'a bad file' "$STATUS" 65
one_shot "$DIR/none"
is 'no file' "$STATUS" 66
is 'no name' "$("$BUILD/store-syncd" --restore 2>&1) $?" 'store-syncd: --restore wants a FILE; see --help 2'
check 'nothing changed' product_has PROD-050 .available 2000
one_shot "$DIR/first"
is 'restored' "$STATUS" 0
check 'readers see it' product_has PROD-050 .available 1000
rm -rf "$DATA_DIR"
one_shot "$DIR/first"
is 'into a directory that is not there yet' "$STATUS" 0
check 'readers see that' until_true 10 product_has PROD-050 .available 1000
start_daemon
check 'a daemon follows from there' until_true 20 product_has PROD-050 .available 2000
is 'without a full sync of its own' "$(api GET /v1/store/sync/status && json '.lastFullSync.reason')" store_rebuilt
