#!/usr/bin/env bash
# run.sh [--afl] [--minutes N] [TARGET…]: fuzz, each target for four seconds, or all
# of them together for N minutes; two at a time.
#
# Wants the targets built (make fuzz-programs; with --afl: make fuzz-afl-programs)
# in $BUILD.  Seeds are those of tests/fuzz/corpus; what is found beside them is
# kept in $BUILD/corpus, an input that breaks something in $BUILD/found, what was
# said in $BUILD/log.  Last line: `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
with=libfuzzer minutes=0 seconds=4 abreast=2
while [ $# -gt 0 ]; do
  case $1 in
  --afl) with=afl ;;
  --minutes) minutes=$2 && shift ;;
  -*) sed -n 's/^# //; 2,3p' "$0" >&2 && exit 2 ;;
  *) break ;;
  esac
  shift
done
if [ "$with" = afl ]; then BUILD=${BUILD:-build/afl}; else BUILD=${BUILD:-build/fuzz}; fi
[ $# -gt 0 ] || mapfile -t all < <(basename -s .c tests/fuzz/fuzz_*.c | sed s/^fuzz_//)
[ $# -gt 0 ] || set -- "${all[@]}"
[ "$minutes" -eq 0 ] || seconds=$((minutes * 60 * abreast / $#))

# Directories of the targets' own; also those of a target that was broken.
TMPDIR=$(mktemp -d) && export TMPDIR
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$TMPDIR"' EXIT
trap 'exit 1' INT TERM
mkdir -p "$BUILD/log" "$BUILD/found"

dictionary() { # TARGET: of what it speaks
  case $1 in
  answer | config | request) echo "tests/fuzz/dict/$1.dict" ;;
  *) echo tests/fuzz/dict/json.dict ;;
  esac
}

libfuzzer() { # TARGET
  mkdir -p "$BUILD/corpus/$1"
  "$BUILD/tests/fuzz/$1" -max_total_time="$seconds" -timeout=60 -print_final_stats=1 \
    -artifact_prefix="$BUILD/found/$1-" -dict="$(dictionary "$1")" \
    "$BUILD/corpus/$1" "tests/fuzz/corpus/$1"
}

afl() { # TARGET
  local crashes
  AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 \
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
    afl-fuzz -V "$seconds" -t 10000 -i "tests/fuzz/corpus/$1" -o "$BUILD/found/$1" \
    -x "$(dictionary "$1")" -- "$BUILD/tests/fuzz/$1" || return 1
  sed -nE 's/^(execs_done|execs_per_sec) *: /stat::\1: /p' "$BUILD/found/$1/default/fuzzer_stats"
  crashes=("$BUILD/found/$1"/default/crashes/id*)
  [ ! -e "${crashes[0]}" ] || { echo "ERROR: see ${crashes[*]}" && return 1; }
}

for target; do
  while [ "$(jobs -rp | wc -l)" -ge "$abreast" ]; do wait -n; done
  { "$with" "$target" >"$BUILD/log/$target" 2>&1 </dev/null
    echo $? >"$TMPDIR/$target.exit"; } &
done
wait

passed=0 failed=0
for target; do
  log=$BUILD/log/$target
  printf '%-10s %s\n' "$target" \
    "$(sed -nE 's/^stat::(.*exec(s|uted)_.*|average_exec.*): +/\1 /p' "$log" | xargs)"
  if [ "$(cat "$TMPDIR/$target.exit")" = 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $target: see $log and $BUILD/found/"
    grep -E 'does not hold|ERROR|runtime error|Test unit written' "$log" | head -n 5
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
