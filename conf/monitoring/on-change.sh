#!/bin/sh
# on-change.sh STATE_FILE COMMAND…: runs a check, and passes on what it says only when its exit code is
# another one than the last time: for cron, which sends a mail of whatever a job prints.
#
# Without STATE_FILE (the first time, or after a reboot if it lies in /run) all was well.  Where it can't
# be written, every run says so.
set -u
file=$1
shift

said=$("$@" 2>&1)
code=$?
last=$(cat "$file" 2>/dev/null) || last=0
[ "$code" != "$last" ] || exit 0
printf '%s\n' "$said"
echo "$code" >"$file.new" && mv "$file.new" "$file"
