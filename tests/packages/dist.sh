#!/usr/bin/env bash
# dist.sh [--build]: the source tarball.
#
# Made twice it is the same bytes, also when it is made from an unpacked one, and
# holds what git knows; --build: what is in it builds and passes its own tests.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"

make=${MAKE:-make}
version=$("$root/packaging/version.sh")
tree=store-api-$version

dist() { # TREE NAME [COMMAND…]: $DIR/NAME is its tarball
  local from=$1 to=$DIR/$2
  shift 2
  mkdir "$DIR/out"
  "$@" "$from/packaging/dist.sh" "$DIR/out" >>"$DIR/dist.log" 2>&1 && mv "$DIR/out/$tree.tar.gz" "$to"
  rmdir "$DIR/out"
}

changed_umask() { (umask 0077 && TZ=Asia/Tokyo LANG=C.UTF-8 "$@"); }

dist "$root" first.tar.gz
dist "$root" second.tar.gz changed_umask
check 'two tarballs are the same' cmp "$DIR/first.tar.gz" "$DIR/second.tar.gz"

(umask 0027 && tar -C "$DIR" --no-same-permissions -xzf "$DIR/first.tar.gz")
mkdir "$DIR/$tree/build" && touch "$DIR/$tree/build/program"
dist "$DIR/$tree" third.tar.gz
check 'a tarball of an unpacked one is the same' cmp "$DIR/first.tar.gz" "$DIR/third.tar.gz"
rm -r "$DIR/$tree/build"

# Owners, modes and times as tar shows them; the tarball's own directory is nobody's entry.
tar --numeric-owner -tvzf "$DIR/first.tar.gz" >"$DIR/list"
is 'owners' "$(awk '{ print $2 }' "$DIR/list" | sort -u)" 0/0
is 'modes' "$(awk '{ print $1 }' "$DIR/list" | sort | uniq | paste -sd ' ')" '-rw-r--r-- -rwxr-xr-x'
is 'times' "$(awk '{ print $4, $5 }' "$DIR/list" | sort -u | wc -l)" 1
is 'one directory' "$(awk '{ print $6 }' "$DIR/list" | cut -d / -f 1 | sort -u)" "$tree"
if [ -e "$root/.git" ]; then
  is 'all that git knows' "$(cut -d / -f 2- <(awk '{ print $6 }' "$DIR/list"))" \
    "$(cd "$root" && git -c safe.directory='*' ls-files | LC_ALL=C sort)"
fi

builds() { $make -C "$DIR/$tree" --no-print-directory -j "$(nproc)" tests >>"$DIR/build.log" 2>&1; }
passes() { (cd "$DIR/$tree" && build/tests/unit >>"$DIR/unit.log" 2>&1); }
installs() { $make -C "$DIR/$tree" --no-print-directory install DESTDIR="$DIR/tree" >>"$DIR/build.log" 2>&1; }

if [ "${1-}" = --build ]; then
  check 'it builds' builds
  check 'its unit tests pass' passes
  check 'it installs' installs
  is 'its version' "$("$DIR/tree/usr/local/sbin/store-syncd" --version)" "store-syncd $version"
  dist "$DIR/$tree" fourth.tar.gz
  check 'what was built is not in its tarball' cmp "$DIR/first.tar.gz" "$DIR/fourth.tar.gz"
fi
