#!/usr/bin/env bash
# build.sh DIRECTORY [VERSION]: store-api_VERSION_ARCH.deb there, of what git knows (or a
# tarball's tree), built with dpkg-buildpackage in a tree of its own below it.
#
# The same tree makes the same bytes: times are the changelog's.  VERSION other than the
# changelog's: for tests of upgrades.  DEB_BUILD_OPTIONS=nocheck leaves the unit tests out.
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
work=$(mktemp -d "$out/tree.XXXXXX")
trap 'rm -rf "$work"' EXIT

packaging/dist.sh "$work"
tar -xzf "$work"/store-api-*.tar.gz -C "$work"
cd "$work"/store-api-*/
cp -r packaging/deb debian
if [ $# -gt 1 ]; then
  sed -i "1s/(.*)/($2)/" debian/changelog
fi
dpkg-buildpackage --build=binary --no-sign
mv "$work"/*.deb "$work"/*.buildinfo "$work"/*.changes "$out/"
