# shellcheck shell=bash
# sync.sh: how fast the daemon fills, follows and idles with the largest catalogue,
# and what readers see meanwhile.  Sourced by bench.sh.
# shellcheck disable=SC2154,SC2153 # variables of bench.sh and lib.sh

# ---------------------------------------------------------------- full sync

# The same pages by one curl over one kept connection.
fetch_pages() {
  local offset
  for ((offset = 0; offset < catalogue; offset += 199)); do
    printf 'url="%s/v1/inventory?offset=%d&limit=200"\noutput=/dev/null\n' "$CENTRAL" $offset
  done >"$DIR/urls"
  curl -sS -H 'X-API-Key: demo' -K "$DIR/urls"
}

# What the disk holds of all generations.
on_disk_kb() {
  find "$DATA_DIR" -name data.mdb -exec du -k {} + 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

# The most of each that is seen while a full sync runs: of the daemon's memory, and of the disk.
full_sync() { # CELL
  local start
  start=$(micro)
  until is_filled; do
    memory_now "$DAEMON"
    echo "disk_kB $(on_disk_kb)"
    pause 0.1
  done >"$DIR/seen"
  sample sync "$1" ours ms "$(ms_since "$start")"
  awk '$2 > most[$1] { most[$1] = $2 } END { for (m in most) print "most_" m, most[m] }' "$DIR/seen" |
    samples_of sync "$1" ours
}

forced_full_sync() {
  : >"$DIR/daemon.log"
  kill -USR1 "$DAEMON"
  full_sync 'full sync, beside readers'
}

generations() {
  has_tool mdb_copy lmdb-utils || return
  mkdir "$DIR/compact"
  mdb_copy -c "$DATA_DIR/current/" "$DIR/compact"
  sample sync 'full sync, beside readers' ours compacted_kB "$(du -k "$DIR/compact/data.mdb" | cut -f 1)"
  sample sync 'full sync, beside readers' ours disk_after_kB "$(on_disk_kb)"
  rm -r "$DIR/compact"
}

# ---------------------------------------------------------------- readers meanwhile

# A paced client for as long as the command runs.
paced_beside() { # CELL command…
  local cell=$1 client
  shift
  "$BUILD/tests/bench" paced "$web_ours" "$catalogue" 500 32 >"$DIR/paced" &
  client=$!
  pids+=("$client")
  "$@"
  kill "$client"
  wait "$client"
  samples_of sync "500 GETs a second, $cell" ours <"$DIR/paced"
}

busy() { wrk -t1 -c256 -d10s -H 'X-API-Key: demo' "$web_ours$list?limit=50" >/dev/null; }

# ---------------------------------------------------------------- events

offset_reached() { grep -q "msg=\"event sync batch\".* offset=$1 " "$DIR/daemon.log"; }

# Events that were all made while the daemon was away, from the start of the program.
catch_up() { # CELL VERB ID-PREFIX-OR-NOTHING N
  local first before wanted start ms
  stop "$DAEMON"
  before=$(central_stat .head)
  for ((first = 1; first <= $4; first += 1000)); do
    seq -f "PROD-%0${#catalogue}.0f$3" $first $((first + 999)) | change "$2"
  done
  wanted=$(central_stat .head)
  : >"$DIR/daemon.log"
  start=$(micro)
  start_daemon LOG_LEVEL=debug
  until_true 120 offset_reached "$wanted" || say "the daemon doesn't catch up"
  ms=$(ms_since "$start")
  sample sync "$1" ours events $((wanted - before))
  sample sync "$1" ours events_per_s $(((wanted - before) * 1000 / ms))
  sample sync "$1" ours daemon_us_per_event "$(us_each "$DAEMON" 0 $((wanted - before)))"
}

# Two calls with 1,000 changes each while it follows: how long after the second the store has all.
burst() {
  local last
  seq -f "PROD-%0${#catalogue}.0f" 1 1000 | change set
  seq -f "PROD-%0${#catalogue}.0f" 1 1000 | change set
  last=$(micro)
  until_true 60 offset_reached "$(central_stat .head)" || say "the daemon doesn't follow"
  sample sync 'burst of 2,000 events' ours ms_after_the_last "$(ms_since "$last")"
}

idle() {
  has_tool strace strace || return
  timeout 10 strace -qq -f -c -p "$DAEMON" 2>"$DIR/calls"
  sample sync 'idle daemon' ours system_calls_in_10_s "$(awk '$NF == "total" { n = $4 } END { print n + 0 }' "$DIR/calls")"
}

# ---------------------------------------------------------------- the part

sync() {
  local start n=$((products < most ? products : most))
  begin_central "$most"
  start=$(micro)
  fetch_pages
  sample sync 'full sync, an empty store' curl ms "$(ms_since "$start")"
  start_daemon LOG_LEVEL=info
  full_sync 'full sync, an empty store'
  begin_pool
  begin_web lighttpd
  paced_beside 'quiet' pause 10
  paced_beside 'beside 256 busy connections' busy
  paced_beside 'during a full sync' forced_full_sync
  generations
  "$BUILD/tests/bench" visible "$CENTRAL" "$web_ours" "$(id_of 5)" 300 |
    samples_of sync 'a change at Central until a GET shows it' ours
  catch_up 'catching up with updates' set '' $n
  burst
  idle
  catch_up 'catching up with creates' create -new $((n / 2))
  stop "$pid_ours"
  end_store
}
