#!/usr/bin/env bash
# build.sh DIRECTORY [rpmbuild's options…]: source and binary packages into it, from
# a new tarball of this tree.
#
# On Debian, where rpm knows of no installed package, what it needs isn't looked for;
# what is built there shows that the spec file is right, and is for no other system.
set -euo pipefail
mkdir -p "$1"
top=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/../.."

mkdir -p "$top/SOURCES" "$top/SPECS"
packaging/dist.sh "$top/SOURCES"
cp packaging/rpm/store-api.spec "$top/SPECS/"

rpm -q rpm >/dev/null 2>&1 || set -- --nodeps "$@"

# The same tree gives the same packages: no time and no name of the machine in them.
SOURCE_DATE_EPOCH=$(tar --full-time -tvzf "$top/SOURCES"/store-api-*.tar.gz | awk 'NR == 1 { print $4, $5 }' |
  TZ=UTC xargs -I{} date -d {} +%s)
export SOURCE_DATE_EPOCH
rpmbuild -ba --define "_topdir $top" --define '_buildhost localhost' \
  --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
  "$@" "$top/SPECS/store-api.spec"
