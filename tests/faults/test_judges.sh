# Who judges what is seen under faults and in the soak: each of the rules can fail.
# shellcheck shell=bash source=tests/faults/lib.sh
. "$(dirname "$0")/lib.sh"
add_counts < <(/usr/bin/python3 "$root/tests/faults/judges.py")
