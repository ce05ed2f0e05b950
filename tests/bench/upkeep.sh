#!/usr/bin/env bash
# upkeep.sh [PRODUCTS…]: what one change costs the store, with the page index
# and without: instructions (callgrind) of looking the product up, putting or
# deleting it, and its share of the commit; bytes written to the file, which
# are whole pages.  Nothing of it depends on the machine or on what else it does.
# Prints a line for each kind of change, size of a commit and store.
set -u
cd "$(dirname "$0")/../.." || exit 1
upkeep=${BUILD:-build}/tests/upkeep
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
sizes=("$@")
[ $# -gt 0 ] || sizes=(100000 1000000)

# KIND PRODUCTS EVENTS BATCH [bare]: in a copy of the store → "INSTRUCTIONS BYTES"
cost() {
  local all bytes
  cp -r "$dir/filled-$2" "$dir/copy"
  [ "$1" != delete ] || "$upkeep" create "$dir/copy" "$2" "$3" 1000 >/dev/null
  bytes=$(valgrind -q --tool=callgrind --collect-atstart=no --toggle-collect=store_txn_get \
    --toggle-collect=store_txn_put --toggle-collect=store_txn_delete --toggle-collect=store_txn_commit \
    --callgrind-out-file="$dir/calls" "$upkeep" "$1" "$dir/copy" "${@:2}" 2>>"$dir/log") ||
    cat "$dir/log" >&2
  all=$(sed -nE 's/^(totals|summary): //p' "$dir/calls" | sort -n | tail -1)
  rm -r "$dir/copy"
  echo "$((all / $3)) $bytes"
}

for n in "${sizes[@]}"; do
  "$upkeep" fill "$dir/filled-$n" "$n" || exit 1
  for batch in 1000 1; do
    events=$((batch == 1 ? 1000 : 10000))
    for kind in update create delete; do
      read -r with bytes_with < <(cost "$kind" "$n" "$events" "$batch")
      read -r without bytes_without < <(cost "$kind" "$n" "$events" "$batch" bare)
      echo "$n products, $kind, commits of $batch: $with instructions, $bytes_with bytes;" \
        "without the page index $without, $bytes_without"
    done
  done
done
