#!/usr/bin/env bash
# soak.sh SECONDS: a whole store under load, changes at Central, and one fault
# after the other out of the tables below, at random, until the time is over.  In
# the second half of a quarter of an hour or more nothing ends a process, so that each
# grows old, and what it holds is judged strictly.
#
# SEED: of the order of the faults, to have the same again.  What was seen is in
# OUT (build/soak/SEED): the time series of what the store held (samples.tsv), each
# fault as it was over (faults.tsv), and where something failed all logs, the
# journal of Central, the store's files and the last answers (failed/).
# Scaled time: BUILD=build/hooks STORE_API_TIME_SCALE=N.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
seconds=${1:?usage: soak.sh SECONDS}
SEED=${SEED:-$(date +%s)}
OUT=${OUT:-$root/build/soak/$SEED}
[ "${OUT:0:1}" = / ] || OUT=$root/$OUT # as from the top
RANDOM=$((SEED % 32768))
# By itself it looks every minute whether something was lost.
export VERIFY_INTERVAL_MINUTES=1
# Patience is for whoever answers, in true seconds.
scale=${STORE_API_TIME_SCALE:-1}
CENTRAL_TIMEOUT_SECONDS=$((3 * scale)) CENTRAL_WRITE_TIMEOUT_SECONDS=$((3 * scale))
guests=12
# So that the tills alone never fill the share that waits for the daemon.
export POOL_THREADS=8
# Keys that can be changed stand in a file, not in the environment.
unset API_KEYS
pool_options=(--config "$DIR/pool.conf")
new_keys() { echo "API_KEYS=k1,$1" >"$DIR/pool.conf"; }

leave() {
  if [ "$failed" -gt 0 ]; then
    mkdir -p "$OUT/failed"
    if [ -n "${to_watch-}" ]; then
      tell last
      jq -c '.[]' <<<"$REPLY" >"$OUT/failed/answers.jsonl"
    fi
    cp -r "$DIR"/*.log "$DIR"/*.exits "$DIR/journal" "$DATA_DIR" "$OUT/failed/" 2>/dev/null
    echo "the last answers, logs and files: $OUT/failed (SEED=$SEED)"
  fi
  finish
}
trap leave EXIT

# ---- what is nobody's fault: restarts, reloads, an operator's commands

exits() { wc -l <"$DIR/$1.exits"; } # NAME: how often it has ended
has_exited() { [ "$(exits "$1")" -gt "$2" ]; }
ends_well() { # NAME: as a service manager restarts it
  local before
  before=$(exits "$1")
  kill "$(pid_of "$1")"
  check "SIGTERM ends the $1" until_true 15 has_exited "$1" "$before"
  is "the exit code of the $1" "$(sed -n "$((before + 1))p" "$DIR/$1.exits")" 0
}
restart_daemon() { ends_well daemon; }
restart_pool() { ends_well pool; }
reload_daemon() { kill -HUP "$(pid_of daemon)"; }
reload() { kill -HUP "$(pid_of daemon)" "$(pid_of pool)"; }

key_is() { # KEY STATUS: at every worker, as far as some twenty connections tell
  local i
  for ((i = 0; i < 20; i++)); do
    [ "$(curl -sS --max-time 5 -o /dev/null -w '%{http_code}' -H "X-API-Key: $1" "$WEB/v1/store/sync/status")" = "$2" ] || return
  done
}
turn=0
rotate_keys() {
  local old=turn-$turn new=turn-$((++turn))
  new_keys "$new"
  kill -HUP "$(pid_of pool)"
  check 'the new key is taken' until_true 10 key_is "$new" 200
  check 'the old one is not' until_true 10 key_is "$old" 401
}

calm() { pause $((1 + RANDOM % calm_seconds)); }
verify() {
  local status
  "$BUILD/storectl" verify >"$DIR/verify.out" 2>&1
  status=$?
  # A pool whose workers died of a damaged file may tell that to the next daemon too.
  if grep -q 'run verify again' "$DIR/verify.out"; then
    "$BUILD/storectl" verify >"$DIR/verify.out" 2>&1
    status=$?
  fi
  is 'storectl verify finds no difference' "$status" 0
}
backup() {
  tell mark
  "$BUILD/storectl" backup "$DIR/backup" >"$DIR/backup.out" 2>&1
  is 'storectl backup' "$?" 0
  is "a backup's last line" "$(tail -n 1 "$DIR/backup")" \
    "{\"sha256\":\"$(head -n -1 "$DIR/backup" | sha256sum | cut -d ' ' -f 1)\"}"
  tell "backup $DIR/backup"
}

# ---- Central

central_is() { # ORDER BODY
  curl -sS --max-time 20 -o /dev/null -X POST -d "$2" "$CENTRAL/test/$1"
}
central_is_up() { [ "$(central_stat .downMs 2>/dev/null)" = 0 ]; }
restart_central() {
  central_is restart '{"feed":"keep","downMs":'$((RANDOM % 2000))'}'
  check 'Central is there again' until_true 20 central_is_up
}
new_log() { fresh_daemon; central_is restart '{"feed":"reset"}'; }
some_time() { # ORDER BODY BODY-AFTERWARDS
  central_is "$1" "$2"
  pause 3
  central_is "$1" "$3"
}
answers() { some_time faults "{\"faults\":[$1]}" '{"faults":[]}'; } # FAULT…: of Central, for a while
errors() { answers '{"path":"*","kind":"status","percent":40}'; }
noise() { answers '{"path":"*","kind":"garbage","percent":40}'; }
lost_answers() { answers '{"path":"updates","kind":"lost","percent":60}'; }
forgotten_keys() { answers '{"path":"updates","kind":"forget","percent":60}'; }
late_events() { some_time feed '{"publishDelayMs":600}' '{"publishDelayMs":0}'; }
lost_events() { fresh_daemon; some_time feed '{"losePercent":20}' '{"losePercent":0}'; }

# ---- the store's file

flip_some() {
  fresh_daemon
  flip $((RANDOM % ($(stat -c %s "$(data)") / 4096)))
}

# How often, seconds until all is well, what may be answered (good, away, lost, bad:
# lib.sh), what it is, how it is done.  First what leaves each process as old as it is.
lasting=(
  '6 15 good good  calm                          calm'
  '1 15 good good  reload_of_the_daemon          reload_daemon'
  '1 15 good away  SIGSTOP_of_the_daemon         stop_daemon'
  '1 15 good away  SIGSTOP_of_the_pool           stop_pool'
  '1 15 good away  SIGSTOP_of_a_worker           stop_worker'
  '1 20 good away  SIGSTOP_of_Central            stop_central'
  '1 20 good away  network:_delay                for_a_while delay 2.5'
  '1 20 good away  network:_drip                 for_a_while drip 2.5'
  '1 20 good away  network:_cut                  for_a_while cut 2.5'
  '1 20 good away  network:_reset                for_a_while reset 2.5'
  '1 20 good away  network:_no_answer            for_a_while request 2.5'
  '1 20 good away  network:_refused              for_a_while refuse 2.5'
  '1 20 good away  network:_black_hole           for_a_while blackhole 5'
  '2 20 good away  Central_restarted             restart_central'
  '1 20 good away  Central:_errors               errors'
  '1 20 good away  Central:_noise                noise'
  '2 20 good away  Central:_lost_answers         lost_answers'
  '1 20 good away  Central:_keys_forgotten       forgotten_keys'
  '2 20 good good  events_late                   late_events'
  '2 30 good good  full_sync                     full_sync'
  '2 15 good good  verify                        verify'
  '2 15 good good  backup                        backup'
  '1 15 good away  control_socket_removed        remove_socket'
)
# What ends the daemon (fresh_daemon, faults.sh, too) or replaces workers.
ending=(
  '3 15 good away  kill_-9_of_the_daemon         kill_daemon'
  '3 15 lost lost  kill_-9_of_a_worker           kill_worker'
  '2 15 lost lost  kill_-9_of_the_supervisor     kill_supervisor'
  '1 15 lost lost  kill_-9_of_all_at_once        kill_all'
  '2 15 good away  restart_of_the_daemon         restart_daemon'
  '2 15 lost lost  restart_of_the_pool           restart_pool'
  '1 15 good good  reload                        reload'
  '2 15 good good  new_keys                      rotate_keys'
  '1 30 good away  Central:_log_begun_anew       new_log'
  '1 30 good away  events_lost                   lost_events'
  '1 30 bad  lost  lock.mdb_removed              remove_lock_mdb'
  '1 30 bad  lost  data_file_cut                 cut_file'
  '1 30 bad  lost  bits_flipped                  flip_some'
)
tickets=()
put_in() { # ROW…
  local row often
  for row; do
    read -r often _ <<<"$row"
    for ((; often > 0; often--)); do tickets+=("$row"); done
  done
}
put_in "${lasting[@]}"
lasting_tickets=${#tickets[@]}
put_in "${ending[@]}"
try_until() { # SECOND TICKETS: one of the first so many, again and again
  while [ "$SECONDS" -lt "$1" ]; do one "${tickets[RANDOM % $2]}"; done
}

slowest=0 slowest_of='all of them'
declare -A times
one() { # ROW of the table
  local limit reads writes name command before=$failed may_be_wrong=
  read -r _ limit reads writes name command <<<"$1"
  name=${name//_/ } reads=${reads}_reads writes=${writes}_writes
  [ "$command" != flip_some ] || may_be_wrong=$flipped_may_be_wrong
  # shellcheck disable=SC2086 # words
  try "$name" "$limit" "${!reads}" "${!writes}" 1 $command
  times[$name]=$((${times[$name]:-0} + 1))
  [ "$worst" -le "$slowest" ] || { slowest=$worst slowest_of=$name; }
  printf '%d\t%s\t%d\t%d\t%s\n' "$SECONDS" "$name" "$worst" "$((failed - before))" \
    "$(jq -c .answers <<<"$REPLY")" >>"$OUT/faults.tsv"
}

# ---- growing old

processes() { echo "$(pid_of daemon) $(pid_of pool) $(workers)"; }
workers_are_complete() { [ "$(workers | wc -w)" -eq "$POOL_PROCESSES" ]; }
grow_old() { # until the end
  local before
  check 'the pool has the workers that it should' until_true 20 workers_are_complete
  before=$(processes)
  # Of the one who takes the samples.
  old_since=$((SECONDS - sampled_since + 1))
  echo "from second $SECONDS on nothing ends a process"
  try_until "$seconds" "$lasting_tickets"
  is 'no process has ended or come since' "$(processes)" "$before"
}

# ---- the run

mkdir -p "$OUT"
echo "SEED=$SEED, $seconds s"
calm_seconds=$((seconds < 300 ? 3 : 20))
new_keys turn-0
start_watched proxy
/usr/bin/python3 "$root/tests/faults/samples.py" take "$DIR" "$WEB" "$DATA_DIR" \
  "$((seconds < 300 ? 0 : 2)).5" "$OUT/samples.tsv" 2>"$DIR/samples.log" &
sampler=$! sampled_since=$SECONDS old_since=
pids+=("$sampler")
printf 'second\tfault\tback within\tfailed\tanswers\n' >"$OUT/faults.tsv"
# So that each process has been of some age.
one '1 15 good good calm pause 8'
try_until $((seconds < 900 ? seconds : seconds / 2)) ${#tickets[@]}
[ "$seconds" -lt 900 ] || grow_old

tell pause
check 'in the end the same as Central' until_true 20 lists_are_equal
check 'what the store holds was looked at to the end' is_running "$sampler"
kill "$sampler"
until_ended "$sampler"
add_counts < <(/usr/bin/python3 "$root/tests/faults/samples.py" judge "$OUT/samples.tsv" $old_since)
stop_watched
tell totals
echo "$(jq -r '"\(.requests) requests, \(.changes) changes at Central, \(.sold) sold, \(.perhaps) perhaps"' \
  <<<"$REPLY"); the slowest way back $slowest s ($slowest_of)"
for name in "${!times[@]}"; do echo "  ${times[$name]} $name"; done | sort -k1,1nr -k2
