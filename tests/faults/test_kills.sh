# Each process killed at random moments, or stopped for a while, under load.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+100}
rounds=${rounds:-4}

# shellcheck disable=SC2119 # without a proxy
start_watched

kill_daemon() { kill -9 "$(pid_of daemon)"; }
some_worker() {
  local all
  read -r -a all <<<"$(workers)"
  echo "${all[RANDOM % ${#all[@]}]}"
}
kill_worker() { kill -9 "$(some_worker)"; }
kill_supervisor() { kill -9 "$(pid_of pool)"; }
kill_all() {
  # shellcheck disable=SC2046 # words
  kill -9 "$(pid_of daemon)" "$(pid_of pool)" $(workers)
}

try 'kill -9 of the daemon' 15 "$good_reads" "$away_writes" "$rounds" kill_daemon
try 'kill -9 of a worker' 15 "$lost_reads" "$lost_writes" "$rounds" kill_worker
try 'kill -9 of the supervisor' 15 "$lost_reads" "$lost_writes" "$rounds" kill_supervisor
try 'kill -9 of all at once' 15 "$lost_reads" "$lost_writes" $((rounds / 2)) kill_all

# For a while that a client may well wait.
for_seconds() { # SECONDS PID…
  local seconds=$1
  shift
  kill -STOP "$@"
  read -r -t "$seconds" <> <(:)
  kill -CONT "$@"
}
stop_daemon() { for_seconds 2 "$(pid_of daemon)"; }
# shellcheck disable=SC2046 # words
stop_pool() { for_seconds 2 "$(pid_of pool)" $(workers); }
stop_worker() { for_seconds 1 "$(some_worker)"; }
stop_central() { for_seconds 4 "$CENTRAL_PID"; }
few=${deep:+20}
few=${few:-1}
try 'SIGSTOP of the daemon' 15 "$good_reads" "$away_writes" "$few" stop_daemon
try 'SIGSTOP of the pool' 15 "$good_reads" "$away_writes" "$few" stop_pool
try 'SIGSTOP of a worker' 15 "$good_reads" "$away_writes" "$few" stop_worker
try 'SIGSTOP of Central' 20 "$good_reads" "$away_writes" "$few" stop_central

stop_watched
