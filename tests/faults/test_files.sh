# What somebody does to the files under running programs: removed, replaced, cut, spoiled.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+20}
rounds=${rounds:-1}

# shellcheck disable=SC2119 # without a proxy
start_watched
data() { echo "$(readlink -f "$DATA_DIR/current")/data.mdb"; }
# Until the daemon has seen it, which looks every few seconds.
settle() { read -r -t "${1:-6}" <> <(:); }

remove_lock() {
  rm "$DATA_DIR/lock"
  # A second daemon now gets that far, and no further.
  RUN_DIR=$DIR/run "$BUILD/store-syncd" 2>>"$DIR/second.log"
  matches 'a second daemon does not run' "$?" '69|75'
}
remove_lock_mdb() {
  fresh_daemon
  rm "$(dirname "$(data)")/lock.mdb"
  # New readers come, who would not be in the daemon's table.
  # shellcheck disable=SC2046 # words
  kill -9 $(workers)
  settle
}
remove_socket() { rm "$RUN_DIR/control.sock"; settle; }
remove_store() { fresh_daemon; rm -r "$(dirname "$(data)")"; settle; }
remove_link() { fresh_daemon; rm "$DATA_DIR/current"; settle; }

try 'DATA_DIR/lock removed' 15 "$good_reads" "$away_writes" "$rounds" remove_lock
try 'the control socket removed' 15 "$good_reads" "$away_writes" "$rounds" remove_socket
try 'lock.mdb removed, new workers' 30 "$bad_reads" "$lost_writes" "$rounds" remove_lock_mdb
try 'the generation removed' 30 "$bad_reads" "$lost_writes" "$rounds" remove_store
try 'the link removed' 30 "$bad_reads" "$lost_writes" "$rounds" remove_link

# ---- the data file

replace_file() {
  fresh_daemon
  head -c "$(stat -c %s "$(data)")" /dev/urandom >"$DIR/junk"
  mv "$DIR/junk" "$(data)"
  settle
}
fill_with_junk() {
  fresh_daemon
  dd if=/dev/urandom of="$(data)" conv=notrunc bs=4096 count=$(($(stat -c %s "$(data)") / 4096)) 2>/dev/null
  settle 1
}
cut_file() { fresh_daemon; truncate -s 8192 "$(data)"; settle 1; }
empty_file() { fresh_daemon; truncate -s 0 "$(data)"; settle 1; }
try 'the data file replaced by another' 30 "$bad_reads" "$lost_writes" "$rounds" replace_file
try 'the data file overwritten' 30 "$bad_reads" "$lost_writes" "$rounds" fill_with_junk
try 'the data file cut' 30 "$bad_reads" "$lost_writes" "$rounds" cut_file
try 'the data file emptied' 30 "$bad_reads" "$lost_writes" "$rounds" empty_file
stop_watched
