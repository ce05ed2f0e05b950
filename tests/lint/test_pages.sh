#!/usr/bin/env bash
# test_pages.sh: each rule of pages.sh fails when it is broken.
#
# One small offence at a time in a copy of the pages, or beside the programs.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
passed=0 failed=0

fresh() {
  rm -rf "${copy:?}/pages" "$copy/build"
  mkdir "$copy/pages" "$copy/build"
  cp packaging/common/*.[1578] "$copy/pages/"
  find "$build" -maxdepth 1 -type f -executable -exec ln -t "$copy/build" {} + 2>/dev/null ||
    find "$build" -maxdepth 1 -type f -executable -exec cp -t "$copy/build" {} +
}

noticed() { # NAME EXPECTED
  if out=$(BUILD=$copy/build PAGES=$copy/pages tests/lint/pages.sh 2>&1) || ! grep -qF -- "$2" <<<"$out"; then
    echo "FAILED: $1: not noticed; pages.sh said: $out"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}

edited() { # NAME PAGE SED EXPECTED
  fresh
  sed -i "$3" "$copy/pages/$2"
  noticed "$1" "$4"
}

pool=store-api.fcgi.8 settings=store-api.conf.5
edited 'an option is missing' $pool '/Fl -check-config$/d' "$pool: option: not in the page: --check-config"
edited 'an option too many' $pool 's/^\.It Fl -help/.It Fl -helm/' "$pool: option: only in the page: --helm"
edited 'an exit code is missing' $pool '/^\.It 71/,+1d' "$pool: exit code: not in the page: 71"
edited 'an exit code too many' $pool 's/^\.It 71/.It 70/' "$pool: exit code: only in the page: 70"
edited 'a setting is missing' $settings '/^\.It Cm LOG_LEVEL/,/^\.D1/d' 'not in the page: LOG_LEVEL '
edited 'a setting too many' $settings 's/^\.It Cm LOG_LEVEL/.It Cm LOG_LEVEL_X/' 'only in the page: LOG_LEVEL_X '
edited 'another default' $settings 's/default: 16;/default: 17;/' \
  'settings of the pool: only in the page: POOL_THREADS allowed: 2 to 256; default: 17;'
edited 'other values' $settings 's/2 to 256/2 to 255/' 'not in the page: POOL_THREADS allowed: 2 to 256;'
edited 'another way to change it' $settings 's/\(2 to 256.*\)restart/\1reload/' 'not in the page: POOL_THREADS'
edited 'in the part of another program' $settings 's/^\.Sh SETTINGS OF THE POOL/.Sh OTHERS/' \
  'settings of the pool: not in the page: POOL_THREADS'
edited 'no reference' $pool '/^\.Xr store-api\.conf 5/d' "$pool: reference: not in the page: $settings"
edited 'a reference to nowhere' $pool 's/^\.Xr store-api 7/.Xr store-api 3/' 'only in the page: store-api.3'
edited 'a command is missing' storectl.1 '/^\.It Cm doctor/d' 'storectl.1: command: not in the page: doctor'
edited 'a command too many' storectl.1 's/^\.It Cm doctor/.It Cm nurse/' 'command: only in the page: nurse'

fresh
rm "$copy/pages/$pool"
noticed 'a program without a page' 'store-api.fcgi has no page'
fresh
rm "$copy/build/store-syncd"
noticed 'a page without a program' 'store-syncd.8: there is no such program'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
