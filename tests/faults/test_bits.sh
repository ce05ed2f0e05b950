# One bit of a page of the store flipped under running programs, page by page.
# LMDB can neither notice nor survive all of that: what is promised is that no
# record with a wrong checksum is served, and that all is well within 30 s.
# BIT_PAGES: so many, spread over the file; in depth all.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
count=${BIT_PAGES:-5}
# A write that was applied at Central can't be stored in what is damaged; its till
# waits for the store that is built anew, but not for long.  Pages that lead elsewhere can leave products out.
may_be_wrong='PROD-... went back from version [0-9]+ to [0-9]+|a (list|total) of .*|404 for .*'

# shellcheck disable=SC2119 # without a proxy
start_watched
data() { echo "$(readlink -f "$DATA_DIR/current")/data.mdb"; }
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
pages=$(($(stat -c %s "$(data)") / 4096))
[ -z "$deep" ] || count=$pages
for ((page = 0; page < count; page++)); do
  flip_this() { fresh_daemon; flip $((page * pages / count)); }
  try "bits of page $((page * pages / count)) of $pages flipped" 30 "$bad_reads|404 product_not_found" "$lost_writes" 1 flip_this
done
stop_watched
