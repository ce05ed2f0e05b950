#!/usr/bin/env bash
# test_claims.sh: each rule of claims.sh fails when it is broken.
# shellcheck disable=SC2016 # backquotes are meant
set -eu
cd "$(dirname "$0")/../.."
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
passed=0 failed=0

edited() { # NAME SED EXPECTED
  sed "$2" SECURITY.md >"$copy"
  if out=$(PAGE=$copy tests/lint/claims.sh 2>&1) || ! grep -qF -- "$3" <<<"$out"; then
    echo "FAILED: $1: not noticed; claims.sh said: $out"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}

edited 'a file that is not there' 's/`test_log\.c: /`test_lag.c: /' 'test_lag.c: nothing_reaches_a_terminal_but_text: there is no such file'
edited 'one of several' 's|`rules/test_forward\.c|`test_forward.c|' 'or several'
edited 'a test that is not there' 's/has_limits/has_no_limits/' 'test_path.c: has_no_limits: '
edited 'half of a name in the next line' 's/pool opens no$/pool opens a/' 'the pool opens a socket of a network: '
edited 'a row without a test' '/^| a product; its id/s/`[^`]*`/none/g' 'no test is named for: | a product'
edited 'no tests at all' 's/`//g' 'names no tests'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
