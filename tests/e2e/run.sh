#!/usr/bin/env bash
# run.sh [NAME…]: the end-to-end tests, several abreast; each has a directory,
# sockets and processes of its own.  Last line: their sum.
set -u
cd "$(dirname "$0")" || exit 1
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

passed=0 failed=0
for name in "$@"; do
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$out/$name" | tail -n 1)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]}
  else
    p=0 f=1 line='did not finish'
  fi
  echo "$name: $line $(tail -n 1 "$out/$name")"
  [ "$f" -eq 0 ] || cat "$out/$name"
  passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
