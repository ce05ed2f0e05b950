#!/usr/bin/env bash
# read_path.sh PROGRAM: a read of products parses no JSON, as a fact of the program.
#
# Follows calls (and addresses of functions that are taken) through the machine
# code, from where a request is picked up and from each handler of a read, which
# are called by table.  None of it may lead to a function that parses or scans
# JSON.  That the search finds such a way where there is one is seen at
# sync/status, which does parse what the daemon answers.  Calls through pointers
# in tables are not followed: the roots name what the one table there is holds.
# What runs is measured by tests/bench/read_path.sh.
set -eu
roots='fcgi_serve inventory_list inventory_product stats_get openapi_get'
counterproof=status_get
parsers='^(doc_|scan_|json_|product_read|page_read|event_read|.*_request_read|control_.*_read)'

# "caller callee", by addresses, since static functions may share a name; then "= address name".
calls() {
  objdump -d --no-show-raw-insn "$1" | awk '
    /^[0-9a-f]+ <.*>:$/ {
      at = $1; sub(/^0+/, "", at)
      name = substr($2, 2, length($2) - 3)
      print "=", at, name
      next
    }
    match($0, /[0-9a-f]+ <[^>]+>/) {
      split(substr($0, RSTART, RLENGTH), part, " ")
      target = part[2]
      # Into the middle of a function: its own loops, and ways back from its cold part.
      if (target ~ /\+0x/) next
      print at, part[1]
    }'
}

# What is reached from these functions: one name a line.
reached() { # FILE ROOT…
  local file=$1
  shift
  awk -v roots="$*" '
    $1 == "=" { name[$2] = $3; start[$3] = $2; next }
    { callees[$1] = callees[$1] " " $2 }
    END {
      n = split(roots, queue, " ")
      for (i = 1; i <= n; i++) {
        if (!(queue[i] in start)) { print "no function " queue[i] > "/dev/stderr"; exit 1 }
        queue[i] = start[queue[i]]
        seen[queue[i]] = 1
      }
      for (i = 1; i <= n; i++) {
        m = split(callees[queue[i]], next_ones, " ")
        for (k = 1; k <= m; k++)
          if (!(next_ones[k] in seen)) { seen[next_ones[k]] = 1; queue[++n] = next_ones[k] }
      }
      for (i = 1; i <= n; i++) print name[queue[i]]
    }' "$file"
}

graph=$(mktemp)
trap 'rm -f "$graph"' EXIT
calls "$1" >"$graph"
# shellcheck disable=SC2086 # one word each
found=$(reached "$graph" $roots)
if bad=$(grep -E "$parsers" <<<"$found"); then
  echo "a read of products can reach:"
  echo "$bad"
  exit 1
fi
if ! reached "$graph" "$counterproof" | grep -qx doc_parse; then
  echo "the search doesn't even find the way from $counterproof to doc_parse"
  exit 1
fi
echo "reads of products reach $(wc -l <<<"$found") functions, none of which parses"
