# Every exit code that the programs' help names, each produced once.
# shellcheck shell=bash source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
pool=$BUILD/store-api.fcgi daemon=$BUILD/store-syncd tool=$BUILD/storectl
declare -A seen

saw() { # PROGRAM WHAT CODE EXPECTED
  is "$1: $2" "$3" "$4"
  [ "$3" != "$4" ] || seen[$1]+="$3"$'\n'
}
ends() { # PROGRAM WHAT EXPECTED command…
  local program=$1 what=$2 expected=$3
  shift 3
  timeout 30 "$@" >"$DIR/out" 2>"$DIR/err" </dev/null
  saw "$program" "$what" "$?" "$expected"
}
ended() { # PROGRAM WHAT EXPECTED PID: asked to end, or by itself
  until_ended "$4" 40 || fail "$1: $2: it ends"
  wait "$4"
  saw "$1" "$2" "$?" "$3"
}
# One beside the log's: the loader needs it, and gives it back.
few_descriptors=(bash -c 'exec <&- >&-; ulimit -n 1; exec "$@"' -)
is_ok() { "$daemon" --check >"$DIR/out" 2>&1; }
warns() {
  "$daemon" --check >"$DIR/out" 2>&1
  [ $? = 1 ]
}

touch "$DIR/file"
for program in "$pool" "$daemon" "$tool"; do
  name=${program##*/}
  ends "$name" 'an unknown option' 2 "$program" --nonsense
  ends "$name" 'a mistake in the settings' 78 env STORE_ID= "$program" --check-config
  if under_checker; then
    skip "$name: no descriptors" 'a checker needs some for itself'
    seen[$name]+=$'71\n'
  else
    ends "$name" 'no descriptors' 71 "${few_descriptors[@]}" "$program"
  fi
done
ends store-api.fcgi 'no directory for its socket' 69 env "FCGI_LISTEN=unix:$DIR/none/s" "$pool"
ends store-api.fcgi 'a file in the place of RUN_DIR' 73 env "RUN_DIR=$DIR/file" "$pool"
ends store-syncd 'a backup that is none' 65 "$daemon" --restore "$DIR/file"
ends store-syncd 'a backup that is nowhere' 66 "$daemon" --restore "$DIR/nowhere"
ends store-syncd 'a file in the place of DATA_DIR' 73 env "DATA_DIR=$DIR/file" "$daemon"
ends '--check' 'an unknown option' 3 "$daemon" --check --nonsense
ends '--check' 'no store' 2 "$daemon" --check
ends storectl 'no store' 69 "$tool" get PROD-001

start_central --products 10
start_pool
kill "$POOL"
ended store-api.fcgi 'asked to end' 0 "$POOL"
start_daemon
check 'the store is fit' until_true 30 is_ok
ends '--check' 'a store that is fit' 0 "$daemon" --check
ends store-syncd 'a second one on the data' 75 env "RUN_DIR=$DIR/run-2" "$daemon"
ends store-syncd 'a second one on the control socket' 69 env "DATA_DIR=$DIR/data-2" "$daemon"
ends storectl 'a product' 0 "$tool" get PROD-001
ends storectl 'no such product' 1 "$tool" get PROD-999
# shellcheck disable=SC2016 # expanded by the other shell
ends storectl 'a full disk behind its output' 74 bash -c '"$1" list >/dev/full' - "$tool"

faults '{"faults":[{"path":"list","kind":"delay","delayMs":3000}]}'
(
  trap - INT
  exec "$tool" sync 2>"$DIR/progress" >/dev/null
) &
waiting=$!
check 'a full sync is waited for' until_true 10 grep -q 'full sync: ' "$DIR/progress"
kill -INT "$waiting"
ended storectl 'Ctrl-C' 130 "$waiting"

stop "$CENTRAL_PID"
check 'Central is away' until_true 30 warns
ends '--check' 'Central is away' 1 "$daemon" --check
kill "$DAEMON"
ended store-syncd 'asked to end' 0 "$DAEMON"
start_daemon
"$BUILD/tests/intruder" hold "$(readlink -f "$DATA_DIR/current")/lock.mdb" >"$DIR/hold" &
pids+=("$!")
ended store-syncd "the store's locks are held" 74 "$DAEMON"

# In the help from `Exit codes:` to the end of that sentence.
named() { sed -n '/Exit codes/,/\.$/p' | sed -E 's/\.  .*//' | grep -oE '\b[0-9]+\b' | sort -n | xargs; }
of() { sort -nu <<<"${seen[$1]}" | xargs; }
is 'store-api.fcgi: all that it names' "$(of store-api.fcgi)" "$("$pool" --help | named)"
is 'store-syncd: all that it names' "$(of store-syncd)" "$("$daemon" --help | named)"
is '--check: all that it names' "$(of --check)" "$("$daemon" --check --help | named)"
is 'storectl: all that it names' "$(of storectl)" "$("$tool" --help | named)"
