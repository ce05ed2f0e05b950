#!/usr/bin/env bash
# dist.sh DIRECTORY [BUILD]: store-api-VERSION.tar.gz there, of this tree.
#
# From a checkout: what git knows, as it is in the tree.  From an unpacked
# tarball: all files but those below build/ and BUILD.  The same files make the
# same bytes: names in order, one time (the commit's, or SOURCE_DATE_EPOCH; in a
# tarball's tree the one that all files have), nobody's name, two modes.
set -euo pipefail
export LC_ALL=C
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
tree=store-api-$(packaging/version.sh)

# Whoever makes it needn't own the checkout.
git() { command git -c safe.directory='*' "$@"; }

if [ -e .git ]; then
  git diff --quiet HEAD || echo 'dist: the tree is not what was committed last' >&2
  epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  files() { git ls-files -z; }
else
  epoch=${SOURCE_DATE_EPOCH:-$(stat -c %Y Makefile)}
  build=$(realpath -m --relative-to=. "${2:-build}")
  files() {
    find . \( -path ./build -o -path "./$build" -o -path ./compile_commands.json \) -prune -o \
      ! -type d -printf '%P\0'
  }
fi

files | sort -z | tar --create --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
  --mode='u=rwX,go=rX' --transform="s|^|$tree/|" --no-recursion --null --files-from=- |
  gzip -9n >"$out/$tree.tar.gz.new"
mv "$out/$tree.tar.gz.new" "$out/$tree.tar.gz"
