# shellcheck shell=bash
# costs.sh: what a request costs in our processes, counted instead of timed.
# Sourced by bench.sh.
# shellcheck disable=SC2154,SC2153 # variables of bench.sh and lib.sh

ask_often() { # WEB URI N: on one connection to the web server
  seq "$3" | sed "s|.*|url=\"$1$2\"\noutput=/dev/null|" >"$DIR/urls"
  curl -sS -H 'X-API-Key: demo' -K "$DIR/urls"
}

# ---------------------------------------------------------------- instructions

# All that fcgi_serve() does, which is a request from its first record to its last,
# in a program that listens at $DIR/costs.sock.
instructions() { # PART CELL SUBJECT URI N command…
  local part=$1 cell=$2 subject=$3 uri=$4 n=$5 pid web_pid total
  shift 5
  rm -f "$DIR"/callgrind.* "$DIR/costs.sock"
  valgrind -q --tool=callgrind --trace-children=yes --collect-atstart=no \
    --toggle-collect=fcgi_serve --callgrind-out-file="$DIR/callgrind.%p" "$@" 2>>"$DIR/valgrind.log" &
  pid=$!
  pids+=("$pid")
  "$BUILD/tests/bench" answers "$DIR/costs.sock" || say "$subject doesn't answer under callgrind"
  chmod 0666 "$DIR/costs.sock"
  start_web lighttpd FCGI_SOCKET="$DIR/costs.sock"
  web_pid=$WEB_PID
  ask_often "$WEB" "$uri" "$n"
  stop "$web_pid"
  kill "$pid"
  wait "$pid"
  total=$(cat "$DIR"/callgrind.* | awk '/^totals:|^summary:/ { if ($2 > most) most = $2 } END { print most + 0 }')
  # One of them was asked to see whether it is there.
  sample "$part" "$cell" "$subject" instructions $((total / (n + 1)))
}
instructions_of_ours() { # PART CELL URI N: from the store of $DATA_DIR
  instructions "$1" "$2" ours "$3" "$4" env POOL_PROCESSES=1 FCGI_LISTEN="unix:$DIR/costs.sock" \
    "$BUILD/store-api.fcgi"
}
instructions_of_null() { # PART CELL URI N: with the answer that was taken
  instructions "$1" "$2" null "$3" "$4" "$BUILD/tests/null" "$DIR/costs.sock" 1 "$POOL_THREADS" \
    "$DIR/answer.headers" "$DIR/answer"
}

# ---------------------------------------------------------------- system calls

are_traced() {
  local pid task
  for pid in $(children "$POOL"); do
    for task in "/proc/$pid/task/"*; do
      grep -q '^TracerPid:[[:space:]]*[1-9]' "$task/status" || return 1
    done
  done
}

# Those of all workers, whatever thread of them: also of threads that were woken in vain.
system_calls() { # CELL URI N
  local tracers=() pid
  ask_often "$web_ours" "$2" 20
  for pid in $(children "$POOL"); do
    strace -qq -f -c -U calls,name -o "$DIR/calls.$pid" -p "$pid" &
    tracers+=("$!")
  done
  until_true 10 are_traced || say "strace doesn't attach"
  ask_often "$web_ours" "$2" "$3"
  for pid in "${tracers[@]}"; do
    kill -INT "$pid"
    wait "$pid" 2>/dev/null
  done
  awk -v n="$3" '$1 ~ /^[0-9]+$/ && $2 != "total" { calls[$2] += $1; all += $1 }
    END {
      for (c in calls) if (calls[c] / n >= 0.05) printf "calls:%s %.2f\n", c, calls[c] / n
      printf "calls:all %.2f\n", all / n
    }' "$DIR"/calls.* | samples_of costs "$1" ours
  rm -f "$DIR"/calls.*
}

# ---------------------------------------------------------------- the part

costs() {
  local cell uri n=2000
  [ "$size" = quick ] && n=500
  begin_store "$products"
  begin_web lighttpd
  for cell in 'one product' 'page of 50' 'page of 200' '50 by ids=' 'sync status'; do
    case $cell in
    'one product') uri=$list/$(id_of $((catalogue / 2))) ;;
    'page of 50') uri="$list?limit=50" ;;
    'page of 200') uri="$list?limit=200" ;;
    '50 by ids=') uri="$list?ids=$(ids 50)" ;;
    'sync status') uri=/v1/store/sync/status ;;
    esac
    say "  $cell"
    take_answer "$uri"
    has_tool strace strace && system_calls "$cell" "$uri" "$n"
    has_tool valgrind valgrind || continue
    instructions_of_ours costs "$cell" "$uri" "$n"
    instructions_of_null costs "$cell" "$uri" "$n"
  done
  stop "$pid_ours"
  end_store
}
