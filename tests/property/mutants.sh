#!/usr/bin/env bash
# mutants.sh BUILD [rules]: each deliberate fault of mutants.txt must be caught
# within 500 histories and seen as it says there, and without any of them all must
# pass.  Last line: N passed, N failed.
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
  walk) STORE_API_MUTANT=$2 "$build/tests/unit" rules_walk | sed -n 's/.*Test \(.*\) had failures.*/history: \1/p' ;;
  daemon) "$build/tests/property" --build "$build" --histories 500 --abreast 10 --mutant "$2" ;;
  esac 2>&1
}

none=$(run rules '')
if grep -q '^history' <<<"$none"; then
  verdict none escaped "the rules fail without a fault: $(grep '^history' <<<"$none" | head -n 1)"
else
  verdict none caught 'passes'
fi
while IFS=$'\t' read -r kind name sign what; do
  case $kind in rules | walk | daemon) ;; *) continue ;; esac
  [ "$only" = rules ] && [ "$kind" = daemon ] && continue
  reason=$(run "$kind" "$name" | grep -E '^(history|FAILED)' | head -n 1 | cut -c 1-120)
  number=$(sed -nE 's/^(history |FAILED seed=)([0-9]+).*/\2/p' <<<"$reason")
  if [ -z "$reason" ]; then
    verdict "$name" escaped "($what)"
  elif [ "${number:-0}" -gt 500 ]; then
    verdict "$name" escaped "($what) for too long: $reason"
  elif ! grep -qE "$sign" <<<"$reason"; then
    verdict "$name" escaped "($what); what was seen is something else: $reason"
  else
    verdict "$name" caught "($what): $reason"
  fi
done <tests/property/mutants.txt
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
