# shellcheck shell=bash
# scale.sh: what doesn't get slower with the number of products, in the largest
# catalogue.  Sourced by bench.sh.
# shellcheck disable=SC2154,SC2153 # variables of bench.sh and lib.sh

# ---------------------------------------------------------------- memory

# RssAnon is what the process has of its own; Rss and Pss hold pages of the mapped
# store as well, which are the kernel's page cache, Pss its share of them.
memory_now() { # PID: lines METRIC kB
  {
    cat "/proc/$1/status"
    grep '^Pss:' "/proc/$1/smaps_rollup"
  } 2>/dev/null | awk '/^(VmRSS|RssAnon|Pss):/ { sub(":", "", $1); sub("VmRSS", "Rss", $1); print $1 "_kB", $2 }'
}

memory() {
  local pid
  for pid in $(children "$POOL"); do memory_now "$pid" | samples_of scale 'memory of a worker' ours; done
  memory_now "$DAEMON" | samples_of scale 'memory of the daemon, idle' ours
}

# ---------------------------------------------------------------- a walk

# All products by after=, on one connection and on four, and a file of the size of
# such a page as often: what a client of this kind can get from this web server.
walk() {
  local connections pages=$((catalogue / 200))
  take_answer "$list?after=$(id_of $((catalogue / 2)))&limit=200"
  for connections in 1 4; do
    "$BUILD/tests/bench" walk "$web_ours" "$catalogue" 200 $connections |
      samples_of scale "walk by after= at 200 a page, connections: $connections" ours
    "$BUILD/tests/bench" fetch "$web_ours/static.json" $pages $connections |
      samples_of scale "walk by after= at 200 a page, connections: $connections" static
  done
}

# ---------------------------------------------------------------- restarts

logged_live() { grep -q 'sync status.* state=live' "$DIR/daemon.log"; }

restarts() {
  local start
  stop "$POOL"
  start=$(micro)
  begin_pool
  sample scale 'restart of the pool to its first answer' ours ms "$(ms_since "$start")"
  stop "$DAEMON"
  : >"$DIR/daemon.log"
  start=$(micro)
  start_daemon LOG_LEVEL=info
  until_true 20 logged_live || say "the daemon doesn't get live"
  sample scale 'restart of the daemon until live' ours ms "$(ms_since "$start")"
}

# ---------------------------------------------------------------- position

# Creates and deletes at Central all over the catalogue, sixty of each ten times a second: some of
# these moments are late, and there are to be a thousand changes a second.
churn() {
  local made='' due round
  due=$(micro)
  for ((round = 0; ; round++)); do
    [ -z "$made" ] || echo "$made" | change delete
    made=$(awk -v n="$catalogue" -v w="${#catalogue}" -v round="$round" 'BEGIN {
      srand(round); for (i = 0; i < 60; i++) printf "PROD-%0" w "d-%d-%d\n", int(rand() * n), round, i }')
    echo "$made" | change create
    echo "$round" >"$DIR/churned"
    due=$((due + 100000))
    while [ "${EPOCHREALTIME/./}" -lt $due ]; do pause 0.005; done
  done
}

# Pages at random offsets and first pages in turn, at the pool's socket, while products
# come and go.
position() {
  local cell='page of 50 by offset, products coming and going' churning start before ticks_before events
  churn &
  churning=$!
  pids+=("$churning")
  until_true 20 test -s "$DIR/churned"
  start=$(micro) before=$(central_stat .head) ticks_before=$(ticks "$DAEMON")
  "$BUILD/tests/bench" offsets "$socket" 20000 "$catalogue" | samples_of scale "$cell" ours
  events=$(($(central_stat .head) - before))
  sample scale "$cell" ours events_per_s $((events * 1000 / $(ms_since "$start")))
  sample scale "$cell" ours daemon_us_per_event "$(us_each "$DAEMON" "$ticks_before" "$events")"
  stop "$churning"
}

# ---------------------------------------------------------------- the part

scale() {
  local round
  begin_store "$most"
  begin_web lighttpd
  for ((round = 0; round < rounds; round++)); do walk; done
  memory
  for ((round = 0; round < rounds; round++)); do restarts; done
  position
  stop "$pid_ours"
  end_store
}
