#!/usr/bin/env bash
# check.sh [--deep | --packages] [SUITE…]: builds everything and runs every suite,
# or only those that are named.
#
# Each suite ends with `N passed, N failed[, N skipped]` or a CUnit summary and
# is followed here by its seconds; its whole output is in build/check/NAME.log.
# The last line is the sum.  A suite that ends without such a line, or with a
# bad exit code and no failure counted, is one failure.
#
# --deep: what needs longer, beside all that.  --packages: only what looks at what is
# installed, and installs the packages in trees of their own.  Variants are built
# beside each other: build/ (gcc), build/clang, build/asan, build/fuzz,
# build/hooks.
set -u
cd "$(dirname "$0")/.." || exit 1
make=${MAKE:-make}
logs=build/check
mkdir -p "$logs"
which=
case ${1-} in --*) which=$1 && shift ;; esac
only=" $* "
total_passed=0 total_failed=0 total_skipped=0
jobs=$(nproc)

numbers() { # LOG: "passed failed skipped" of its closing line
  awk '
    /^[0-9]+ passed, [0-9]+ failed/ { p = $1; f = $3; s = ($5 != "" ? $5 : 0); seen = 1 }
    /^ +tests +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+/ { p = $4; f = $5; s = 0; seen = 1 }
    END { if (seen) print p, f, s }' "$1"
}

suite() { # NAME command…
  local name=$1 start=$SECONDS status p f s
  [[ $only = *[^\ ]* && $only != *" $name "* ]] && return
  shift
  "$@" >"$logs/$name.log" 2>&1 </dev/null
  status=$?
  read -r p f s < <(numbers "$logs/$name.log") || { p=0 f=0 s=0; }
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ] || [ $((p + f + s)) -eq 0 ]; then
    f=$((f + 1))
  fi
  total_passed=$((total_passed + p)) total_failed=$((total_failed + f))
  total_skipped=$((total_skipped + s))
  printf '%-22s %5d passed, %d failed, %d skipped  (%d s)\n' "$name" "$p" "$f" "$s" \
    $((SECONDS - start))
  if [ "$f" -gt 0 ]; then
    echo "--- $logs/$name.log"
    grep -nE 'FAILED|[Ee]rror|FAIL|runtime error|Sanitizer' "$logs/$name.log" | head -n 40
    echo "--- its end"
    tail -n 25 "$logs/$name.log"
    echo "---"
  fi
}

build() { # what, make arguments…: counts as one test, since warnings are errors
  $make --no-print-directory -j "$jobs" "$@" && echo '1 passed, 0 failed'
}

# Where there is no descriptor left valgrind accepts a connection all the same, and closes it.
unit_valgrind() {
  mapfile -t wanted < <("$1"/tests/unit --list | grep -v '^control_server/accepts_nobody')
  valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \
    --child-silent-after-fork=yes "$1"/tests/unit "${wanted[@]}"
}

# Without what it has for debuggers, which valgrind may not be able to read of clang.
keys_valgrind() { # BUILD
  strip -g -o "$1/tests/unit-stripped" "$1/tests/unit" &&
    valgrind -q --error-exitcode=99 "$1/tests/unit-stripped" api_key
}

hardening() { # BUILD
  tests/lint/hardening.sh --build "$1" "$1"/store-api.fcgi "$1"/store-syncd "$1"/storectl && echo '1 passed, 0 failed'
}

# Under checkers what is waited for may take longer, but not what is promised within a time.  So
# valgrind, some twenty times as slow, has those tests that pass in spite of that and want neither
# other users (who can't run its scripts) nor a build of their own; tests/README.md names the rest.
with_valgrind=(test_smoke test_reads test_headers test_config test_start test_sync test_backup
  test_logs test_removed test_stop_daemon test_writes test_force test_connections
  test_slow_clients test_stop_pool test_errors test_smuggling)
of_the_pool=(test_smoke test_reads test_rest test_headers test_writes test_force test_load
  test_connections test_slow_clients test_stop_pool test_start test_config)

# Its signals wait until a lock that is waited for is had: what ends the daemon then can't be tried.
unit_thread() {
  mapfile -t wanted < <(build/tsan/tests/unit --list | grep -vE '^store_watchdog/(a_held_lock|a_lock_that)')
  "${tsan[@]}" build/tsan/tests/unit "${wanted[@]}"
}

asan=(env ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1)
tsan=(env TSAN_OPTIONS=suppressions="$PWD/tests/thread.supp")

packages() { # what `make install` and `make dist` leave
  suite dist tests/packages/dist.sh
  suite units tests/packages/units.sh
  suite install tests/packages/install.sh
  suite container tests/packages/container.sh
}

packages_in_trees() {
  suite deb tests/packages/deb.sh
  suite rpm tests/packages/rpm.sh
  suite image tests/packages/image.sh
}

total() { # the last line
  local skipped=
  [ "$total_skipped" -eq 0 ] || skipped=", $total_skipped skipped"
  echo "seconds: $SECONDS"
  echo "$total_passed passed, $total_failed failed$skipped"
  [ "$total_failed" -eq 0 ]
}

if [ "$which" = --packages ]; then
  suite build build demo-programs
  packages
  packages_in_trees
  total
  exit
fi

suite build-gcc build tests compile_commands.json
suite lint tests/lint/lint.sh
suite unit-gcc build/tests/unit
suite keys-valgrind keys_valgrind build
suite read-path tests/bench/read_path.sh
suite hostile build/tests/hostile
suite wire tests/central/test_wire.sh build/tests/central
suite build-hooks build tests TEST_HOOKS=1 BUILD=build/hooks
suite e2e tests/e2e/run.sh
suite faults env TESTS=tests/faults tests/e2e/run.sh
packages
suite pool-memory tests/bench/pool_memory.sh 50000
suite build-clang build tests BUILD=build/clang CC=clang
suite unit-clang build/clang/tests/unit
suite keys-valgrind-clang keys_valgrind build/clang
suite hardening-clang hardening build/clang
suite build-sanitizers build tests BUILD=build/asan SANITIZE=address,undefined
suite unit-sanitizers "${asan[@]}" build/asan/tests/unit
suite hostile-sanitizers "${asan[@]}" build/asan/tests/hostile --count 20000
suite e2e-sanitizers "${asan[@]}" BUILD="$PWD/build/asan" tests/e2e/run.sh test_smoke

suite build-fuzz build fuzz-programs
suite fuzz tests/fuzz/run.sh
suite soak env BUILD=build/hooks STORE_API_TIME_SCALE=5 OUT=build/soak/check tests/faults/soak.sh 36
suite property build/hooks/tests/property --build build/hooks --histories 200 --abreast 10
suite mutants-rules tests/property/mutants.sh build/hooks rules

if [ "$which" = --deep ]; then
  # Faults, many times.
  suite faults-long env FAULTS_DEEP=1 TESTS=tests/faults tests/e2e/run.sh test_kills test_network \
    test_files test_limits test_bits
  suite power-cuts env POWERCUT_STEPS=3000 POWERCUT_WRITES=300 POWERCUT_SOME=3 \
    POWERCUT_SEED="$(date +%s)" TESTS=tests/faults tests/e2e/run.sh test_powercut
  suite e2e-load env LOAD_ROUNDS=20 tests/e2e/run.sh test_load
  suite e2e-kept-long env KEPT_REQUESTS=1000000 tests/e2e/run.sh test_connections
  suite pool-memory-long tests/bench/pool_memory.sh 1000000
  # The engine's histories, and what they catch.
  suite histories-long build/hooks/tests/property --build build/hooks --histories 2000 --abreast 10 \
    --seed "$(date +%s)" --keep
  suite mutants tests/property/mutants.sh build/hooks
  # Broken input.
  suite fuzz-long env BUILD=build/fuzz tests/fuzz/run.sh --minutes 15
  suite hostile-long "${asan[@]}" build/asan/tests/hostile --count 1000000 --seed "$(date +%s)"
  # Under checkers.
  suite e2e-sanitizers-all "${asan[@]}" SLOWER=3 BUILD="$PWD/build/asan" tests/e2e/run.sh
  suite build-thread build tests BUILD=build/tsan SANITIZE=thread
  suite unit-thread unit_thread
  suite e2e-thread "${tsan[@]}" SLOWER=3 BUILD="$PWD/build/tsan" tests/e2e/run.sh \
    "${of_the_pool[@]}"
  suite unit-valgrind unit_valgrind build
  suite e2e-valgrind env UNDER='valgrind -q --error-exitcode=99' SLOWER=10 tests/e2e/run.sh \
    "${with_valgrind[@]}"
  # What is installed.
  suite dist-builds tests/packages/dist.sh --build
  suite install-builds tests/packages/install.sh --build
  packages_in_trees
fi

total
