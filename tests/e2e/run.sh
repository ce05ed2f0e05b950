#!/usr/bin/env bash
# run.sh [NAME…]: the end-to-end tests, several abreast; each has a directory,
# sockets and processes of its own.  Last line: their sum.  TESTS: those of
# another directory that are made alike.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "${TESTS:-$(dirname "$0")}" || exit 1
every=
if [ $# -eq 0 ]; then
  [ -n "${TESTS-}" ] || every=yes
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
export out ANSWERED=$out/answered
: >"$ANSWERED"

# Each error of the API came over HTTP: those of the table that answers are made from, which
# are those that the description names.
errors() {
  sed -nE 's/^\t\[PROBLEM_.*= \{ ([0-9]+), "([a-z_]+)".*/\1 \2/p' "$top/src/api/problem.c" | sort
}
described() { jq -r '.components.schemas.ErrorCode.enum[]' "$top/src/api/openapi.json"; }
look_for_errors() {
  local error
  while read -r error; do
    if grep -qx "$error" "$ANSWERED"; then
      passed=$((passed + 1))
    elif grep -qx "$error skipped" "$ANSWERED"; then
      skipped=$((skipped + 1))
    else
      failed=$((failed + 1))
      echo "FAILED: some test is answered $error"
    fi
  done < <(errors)
  if [ "$(errors | cut -d ' ' -f 2 | sort -u)" = "$(described | sort)" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo 'FAILED: the errors of src/api/problem.c are those of src/api/openapi.json'
  fi
}

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
[ -z "$every" ] || look_for_errors
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
