# One bit of a page of the store flipped under running programs, page by page.
# LMDB can neither notice nor survive all of that: what is promised is that no
# record with a wrong checksum is served, and that all is well within 30 s.
# BIT_PAGES: so many, spread over the file; in depth all.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
count=${BIT_PAGES:-5}
may_be_wrong=$flipped_may_be_wrong

# shellcheck disable=SC2119 # without a proxy
start_watched
pages=$(($(stat -c %s "$(data)") / 4096))
[ -z "$deep" ] || count=$pages
for ((page = 0; page < count; page++)); do
  flip_this() { fresh_daemon; flip $((page * pages / count)); }
  try "bits of page $((page * pages / count)) of $pages flipped" 30 "$bad_reads" "$lost_writes" 1 flip_this
done
stop_watched
