# What somebody does to the files under running programs: removed, replaced, cut, spoiled.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${deep:+20}
rounds=${rounds:-1}

# shellcheck disable=SC2119 # without a proxy
start_watched
remove_lock() {
  rm "$DATA_DIR/lock"
  # A second daemon now gets that far, and no further.
  RUN_DIR=$DIR/run "$BUILD/store-syncd" 2>>"$DIR/second.log"
  matches 'a second daemon does not run' "$?" '69|75'
}

try 'DATA_DIR/lock removed' 15 "$good_reads" "$away_writes" "$rounds" remove_lock
try 'the control socket removed' 15 "$good_reads" "$away_writes" "$rounds" remove_socket
try 'lock.mdb removed, new workers' 30 "$bad_reads" "$lost_writes" "$rounds" remove_lock_mdb
try 'the generation removed' 30 "$bad_reads" "$lost_writes" "$rounds" remove_store
try 'the link removed' 30 "$bad_reads" "$lost_writes" "$rounds" remove_link

# ---- the data file

try 'the data file replaced by another' 30 "$bad_reads" "$lost_writes" "$rounds" replace_file
try 'the data file overwritten' 30 "$bad_reads" "$lost_writes" "$rounds" fill_with_junk
try 'the data file cut' 30 "$bad_reads" "$lost_writes" "$rounds" cut_file
try 'the data file emptied' 30 "$bad_reads" "$lost_writes" "$rounds" empty_file
stop_watched
