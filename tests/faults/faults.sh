# shellcheck shell=bash source=tests/faults/lib.sh
# faults.sh: what can be done to a store that runs, a function each.  Sourced by
# lib.sh; the tests try each by itself, soak.sh at random.
# shellcheck disable=SC2154 # lib.sh's

pause() { read -r -t "$1" <>"$DIR/nothing"; } # SECONDS

# ---- processes

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

# For a while that a client may well wait.
for_seconds() { # SECONDS PID…
  local seconds=$1
  shift
  kill -STOP "$@"
  pause "$seconds"
  kill -CONT "$@"
}
stop_daemon() { for_seconds 2 "$(pid_of daemon)"; }
# shellcheck disable=SC2046 # words
stop_pool() { for_seconds 2 "$(pid_of pool)" $(workers); }
stop_worker() { for_seconds 1 "$(some_worker)"; }
stop_central() { for_seconds 4 "$CENTRAL_PID"; }

# ---- the network, and Central

for_a_while() { # MODE SECONDS
  network "$1"
  pause "$2"
  network pass
}
full_sync() {
  curl -sS --max-time 5 -o /dev/null -X POST -H 'X-API-Key: k1' -d '' "$WEB/v1/store/sync/force?wait=0"
}

# ---- files

data() { echo "$(readlink -f "$DATA_DIR/current")/data.mdb"; }
# Until the daemon has seen it, which looks every few seconds.
settle() { pause "${1:-6}"; }

remove_socket() { rm "$RUN_DIR/control.sock"; settle; }
remove_lock_mdb() {
  fresh_daemon
  rm "$(dirname "$(data)")/lock.mdb"
  # New readers come, who would not be in the daemon's table.
  # shellcheck disable=SC2046 # words
  kill -9 $(workers)
  settle
}
remove_store() { fresh_daemon; rm -r "$(dirname "$(data)")"; settle; }
remove_link() { fresh_daemon; rm "$DATA_DIR/current"; settle; }
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

flip() { # PAGE: one bit of each of its 512-byte sectors
  local file offset byte
  file=$(data)
  for ((offset = $1 * 4096 + RANDOM % 512; offset < ($1 + 1) * 4096; offset += 512)); do
    byte=$(od -An -tu1 -j "$offset" -N 1 "$file")
    [ -n "$byte" ] || return 0
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf %03o $((byte ^ (1 << RANDOM % 8))))" |
      dd of="$file" bs=1 seek="$offset" conv=notrunc 2>/dev/null
  done
}
