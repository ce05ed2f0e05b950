#!/bin/sh
# write_load.sh DIRECTORY ID: sends one stock update after the other until DIRECTORY/end is there,
# each of one piece less, with the version that the store shows.  Runs inside the trees.
#
# A line in DIRECTORY/writes for each: status, and `details.outcome` where there is one.
set -u
api=http://127.0.0.1/v1/store/inventory n=0

field() { # NAME: out of an answer on stdin
  sed -n "s/.*\"$1\":\"\{0,1\}\([a-z_0-9]*\).*/\1/p"
}
ask() { curl -s -m 20 -H 'X-API-Key: demo' "$@"; }

while [ ! -e "$1/end" ]; do
  n=$((n + 1))
  version=$(ask "$api/$2" | field version)
  answer=$(ask -w ' %{http_code}' "$api/updates" \
    -d "{\"productId\":\"$2\",\"delta\":-1,\"version\":${version:-0},\"idempotencyKey\":\"load-$n\"}")
  echo "${answer##* } $(echo "$answer" | field outcome)"
done >"$1/writes"
