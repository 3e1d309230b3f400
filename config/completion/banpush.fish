# fish completion for banpush(1) and banpush-lab(1): verbs and options are asked of the program, so that they are those it has.

function __banpush_lines --argument-names section
    $argv[2..] --help 2>/dev/null | awk -v section="$section:" '
      /^[A-Z][a-z ]*:$/ { inside = $0 == section; next }
      inside && /^  [^ ]/ {
        sub(/^ +/, ""); names = $1; text = $0; sub(/^[^ ]+ */, "", text); sub(/^.*  +/, "", text)
        count = split(names, each, ",")
        for (i = 1; i <= count; ++i) print each[i] "\t" text }'
end

function __banpush_complete
    set -l words (commandline -opc)
    set -l command $words[1]
    for word in $words[2..]
        if not string match -q -- '-*' $word; and __banpush_lines Subcommands $command | string match -q -- "$word"\t'*'
            set -a command $word
        end
    end
    if string match -q -- '-*' (commandline -ct)
        __banpush_lines Options $command
        __banpush_lines Options $words[1]
    else
        __banpush_lines Subcommands $command
    end
end

complete -c banpush -a '(__banpush_complete)'
complete -c banpush-lab -a '(__banpush_complete)'
