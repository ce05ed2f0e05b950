# shellcheck shell=bash
# growth.sh: the data file under a day's worth of updates of random products, ten for
# each, while clients read.  Sourced by bench.sh.
# shellcheck disable=SC2154,SC2153 # variables of bench.sh and lib.sh

offset_is() {
  [ "$(curl -sS -H 'X-API-Key: demo' "$web_ours/v1/store/sync/status" | jq .eventSync.lastEventOffset)" -ge "$1" ]
}
full_syncs() { curl -sS -H 'X-API-Key: demo' "$web_ours/v1/store/sync/status" | jq .counters.fullSyncs; }
data_kb() { du -kL "$DATA_DIR/current/data.mdb" | cut -f 1; }

growth() {
  local round load before updates=$((products * 10)) cell
  cell="$updates updates of $products products"
  has_tool mdb_copy lmdb-utils || return
  # Central's feed keeps them all, or a daemon that falls behind would start anew.
  begin_store "$products" $((updates + 1000))
  begin_web lighttpd
  sample growth "$cell" ours before_kB "$(data_kb)"
  before=$(full_syncs)
  wrk -t1 -c4 "-d3600s" -H 'X-API-Key: demo' "$web_ours$list?limit=50" >/dev/null 2>&1 &
  load=$!
  pids+=("$load")
  for ((round = 0; round < updates / 1000; round++)); do
    awk -v n="$products" -v w="${#catalogue}" -v seed="$round" 'BEGIN {
      srand(seed); for (i = 0; i < 1000; i++) printf "PROD-%0" w "d\n", int(rand() * n) + 1 }' | change set
  done
  until_true 120 offset_is "$(central_stat .head)" || say "the daemon doesn't catch up"
  stop "$load"
  sample growth "$cell" ours file_kB "$(data_kb)"
  mkdir "$DIR/compact"
  mdb_copy -c "$DATA_DIR/current/" "$DIR/compact"
  sample growth "$cell" ours compacted_kB "$(du -k "$DIR/compact/data.mdb" | cut -f 1)"
  rm -r "$DIR/compact"
  sample growth "$cell" ours full_syncs $(($(full_syncs) - before))
  stop "$pid_ours"
  end_store
}
