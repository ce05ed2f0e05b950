#!/usr/bin/env bash
# mutants.sh BUILD [rules]: each deliberate fault of mutants.txt must be caught,
# and without any of them all must pass.  Last line: N passed, N failed.
# "rules": only those that the rules' own histories catch; they take seconds.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${1:?usage: mutants.sh BUILD [rules]}
only=${2-}
passed=0 failed=0

verdict() { # NAME caught|escaped WHY
  if [ "$2" = caught ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-30s %s %s\n' "$1" "$2" "$3"
}

run() { # KIND MUTANT: its output
  case $1 in
  rules) STORE_API_MUTANT=$2 "$build/tests/unit" rules_history ;;
  daemon) "$build/tests/property" --build "$build" --histories 500 --abreast 10 --mutant "$2" ;;
  esac 2>&1
}

none=$(run rules '')
if grep -q '^history' <<<"$none"; then
  verdict none escaped "the rules fail without a fault: $(grep '^history' <<<"$none" | head -n 1)"
else
  verdict none caught 'passes'
fi
while IFS=$'\t' read -r kind name what; do
  case $kind in rules | daemon) ;; *) continue ;; esac
  [ -z "$only" ] || [ "$only" = "$kind" ] || continue
  reason=$(run "$kind" "$name" | grep -E '^(history|FAILED)' | head -n 1 | cut -c 1-120)
  if [ -n "$reason" ]; then verdict "$name" caught "($what): $reason"; else verdict "$name" escaped "($what)"; fi
done <tests/property/mutants.txt
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
