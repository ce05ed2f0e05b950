#!/usr/bin/env bash
# read_path.sh: what a GET of products does with them, by valgrind's word.
#
#   copies     dhat sees each memcpy: within api_handle() a product's text is copied
#              once, from the map into the response.  What a buffer's growth moves
#              isn't in this; a thread keeps its buffer from request to request.
#   functions  callgrind sees each call: none parses or scans JSON
#
# Behind api_handle() libfcgi copies the response once more, into its records.
# `--functions` prints all functions that were called.  The last line is
# `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
reads=${BUILD:-build}/tests/reads
dir=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
times=20
list=/v1/store/inventory

check() { # NAME command…
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

# Copies below api_handle(), but for those of headers: bytes, times, and the functions from the
# copy outwards.
copies() {
  jq -r '.ftbl as $names | .pps[]
    | [.tb, .tbk, ([.fs[] | $names[.] | sub("^0x[0-9A-F]+: "; "") | sub(" \\(.*"; "")] | join(" "))]
    | @tsv' "$1" | grep -E '[[:space:]]api_handle( |$)' | grep -v ' response_header'
}

# NAME PRODUCTS URI: each of so many products is copied once, and little else is.
copied_once() {
  local bytes all product n
  bytes=$(valgrind -q --tool=dhat --mode=copy --dhat-out-file="$dir/dhat" \
    "$reads" ask "$dir/store" $times "$3" 2>"$dir/log") || return 1
  read -r all product n < <(copies "$dir/dhat" | awk -F '\t' '
    { all += $1 }
    # By whoever adds a product to the answer.  What is shorter than one is the end of a header,
    # whose callers in between left by a jump.
    $3 ~ / (add_product|inventory_product) / && $1 >= 100 * $2 { product += $1; n += $2 }
    END { print all, product, n }')
  echo "$1: $times answers of $((bytes / times)) bytes: $product bytes in $n copies of products," \
    "$((all - product)) bytes of all else"
  # A body is products and what stands around them; then there are some small copies, together
  # less than a product, so that a second copy of one would show.
  [ "$n" = $((times * $2)) ] && [ "$product" -le "$bytes" ] &&
    [ "$product" -ge $((times * $2 * 100)) ] && [ "$all" -le $((bytes + times * 140)) ]
}

parses_nothing() {
  valgrind -q --tool=callgrind --collect-atstart=no --toggle-collect=api_handle \
    --callgrind-out-file="$dir/callgrind" "$reads" ask "$dir/store" $times \
    "$list?limit=200" "$list?after=PROD-000100" "$list?ids=PROD-000001,none" \
    "$list/PROD-000007" >/dev/null 2>"$dir/log" || return 1
  callgrind_annotate --threshold=100 --auto=no --show-percs=no "$dir/callgrind" |
    sed -nE 's/.*:([A-Za-z_0-9@.]+)( .*)?$/\1/p' | sort -u >"$dir/functions"
  grep -qx store_snapshot_next "$dir/functions" && grep -qx store_snapshot_product "$dir/functions" &&
    ! grep -E '^(doc_|scan_|json_|product_read|page_read)' "$dir/functions"
}

"$reads" fill "$dir/store" 1000 || exit 1
check 'a page copies each product once' copied_once 'page of 200' 200 "$list?limit=200"
check 'a page by id copies each product once' copied_once 'after=, 50' 50 "$list?after=PROD-000100"
check 'ids= copies each product once' copied_once 'ids=, 2' 2 "$list?ids=PROD-000001,PROD-000500,no"
check 'a product is copied once' copied_once 'one product' 1 "$list/PROD-000007"
check 'nothing is parsed' parses_nothing
[ "${1-}" = --functions ] && cat "$dir/functions"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
