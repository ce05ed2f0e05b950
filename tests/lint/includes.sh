#!/usr/bin/env bash
# includes.sh [TREE]: the house's rules, checked on what the sources include.
#
#   1. A room includes its own headers and those of the rooms it stands on.
#   2. A foreign library's header stands in the one border file that the room
#      keeps for it (tests may include it where they test that border).
#   3. Every file below src/ and include/ is in a room.
#   4. A public header (below include/) includes no foreign library's header.
#   5. An include of ours names a header that exists, by its room: a public one,
#      or one of the room's own that stands beside its sources below src/.
#
# Prints a line for each offence and exits 1, or says how much was checked.
set -eu
cd "${1:-.}"

# room: rooms it may include beside itself
declare -A stands_on=(
  [base]=''
  [config]='base'
  [model]='base'
  [store]='base model'
  [metrics]='base model'
  [control]='base model'
  [health]='base model'
  [central]='base model'
  [rules]='base model'
  [sync]='base model rules store central control metrics'
  [api]='base model store control health metrics'
  [pool]='base api metrics'
  [tool]='base config model store metrics control health api'
  [main]='base config model store metrics control health central rules sync api pool tool'
)

# Public headers that a room which may include their room may not use all the same.
declare -A forbidden=(
  [api]='store/write.h control/server.h'
  [pool]='store/write.h'
  [tool]='store/write.h control/server.h'
)

# foreign header: the files that may include it
declare -A border=(
  [lmdb.h]='^src/store/'
  [json.h]='^src/model/doc\.c$'
  [json-c/json.h]='^src/model/doc\.c$'
  [curl/curl.h]='^src/central/http\.c$'
  [fcgiapp.h]='^src/pool/fcgi\.c$'
  [fcgi_stdio.h]='^$'
  [fcgios.h]='^$'
  [xxhash.h]='^src/base/hash\.c$'
  [microhttpd.h]='^tests/central/'
)

offences=0
offence() {
  echo "$1"
  offences=$((offences + 1))
}

check_ours() { # FILE ROOM HEADER
  local file=$1 room=$2 header=$3 other=${3%%/*}
  if [ -e "src/$header" ] && [ "$other" != "$room" ]; then
    offence "$file: $header is private to $other/"
  elif [ ! -e "include/$header" ] && [ ! -e "src/$header" ]; then
    offence "$file: there is no include/$header"
  elif [ "$other" != "$room" ] && [[ " ${stands_on[$room]} " != *" $other "* ]]; then
    offence "$file: $room/ does not stand on $other/, so it may not include $header"
  elif [[ " ${forbidden[$room]-} " == *" $header "* ]]; then
    offence "$file: $room/ may not use $header"
  fi
}

check_foreign() { # FILE HEADER
  local file=$1 header=$2
  [ -n "${border[$header]-}" ] || return 0
  if [[ $file == include/* ]]; then
    offence "$file: a public header shows a foreign library's $header"
  elif ! [[ $file =~ ${border[$header]} ]]; then
    offence "$file: $header belongs behind its border: ${border[$header]}"
  fi
}

files=0
while read -r file; do
  files=$((files + 1))
  room=$(cut -d / -f 2 <<<"$file")
  if [ -z "${stands_on[$room]+known}" ]; then
    offence "$file: there is no room '$room'; see the table in tests/lint/includes.sh"
    continue
  fi
  while read -r kind header; do
    case $kind in
    ours) check_ours "$file" "$room" "$header" ;;
    foreign) check_foreign "$file" "$header" ;;
    esac
  done < <(sed -nE 's/^ *# *include *"([^"]+)".*/ours \1/p; s/^ *# *include *<([^>]+)>.*/foreign \1/p' "$file")
done < <(find src include -name '*.[ch]' | sort)

if [ "$offences" -gt 0 ]; then
  echo "includes: $offences offences in $files files"
  exit 1
fi
echo "includes: $files files keep the rules of the house"
