# bash completion for banpush(1) and banpush-lab(1): verbs and options are asked of the program, so that they are those it has.

_banpush_words() { # SECTION COMMAND…: the first words of the lines of one section of its help
  local section=$1
  shift
  "$@" --help 2>/dev/null | awk -v section="$section:" '
    /^[A-Z][a-z ]*:$/ { inside = $0 == section; next }
    inside && /^  [^ ]/ { sub(/^ +/, ""); sub(/ .*/, ""); gsub(/,/, " "); print }'
}

_banpush() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} word verbs=() skip=no command=("$1")
  COMPREPLY=()
  case $previous in
    -c | --config | --trace | --out | --plan | --installed | -d | --dir | --devices | --running | --bans)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $skip == yes ]]; then
      skip=no
    elif [[ $word == -c || $word == --config || $word == --trace ]]; then
      skip=yes
    elif [[ $word != -* ]] && _banpush_words Subcommands "${command[@]}" | grep -qxF -- "$word"; then
      command+=("$word")
    fi
  done
  if [[ $current == -* ]]; then
    verbs=($(_banpush_words Options "${command[@]}"))
    if ((${#command[@]} > 1)); then verbs+=($(_banpush_words Options "$1")); fi
  else
    verbs=($(_banpush_words Subcommands "${command[@]}"))
  fi
  mapfile -t COMPREPLY < <(compgen -W "${verbs[*]}" -- "$current")
}

complete -o default -F _banpush banpush banpush-lab
