# store-syncd --check: a line and an exit code for every state, each produced for real; the samples
# for cron, Nagios, Icinga and systemd.  The table of them for people is in store-syncd(8).
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A short wait, since a daemon that was restarted is live when its first poll has ended.
export MAX_CONSECUTIVE_FAILURES=3 VERIFY_INTERVAL_MINUTES=0 EVENT_WAIT_TIMEOUT_SECONDS=1
check=("$BUILD/store-syncd" --check)
OK=0 WARNING=1 CRITICAL=2 UNKNOWN=3

run_check() { # [options…] → $OUT, $LINE (its first), $CODE
  OUT=$(timeout 30 "${check[@]}" "$@" 2>"$DIR/check.err")
  CODE=$?
  LINE=${OUT%%$'\n'*}
  echo "$LINE" >>"$DIR/lines"
}
is_said() { # CODE PATTERN [options…]
  local code=$1 pattern=$2
  shift 2
  run_check "$@"
  [ "$CODE" = "$code" ] && [[ $LINE =~ ^($pattern)$ ]] && [ ! -s "$DIR/check.err" ]
}
says() { # NAME CODE PATTERN [options…]: the whole first line, and nothing on stderr
  if is_said "${@:2}"; then pass; else fail "$1" "  expected: $2 $3" "  actual:   $CODE $OUT" "$(cat "$DIR/check.err")"; fi
}
soon_says() { # the same, within some seconds
  until_true 20 is_said "${@:2}"
  says "$@"
}
# What follows the text: age, products, offset, failures.
perf() { echo " \\| age=$1;60;200;0 products=$2 offset=$3 failures=$4;1;3"; }
place='150 products, offset [0-9]+, age [0-9]+s'
here=$(perf '[0-9]+s' 150 '[0-9]+' 0)
failing=$(perf '[0-9]+s' 150 '[0-9]+' '[0-9]+')
nowhere=$(perf U U U '[0-9]+')

# ---- never filled

says 'nothing is there' $CRITICAL "STORE-SYNC CRITICAL - daemon not running, never filled \(there is no DATA_DIR\)$(perf U U U U)"
start_central --products 150 --state "$DIR/central.state"
faults '{"faults":[{"path":"*","kind":"status","status":500}]}'
start_daemon
soon_says 'never filled, Central fails' $CRITICAL "STORE-SYNC CRITICAL - never filled, (retrying|fallback mode) \([0-9]+ failures?, http_5xx\)(, full sync \(initial\) under way)?$nowhere"
says 'the reason' $CRITICAL "STORE-SYNC CRITICAL - never filled, .*, last failure: .+$nowhere" -v
stop "$DAEMON"
faults '{"faults":[{"path":"list","kind":"delay","delayMs":60000}]}'
start_daemon
soon_says 'the first full sync runs' $CRITICAL "STORE-SYNC CRITICAL - never filled, (starting|live), full sync \(initial\) under way$nowhere"
says 'how far it is' $CRITICAL ".* full sync \(initial\) under way: 0 products read$nowhere" -v
stop "$DAEMON"
faults '{"faults":[]}'

# ---- live

start_daemon MAX_CONSECUTIVE_FAILURES=100
soon_says 'live' $OK "STORE-SYNC OK - live, $place$here"
is 'a line, no more' "$(wc -l <<<"$OUT")" 1
says 'verbose: a line still' $OK "STORE-SYNC OK - live, $place$here" -v
is 'verbose: no more than that' "$(wc -l <<<"$OUT")" 1
run_check -vv
matches 'twice: the settings' "$(tail -n +2 <<<"$OUT" | tr '\n' ' ')" "files: none DATA_DIR=$DATA_DIR RUN_DIR=$RUN_DIR .*limits: -w 60 -c 200 -t 10 "
printf 'LOG_LEVEL=info\n' >"$DIR/check.conf"
run_check -vv --config "$DIR/check.conf"
matches 'twice: the files' "$(sed -n 2p <<<"$OUT")" "files: $DIR/check.conf"
run_check -v --verbose -v
matches 'three times: all facts' "$(tail -n +5 <<<"$OUT" | tr '\n' ' ')" 'daemon: ok in .*a writer holds .* store: ok, .* [0-9]+ of 4608 readers record: live, .*'
says 'ranges: below' $WARNING "STORE-SYNC WARNING - age is past -w 1000:, live, $place \| age=[0-9]+s;1000:;200;0 .*" -w 1000:
says 'ranges: inside' $CRITICAL "STORE-SYNC CRITICAL - age is past -c @0:99\.5, live, .* \| age=[0-9]+s;60;@0:99\.5;0 .*" --critical=@0:99.5
says 'in any order' $OK "STORE-SYNC OK - .*" -t 5 -w '~:500' -c 0:1000
settings=$DIR/settings
env | grep -E '^(DATA_DIR|RUN_DIR|CACHE_MAP_SIZE_MB|MAX_CONSECUTIVE_FAILURES)=' >"$settings"
as_installed() { (unset DATA_DIR RUN_DIR CACHE_MAP_SIZE_MB MAX_CONSECUTIVE_FAILURES && exec "$@"); }
matches 'settings from a file' "$(as_installed "${check[@]}" --config "$settings" -w 60 -c 200)" "STORE-SYNC OK - live, $place$here"
faults '{"faults":[{"path":"list","kind":"delay","delayMs":2000,"count":1}]}'
kill -USR1 "$DAEMON"
soon_says 'a full sync runs' $OK "STORE-SYNC OK - live, $place, full sync \(forced\) under way$here"
soon_says 'it has ended' $OK "STORE-SYNC OK - live, $place$here"
micro_seconds() {
  local start=${EPOCHREALTIME/./}
  "${check[@]}" >/dev/null
  echo $((${EPOCHREALTIME/./} - start))
}
for _ in $(seq 25); do micro_seconds; done | sort -n >"$DIR/times"
echo "an ordinary check takes $(sed -n 13p "$DIR/times") us (median), $(tail -n 1 "$DIR/times") at most"

# ---- arguments and settings

usage() { # NAME WHAT options…
  says "$1" $UNKNOWN "STORE-SYNC UNKNOWN - $2" "${@:3}"
  check "$1: a reminder" grep -q '^Usage: store-syncd --check ' <<<"$OUT"
  check "$1: short" test "$(wc -l <<<"$OUT")" -le 23
}
usage 'an unknown option' '-x: no such option' -x
usage 'an unknown long one' '--warn-me: no such option' --warn-me
usage 'no value' '-w: a value is missing' -w
usage 'a positional argument' '30: one argument too many' -v 30
usage 'no range' "-w: '5x' is no range: .*" -w 5x
usage 'a range upside down' "-c: '20:10' is no range: .*" --critical 20:10
usage 'what would break the line' "-w: '1/2 3' is no range: .*" -w $'1|2\n3'
usage 'no time' '-t: takes 1 to 3600 whole seconds' -t 0
says 'no such file of settings' $UNKNOWN "STORE-SYNC UNKNOWN - $DIR/nowhere: can't be read: not found" --config "$DIR/nowhere"
printf 'SYNC_INTERVAL_SECONDS=x\nDATADIR=/x\n' >"$DIR/wrong"
says 'wrong settings' $UNKNOWN "STORE-SYNC UNKNOWN - $DIR/wrong:1: SYNC_INTERVAL_SECONDS=x: allowed: 0 to 3600 \(and 1 more: --check-config lists them\)" --config "$DIR/wrong"
is 'settings checked: a line for each mistake' "$("${check[@]}" --check-config --config "$DIR/wrong" 2>&1 >/dev/null | grep -c "^$DIR/wrong:")" 2
check 'settings printed' grep -qx "DATA_DIR=$DATA_DIR" <("${check[@]}" --check-config 2>/dev/null)
run_check --help
is 'help: its code' "$CODE" $UNKNOWN
for option in -w -c -t -v -h -V --warning --critical --timeout --verbose --help --version --config; do
  check "help names $option" grep -qwe "$option" <<<"$OUT"
done
check 'help fits a terminal' test "$(awk '{ if (length > n) n = length } END { print n }' <<<"$OUT")" -le 80
run_check -V
matches 'version' "$CODE $OUT" "$UNKNOWN store-syncd [0-9.]+"

# ---- a daemon that stands still, and one whose socket is gone

took_ms() { # command…
  local start=${EPOCHREALTIME/./}
  "$@"
  TOOK=$(((${EPOCHREALTIME/./} - start) / 1000))
}
kill -STOP "$DAEMON"
took_ms says 'a hung daemon' $CRITICAL "STORE-SYNC CRITICAL - daemon hangs \(no answer in [0-9.ms]+\), $place$here" -t 1
check "within -t, or a busy machine's moment more ($TOOK ms)" test "$TOOK" -le 2000
kill -CONT "$DAEMON"
soon_says 'it goes on' $OK "STORE-SYNC OK - live, $place$here"
RUN_DIR=$DIR/elsewhere says 'no socket' $CRITICAL "STORE-SYNC CRITICAL - daemon runs, but not at its control socket, $place$here"

# The check begins while there is no daemon, asks in vain for a moment, and sees the one that starts then.
survives_restart() {
  stop "$DAEMON"
  "${check[@]}" >"$DIR/restart" &
  local asking=$!
  read -r -t 0.1 <>"$DIR/nothing"
  start_daemon MAX_CONSECUTIVE_FAILURES=100
  wait "$asking"
}
check 'a restart is no alarm' until_true 10 survives_restart
soon_says 'nor is it afterwards' $OK "STORE-SYNC OK - live, $place$here"

# What others can do in the lock file: hold a lock, take all places.
intrude() { # DEED
  : >"$DIR/deed"
  "$BUILD/tests/intruder" "$1" "$DATA_DIR/current/lock.mdb" >"$DIR/deed" &
  intruder=$!
  pids+=("$intruder")
  until_true 10 grep -q 'done' "$DIR/deed" || fail "intruder: $1"
}
intrude hold-readers
took_ms says 'a lock that is held' $CRITICAL 'STORE-SYNC CRITICAL - timed out while reading the store' -t 1
check "within -t all the same ($TOOK ms)" test "$TOOK" -le 2000
stop "$intruder"
says 'when it is free again' $OK "STORE-SYNC OK - live, $place$here"
intrude fill-readers
says 'no place for a reader' $CRITICAL "STORE-SYNC CRITICAL - store unreadable \(its reader table is full\), live$(perf U U U 0)"
stop "$intruder"
says 'when there are some again' $OK "STORE-SYNC OK - live, $place$here"

# ---- samples

monitoring=$root/conf/monitoring
installed() { sed "s|/usr/sbin/store-syncd|$BUILD/store-syncd|g; s|/usr/share/doc/store-api/examples|$root/conf|g; s|/run/store-api/|$DIR/|g"; }
# The seventh word and what follows, as cron runs it.
cron=$(grep -vE '^(#|[A-Z]+=)' "$monitoring/store-api-check.cron" | cut -d ' ' -f 7- | installed)
cron_says() { is "$1" "$(sh -c "$cron" 2>&1 | sed -E 's/ - .*//')" "$2"; }
cron_says 'cron: all is well' ''
kill -STOP "$DAEMON"
cron=$cron' -t 1'
cron_says 'cron: a change is told' 'STORE-SYNC CRITICAL'
cron_says 'cron: once' ''
kill -CONT "$DAEMON"
cron_says 'cron: and that it ended' 'STORE-SYNC OK'
cron_says 'cron: once, too' ''
is 'cron: no such program: once' "$(for _ in 1 2; do sh "$monitoring/on-change.sh" "$DIR/none.state" "$DIR/none" 2>&1; done | wc -l)" 1

command=$(sed -nE 's/^ *command_line +//p' "$monitoring/nagios.cfg" | installed)
command=${command/\$ARG1\$/1000:}
matches 'Nagios: its command' "$(sh -c "${command/\$ARG2\$/500}")" "STORE-SYNC WARNING - age is past -w 1000:, .*"
matches 'Nagios: the service gives two ages' "$(grep -c 'check_command .*!150!500$' "$monitoring/nagios.cfg")" 1
matches 'NRPE: its command' "$(sh -c "$(sed -n 's/^#  *command\[.*\]=//p' "$monitoring/nagios.cfg" | installed)")" "STORE-SYNC OK - .*"
read -r -a icinga < <(sed -nE 's/^ *command = \[ (.*) \]$/\1/p' "$monitoring/icinga2.conf" | tr -d '",' | installed)
while read -r option; do
  value=9
  [ "$option" != --config ] || value=$settings
  icinga+=("$option" "$value")
done < <(sed -nE 's/^    "(--[a-z]+)" = .*/\1/p' "$monitoring/icinga2.conf")
is 'Icinga: four options' "${#icinga[@]}" 10
matches 'Icinga: its command' "$(as_installed "${icinga[@]}")" 'STORE-SYNC OK - .*;9;9;0 .*'
read -r -a unit < <(sed -n 's/^ExecStart=//p' "$root/packaging/common/store-api-check.service" | installed)
matches 'systemd: its command' "$("${unit[@]}")" "STORE-SYNC OK - live, .*"

# ---- trouble with Central

faults '{"faults":[{"path":"events","kind":"status","status":500}]}'
admin PUT set '{"products":[{"productId":"PROD-001","available":1}]}' >/dev/null
soon_says 'retrying' $WARNING "STORE-SYNC WARNING - retrying \([0-9]+ failures?, http_5xx\), $place$failing"
stop "$DAEMON"
start_daemon
soon_says 'fallback' $WARNING "STORE-SYNC WARNING - fallback mode \([0-9]+ failures, http_5xx\), $place$failing"
soon_says 'too old: a warning' $WARNING "STORE-SYNC WARNING - age is past -w 1, fallback mode .*" -w 1
soon_says 'too old: critical' $CRITICAL "STORE-SYNC CRITICAL - age is past -c 1, fallback mode .*, 150 products, .*" -c 1
stop "$DAEMON"
export MAX_STALENESS_SECONDS=2
soon_says 'reads are refused' $CRITICAL "STORE-SYNC CRITICAL - daemon not running, reads are refused \(MAX_STALENESS_SECONDS=2\), 150 products.*"
export MAX_STALENESS_SECONDS=0
says 'a stopped daemon' $CRITICAL "STORE-SYNC CRITICAL - daemon not running, $place$failing"
# ---- a store that can't be read

data=$(readlink -f "$DATA_DIR/current")/data.mdb
cp "$data" "$DIR/data.mdb"
size=$(stat -c %s "$data")
head -c "$size" /dev/zero >"$data"
says 'a store of zeros' $CRITICAL "STORE-SYNC CRITICAL - daemon not running, store unreadable \(damaged\)$(perf U U U U)"
cp "$DIR/data.mdb" "$data"
truncate -s 8192 "$data"
says 'a store that was cut' $CRITICAL 'STORE-SYNC CRITICAL - died of a signal while reading the store'

# ---- products left out

stop "$CENTRAL_PID"
export DATA_DIR=$DIR/data2 RUN_DIR=$DIR/run2
jq -cn '[(range(3) | "P-\(.)"), "x" * 600] |
  map({productId: ., name: "n", available: 9, version: 1, price: 1})' >"$DIR/catalogue"
start_central --catalogue "$DIR/catalogue"

# ---- users: in the group, and outside of it

if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
  skip 'other users' 'this needs root, and setpriv'
  start_daemon
else
  group=64100
  mkdir "$DATA_DIR" "$RUN_DIR"
  chown 0:$group "$DATA_DIR" "$RUN_DIR" && chmod 2750 "$DATA_DIR" && chmod 2770 "$RUN_DIR"
  cp "$BUILD/store-syncd" "$DIR/store-syncd"
  (umask 0027 && exec env "$BUILD/store-syncd" 2>>"$DIR/daemon.log") &
  DAEMON=$!
  pids+=("$DAEMON")
fi
out="STORE-SYNC WARNING - 1 products left out, live, 3 products, .*"
soon_says 'products left out' $WARNING "$out"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  mine=("${check[@]}")
  check=(setpriv --reuid=64103 --regid=64103 "--groups=$group" "$DIR/store-syncd" --check)
  says 'one of the group, and nothing more' $WARNING "$out"
  check=(setpriv --reuid=64103 --regid=64103 --clear-groups "$DIR/store-syncd" --check)
  says 'nobody' $UNKNOWN "STORE-SYNC UNKNOWN - no permission to ask the daemon, no permission to read the store, or to take its locks$(perf U U U U)"
  chmod 2771 "$RUN_DIR" && chmod 0666 "$RUN_DIR/control.sock"
  says 'one who may ask, and not look' $UNKNOWN "STORE-SYNC UNKNOWN - no permission to read the store, or to take its locks, live$(perf U U U 0)"
  check=("${mine[@]}")
fi

# ---- the manual: whatever was said has its place there

while read -r words; do
  check "store-syncd(8) has '$words'" grep -qF -e "$words" "$root/packaging/common/store-syncd.8"
done < <(sed -nE 's/^STORE-SYNC (OK|WARNING|CRITICAL) - //p' "$DIR/lines" |
  sed -E 's/ \|.*//; s/( \(|, ).*//; s/ -[cw] .*//; s/^[0-9]+ //' | sort -u)
