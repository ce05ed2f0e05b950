#!/usr/bin/env bash
# lint.sh: everything that is checked without running our programs.
#
# Wants the built tree in $BUILD (for the symbols of the programs) and the
# package list of `make check`.  Last line: `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
passed=0 failed=0

step() { # NAME command…: shows its output only if it fails
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n%s\n' "$name" "$out"
  fi
}

our_c() { printf '%s\n' src/*/*.[ch] include/*/*.h tests/*/*.[ch] tests/unit/*/*.[ch]; }
our_sources() { printf '%s\n' src/*/*.c; }
our_shell() { grep -rlE '^#!.*sh$|^# shellcheck shell' tests packaging conf .ci | sort; }

format() { our_c | xargs clang-format --dry-run -Werror; }
shell() { our_shell | xargs shellcheck -x -s bash; }
clang_tidy() { our_sources | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p . 2>/dev/null; }
cpp_check() {
  cppcheck -q -j "$(nproc)" --std=c11 -Iinclude -Isrc -D_GNU_SOURCE -DSTORE_API_VERSION='""' \
    -DCONFIG_DIR='""' -DSTATE_DIR='""' -DRUN_STATE_DIR='""' --error-exitcode=1 --inline-suppr --enable=warning,portability,performance src
}

# What the responders must not be able to do is a fact of their link line.
responder_links() {
  local symbols libraries
  symbols=$(nm "$BUILD/store-api.fcgi") && libraries=$(objdump -p "$BUILD/store-api.fcgi") || return 1
  ! grep -E ' (mdb_put|mdb_del|mdb_drop|curl_[a-z_]+)(@|$)' <<<"$symbols" &&
    ! grep -E 'NEEDED.*(libcurl|libcrypto)' <<<"$libraries"
}
tool_links() {
  local symbols
  symbols=$(nm "$BUILD/storectl") && ! grep -E ' (mdb_put|mdb_del|mdb_drop|curl_[a-z_]+|FCGX_[A-Za-z_]+)(@|$)' <<<"$symbols"
}
daemon_links() { ! objdump -p "$BUILD/store-syncd" | grep -E 'NEEDED.*libfcgi'; }

# Time can be bent in test builds only.
no_test_hooks() { ! strings "$BUILD/store-api.fcgi" "$BUILD/store-syncd" "$BUILD/storectl" | grep -E 'STORE_API_(TIME_SCALE|MUTANT)'; }

# Manual pages: mandoc has nothing to say, but that others aren't installed here; and a text
# beside one of them is of the same words.
manual() {
  ! mandoc -T lint packaging/common/*.[1578] | grep -v 'STYLE: referenced manual not found' | grep .
}
manual_text() {
  local text
  for text in packaging/common/*.txt; do
    packaging/man-text.sh "${text%.txt}" | diff - "$text" || { echo "make man-text"; return 1; }
  done
}

no_leftovers() { ! grep -rnE '\b(TODO|FIXME|XXX|HACK)\b' src include conf packaging tests --exclude-dir=lint; }
sizes() {
  local bad
  bad=$(our_c | grep -v '^tests/unit/' | xargs wc -l | awk '$2 != "total" && $1 > 500')
  [ -z "$bad" ] || { echo "files over 500 lines:"; echo "$bad"; return 1; }
  bad=$(our_sources | xargs awk '
    FNR == 1 { start = 0 }
    /^\{/ { start = FNR }
    /^\}/ { if (start && FNR - start > 80) print FILENAME ":" start; start = 0 }')
  [ -z "$bad" ] || { echo "functions over 80 lines:"; echo "$bad"; return 1; }
}

step 'includes' tests/lint/includes.sh
step 'each include rule can fail' tests/lint/test_includes.sh
step 'responder links no writer and no curl' responder_links
step 'daemon links no FastCGI' daemon_links
step 'storectl links no writer, no curl and no FastCGI' tool_links
step 'a read of products parses no JSON' tests/lint/read_path.sh "$BUILD/store-api.fcgi"
step 'no test hooks in the programs' no_test_hooks
step 'programs are hardened' tests/lint/hardening.sh --build "$BUILD" "$BUILD"/store-{api.fcgi,syncd} "$BUILD/storectl"
step 'each rule of hardening can fail' tests/lint/test_hardening.sh
step 'one version everywhere' packaging/version.sh --check
step 'nothing left behind' no_leftovers
step 'sizes of files and functions' sizes
step 'manual pages' manual
step 'manual pages as text' manual_text
step 'manual pages and programs agree' tests/lint/pages.sh
step 'each rule of manual pages can fail' tests/lint/test_pages.sh
step 'SECURITY.md names tests that are there' tests/lint/claims.sh
step 'each rule of its claims can fail' tests/lint/test_claims.sh
step 'clang-format' format
step 'shellcheck' shell
step 'cppcheck' cpp_check
step 'clang-tidy' clang_tidy

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
