#!/usr/bin/env bash
# version.sh              prints the version, which the Makefile decides
# version.sh --check      fails if another place that names it says something else
# version.sh NEW          writes it into the Makefile and those places
#
# The programs get it from the Makefile.  The first entry of a changelog is
# written by hand, and only looked at.
set -eu
cd "$(dirname "$0")/.."

pattern='[0-9]+\.[0-9]+\.[0-9]+'
makefile="^VERSION := ($pattern)$"

# FILE, expression around the version, whether it is written here or by hand.
places=(
  'Makefile' "$makefile" written
  'src/api/openapi.json' "\"version\": \"($pattern)\"" written
  'packaging/rpm/store-api.spec' "^Version: +($pattern)$" written
  'packaging/rpm/store-api.spec' "^\* .* - ($pattern)-[0-9]+$" by-hand
  'packaging/deb/changelog' "^store-api \(($pattern)-?[^)]*\)" by-hand
)

found() { # FILE EXPRESSION: the versions there
  sed -nE "s/.*${2#^}.*/\1/p" "$1"
}

current() { found Makefile "$makefile"; }

check() {
  local version bad=0 i file all
  version=$(current)
  for ((i = 0; i < ${#places[@]}; i += 3)); do
    file=${places[i]}
    [ -e "$file" ] || continue
    all=$(found "$file" "${places[i + 1]}")
    [ "${places[i + 2]}" = written ] || all=$(head -n 1 <<<"$all")
    [ "$(sort -u <<<"$all")" = "$version" ] && continue
    echo "$file: ${all:-no version}, not $version as in the Makefile"
    bad=1
  done
  return "$bad"
}

write() { # NEW
  local i
  [[ $1 =~ ^$pattern$ ]] || { echo "version.sh: $1 is no version like 1.2.3" >&2; exit 2; }
  for ((i = 0; i < ${#places[@]}; i += 3)); do
    [ "${places[i + 2]}" = written ] || continue
    sed -E -i "/${places[i + 1]//\//\\/}/s/$pattern/$1/" "${places[i]}"
  done
  check || echo "The changelogs want an entry each."
}

case ${1-} in
'') current ;;
--check) check ;;
*) write "$1" ;;
esac
