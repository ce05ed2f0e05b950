# Each process killed at random moments, or stopped for a while, under load.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+100}
rounds=${rounds:-4}
few=${deep:+20}
few=${few:-1}

# shellcheck disable=SC2119 # without a proxy
start_watched

try 'kill -9 of the daemon' 15 "$good_reads" "$away_writes" "$rounds" kill_daemon
try 'kill -9 of a worker' 15 "$lost_reads" "$lost_writes" "$rounds" kill_worker
try 'kill -9 of the supervisor' 15 "$lost_reads" "$lost_writes" "$rounds" kill_supervisor
try 'kill -9 of all at once' 15 "$lost_reads" "$lost_writes" $((rounds / 2)) kill_all

try 'SIGSTOP of the daemon' 15 "$good_reads" "$away_writes" "$few" stop_daemon
try 'SIGSTOP of the pool' 15 "$good_reads" "$away_writes" "$few" stop_pool
try 'SIGSTOP of a worker' 15 "$good_reads" "$away_writes" "$few" stop_worker
try 'SIGSTOP of Central' 20 "$good_reads" "$away_writes" "$few" stop_central

stop_watched
