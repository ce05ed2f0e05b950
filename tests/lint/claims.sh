#!/usr/bin/env bash
# claims.sh: each test that SECURITY.md names is there, and each row of its tables names one.
#
# A name is `FILE: TEXT` in backquotes, of a file below tests/ and of what stands in it.  PAGE:
# another page than SECURITY.md, for the test of this script.  Prints what is wrong; the exit
# code says whether anything is.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
page=${PAGE:-SECURITY.md}
wrong=0

say() {
  wrong=1
  echo "$*"
}

# A name may go on in the next line.
# shellcheck disable=SC2016 # backquotes are meant
names() { tr '\n' ' ' <"$page" | grep -oE '`[a-zA-Z_/]+\.(c|md|py|sh|txt): [^`]+`' | tr -d '`' | sort -u; }

named=0
while IFS= read -r name; do
  named=$((named + 1))
  file=${name%%: *} text=${name#*: }
  found=$(find tests -path "tests/*/$file" -o -path "tests/$file")
  if [ "$(grep -c . <<<"$found")" -ne 1 ]; then
    say "$name: there is no such file, or several: $found"
  elif ! grep -qF -- "$text" "$found"; then
    say "$name: $found says no such thing"
  fi
done < <(names)
[ "$named" -gt 0 ] || say "$page names no tests"

# The title and the line below it are no claims.
while IFS= read -r row; do
  # shellcheck disable=SC2016 # backquotes are meant
  grep -qE '`[a-zA-Z_/]+\.(c|md|py|sh|txt): |nothing: it is as it is' <<<"$row" || say "no test is named for: $row"
done < <(awk '/^\|/ { if (++n > 2) print; next } { n = 0 }' "$page")
exit $wrong
