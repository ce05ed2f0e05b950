#!/usr/bin/env bash
# run.sh: runs the suites with programs that count, and tells which lines of src
# none of them reached.
#
# Wants the tree of `make coverage` in $BUILD.  Leaves there report.txt, html/ for
# looking at, and each suite's output in coverage-NAME.log.  Whether an unreached
# line is explained is judge.py's to say.  Last line: `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/coverage}
[ "${BUILD:0:1}" = / ] || BUILD=$PWD/$BUILD
export BUILD HOOKS=$BUILD
failed_suites=0

# All counters at nothing; programs that run as other users write them too.
find "$BUILD/obj" -name '*.gcda' -delete
find "$BUILD/obj/" -name '*.gcno' | sed 's/gcno$/gcda/' | while read -r file; do : >"$file"; done
find "$BUILD/obj" -type d -exec chmod a+rwx {} + -o -name '*.gcda' -exec chmod a+rw {} +

suite() { # NAME command…
  local name=$1 start=$SECONDS how=passed
  shift
  "$@" >"$BUILD/coverage-$name.log" 2>&1 </dev/null || {
    how="FAILED: see $BUILD/coverage-$name.log"
    failed_suites=$((failed_suites + 1))
  }
  echo "$name: $how ($((SECONDS - start)) s)"
}

replay() { # each target over its corpus
  local target failed=0
  for target in "$BUILD"/tests/fuzz/*; do
    "$target" "tests/fuzz/corpus/${target##*/}" || failed=1
  done
  return $failed
}

suite unit "$BUILD/tests/unit"
suite hostile "$BUILD/tests/hostile" --count 20000
suite fuzz replay
# Programs that count are slower, which nothing is promised of.
suite e2e env SLOWER=3 tests/e2e/run.sh
suite faults env TESTS=tests/faults tests/e2e/run.sh
suite property "$BUILD/tests/property" --build "$BUILD" --histories 40 --abreast 4

mkdir -p "$BUILD/html"
gcovr --root . --filter src/ --object-directory "$BUILD/obj" --json "$BUILD/lines.json" \
  --html-details "$BUILD/html/index.html" "$BUILD/obj" >"$BUILD/gcovr.log" 2>&1 || {
  tail -n 5 "$BUILD/gcovr.log"
  exit 1
}
/usr/bin/python3 tests/coverage/judge.py "$BUILD/lines.json" tests/coverage/unreached.txt \
  "$BUILD/report.txt" "$failed_suites"
