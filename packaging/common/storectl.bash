# shellcheck shell=bash
# Completion of storectl for bash.  What there is to complete is asked of the
# program's own help, which is quick, so that both always agree.

# The first word of each line of a list of commands or options on stdin.
_storectl_list() { sed -n 's/^  \(--\)\{0,1\}\([a-z][a-z-]*\).*/\1\2/p'; }

_storectl() {
  local program=$1 word=$2 before=$3 command='' help i
  COMPREPLY=()
  # The command is the first word that is neither an option nor a file of settings.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
    --config)
      i=$((i + 1))
      [[ ${COMP_WORDS[i]-} != '=' ]] || i=$((i + 1))
      ;;
    -*) ;;
    *)
      command=${COMP_WORDS[i]}
      break
      ;;
    esac
  done
  help=$("$program" --help 2>/dev/null | sed '/^Exit codes/,$d')
  [[ -z $command || $command == help ]] || help+=$'\n'$("$program" help "$command" 2>/dev/null)
  # After `--option=` the shell hands over what stands behind the sign.
  if [[ $before == '=' ]]; then before=${COMP_WORDS[COMP_CWORD - 2]}; fi
  if [[ $word == '=' ]]; then before=${COMP_WORDS[COMP_CWORD - 1]} word=''; fi

  local words='' files=''
  if [[ $before == --config ]]; then
    files=yes
  elif [[ $help == *$'\n'"  $before "[A-Z]* ]]; then
    return # a value that can't be guessed
  elif [[ $word == -* ]]; then
    words=$(_storectl_list <<<"$help" | grep -e '^--')
  elif [[ -z $command || $command == help ]]; then
    words=$(_storectl_list <<<"$help" | grep -v -e '^--')
  elif grep -qE "^Usage: .* FILE$" <<<"$help"; then
    files=yes
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  fi
}

complete -F _storectl storectl
