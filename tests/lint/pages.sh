#!/usr/bin/env bash
# pages.sh: manual pages and programs agree.
#
#   each program in $BUILD has a page, and each page of sections 1 and 8 a program
#   each option, command and exit code of --help is in the page, and the reverse
#   each setting is in store-api.conf(5) with the facts of --help, word for word,
#   in the part of the programs that use it, and the reverse
#   each page refers to all the others, and to none of ours that isn't there
#
# PAGES: another folder than packaging/common, for the test of this script.
# Prints what is wrong; the exit code says whether anything is.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
PAGES=${PAGES:-packaging/common}
wrong=0

say() {
  wrong=1
  echo "$*"
}

differ() { # WHAT A B, with a word a line: those that only one of them has
  local word
  while read -r word; do [ -z "$word" ] || say "$1: not in the page: $word"; done < <(comm -23 <(echo "$2") <(echo "$3"))
  while read -r word; do [ -z "$word" ] || say "$1: only in the page: $word"; done < <(comm -13 <(echo "$2") <(echo "$3"))
}

# ---- programs ----

commands_of() { "$BUILD/$1" --help | sed -n '/^Commands/,/^Settings/s/^  \([a-z]\+\) .*/\1/p' | sort -u; }

# All that a program says of itself without the settings, also where it works as
# something else ("see --check --help") and of each of its commands.
help_of() {
  local text modes mode command
  text=$("$BUILD/$1" --help | sed '/^Settings, /,$d')
  modes=$(grep -oE -- '--[a-z]+ --help' <<<"$text" | cut -d ' ' -f 1)
  echo "$text"
  for mode in $modes; do "$BUILD/$1" "$mode" --help; done
  for command in $(commands_of "$1"); do "$BUILD/$1" help "$command"; done
}

options_of() { help_of "$1" | grep -oE -- "(^|[[ (,|'])--?[a-zA-Z][a-z-]*" | sed 's/^[^-]*//' | sort -u; }

exit_codes_of() {
  help_of "$1" | sed -n '/^Exit codes:/,/^$/{s/([0-9])//g;p}' | grep -oE '\b[0-9]+\b' | sort -u
}

# Options that a page explains or shows in its synopsis, as they are typed: `.It Fl w , -warning Ar range`
# has two.
options_in() {
  awk '/^\.Sh/ { synopsis = /SYNOPSIS/ }
    synopsis || /^\.It Fl/ {
      option = 0
      for (i = 1; i <= NF; i++)
        if ($i ~ /^\.?[A-Z][a-z]$/) option = $i ~ /Fl/
        else if (option && $i ~ /^[a-zA-Z-]+$/) print "-" $i
    }' "$1" | sort -u
}
commands_in() { awk '/^\.Sh/ { on = /COMMANDS/ } on && /^\.It (Cm|Ic)/ { print $3 }' "$1" | sort -u; }
exit_codes_in() {
  awk '/^\.Sh/ { on = /EXIT STATUS/ } on && !/^\.Xr/' "$1" | grep -oE '\b[0-9]+\b' | sort -u
}

check_program() { # NAME
  local page
  page=$(compgen -G "$PAGES/$1.[18]") || { say "$1 has no page"; return; }
  differ "${page##*/}: option" "$(options_of "$1")" "$(options_in "$page")"
  differ "${page##*/}: command" "$(commands_of "$1")" "$(commands_in "$page")"
  differ "${page##*/}: exit code" "$(exit_codes_of "$1")" "$(exit_codes_in "$page")"
}

programs=$(find "$BUILD" -maxdepth 1 -type f -executable -printf '%f\n' | sort)
for program in $programs; do check_program "$program"; done
for page in "$PAGES"/*.[18]; do
  program=${page##*/}
  [ -x "$BUILD/${program%.*}" ] || say "$program: there is no such program"
done

# ---- settings ----

# Lines `NAME facts`.
settings_of() {
  "$BUILD/$1" --help | awk '/^Settings, / { on = 1 } on && /^  [A-Z]/ { name = $1 }
    on && sub(/^      allowed: /, "allowed: ") { print name, $0 }' | sort
}
settings_in() { # PAGE SECTION
  awk -v section="$2" '/^\.Sh/ { on = $0 == ".Sh " section } on && /^\.It Cm/ { name = $3 }
    on && sub(/^\.D1 /, "") { gsub(/\\&/, ""); print name, $0 }' "$1" | sort
}

settings=$PAGES/store-api.conf.5
pool=$(settings_of store-api.fcgi) daemon=$(settings_of store-syncd)
if [ -z "$pool" ] || [ -z "$daemon" ]; then say 'no settings in --help'; fi
differ 'settings of pool and daemon' "$(comm -12 <(echo "$pool") <(echo "$daemon"))" \
  "$(settings_in "$settings" 'SETTINGS OF POOL AND DAEMON')"
differ 'settings of the pool' "$(comm -23 <(echo "$pool") <(echo "$daemon"))" \
  "$(settings_in "$settings" 'SETTINGS OF THE POOL')"
differ 'settings of the daemon' "$(comm -13 <(echo "$pool") <(echo "$daemon"))" \
  "$(settings_in "$settings" 'SETTINGS OF THE DAEMON')"

# ---- pages among each other ----

pages=$(cd "$PAGES" && printf '%s\n' *.[1578] | sort)
for page in $pages; do
  others=$(grep -vxF "$page" <<<"$pages")
  seen=$(awk '/^\.Xr store/ { print $2 "." $3 }' "$PAGES/$page" | sort -u)
  differ "$page: reference" "$others" "$(grep -vxF "$page" <<<"$seen")"
done

exit "$wrong"
