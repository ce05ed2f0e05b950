#!/usr/bin/env bash
# test_includes.sh: each rule of includes.sh fails when it is broken.
#
# One small offence at a time in a copy of the tree's sources.
set -eu
cd "$(dirname "$0")/../.."
lint=$PWD/tests/lint/includes.sh
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
passed=0 failed=0

offend() { # NAME FILE LINE EXPECTED: adds the line to the file and wants that complaint
  rm -rf "${copy:?}/src" "$copy/include"
  cp -r src include "$copy/"
  mkdir -p "$copy/$(dirname "$2")"
  printf '%s\n' "$3" >>"$copy/$2"
  if out=$("$lint" "$copy") || ! grep -qF "$4" <<<"$out"; then
    echo "FAILED: $1: not noticed; includes.sh said: $out"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}

room_may_not() { # ROOM HEADER
  offend "$1 may not include $2" "src/$1/offence.c" "#include \"$2\"" \
    "$1/ does not stand on ${2%%/*}/"
}

# Each room once, with a header of a room that it does not stand on.
room_may_not base model/doc.h
room_may_not config model/doc.h
room_may_not model store/read.h
room_may_not store metrics/metrics.h
room_may_not metrics store/read.h
room_may_not control store/read.h
room_may_not health store/read.h
room_may_not central store/write.h
room_may_not rules store/read.h
room_may_not sync config/config.h
room_may_not api config/config.h
room_may_not pool store/read.h
room_may_not tool sync/engine.h

offend 'api may not write' src/api/offence.c '#include "store/write.h"' 'api/ may not use store/write.h'
offend 'api has no server end' src/api/offence.c '#include "control/server.h"' 'may not use control/server.h'
offend 'lmdb.h in store alone' src/sync/offence.c '#include <lmdb.h>' 'lmdb.h belongs behind its border'
offend 'curl.h in one file' src/central/offence.c '#include <curl/curl.h>' 'curl/curl.h belongs behind'
offend 'json.h in one file' src/model/offence.c '#include <json.h>' 'json.h belongs behind'
offend 'fcgiapp.h in one file' src/pool/offence.c '#include <fcgiapp.h>' 'fcgiapp.h belongs behind'
offend 'fcgi_stdio.h nowhere' src/pool/fcgi.c '#include <fcgi_stdio.h>' 'fcgi_stdio.h belongs behind'
offend 'xxhash.h in one file' src/store/read.c '#include <xxhash.h>' 'xxhash.h belongs behind'
offend 'no foreign header in a public one' include/store/read.h '#include <lmdb.h>' \
  'a public header shows'
offend 'private headers stay private' src/api/offence.c '#include "store/generation.h"' \
  'store/generation.h is private to store/'
offend 'no room of that name' src/attic/x.c 'int x;' "there is no room 'attic'"
offend 'no header of that name' src/base/offence.c '#include "base/nowhere.h"' \
  'there is no include/base/nowhere.h'
offend 'by room, not beside' src/base/offence.c '#include "buf.h"' 'there is no include/buf.h'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
