#!/usr/bin/env bash
# run.sh [NAME…]: the end-to-end tests, several abreast; each has a directory,
# sockets and processes of its own.  Last line: their sum.  TESTS: those of
# another directory that are made alike.
set -u
cd "${TESTS:-$(dirname "$0")}" || exit 1
if [ $# -eq 0 ]; then
  for file in test_*.sh; do set -- "$@" "${file%.sh}"; done
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

run_one() { # NAME
  local start=$SECONDS
  bash "./$1.sh" >"$out/$1" 2>&1
  echo "(exit $?, $((SECONDS - start)) s)" >>"$out/$1"
}
export -f run_one
export out

# They wait more than they work: two for each core.
printf '%s\n' "$@" | xargs -P "$((2 * $(nproc)))" -I{} bash -c 'run_one {}'

passed=0 failed=0 skipped=0
for name in "$@"; do
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$out/$name" | tail -n 1)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
  else
    p=0 f=1 s=0 line='did not finish'
  fi
  echo "$name: $line $(tail -n 1 "$out/$name")"
  if [ "$f" -gt 0 ]; then cat "$out/$name"; else grep '^SKIPPED' "$out/$name"; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
