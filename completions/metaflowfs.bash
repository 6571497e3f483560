# bash completion for metaflowfs. What is offered comes from `metaflowfs __complete` (fs/cli_complete.h).

_metaflowfs() {
    local line mode='' program=$1
    COMPREPLY=()
    [[ $program != '~/'* ]] || program=$HOME/${program:2}
    type -P -- "$program" >/dev/null || program=metaflowfs
    while IFS= read -r line; do
        if [[ -z $mode ]]; then
            mode=$line
        elif [[ $mode != paths || ${line%%$'\t'*} != *['$`']* ]]; then
            # bash takes the quoting off a $ or ` in a path that is none of the file system: Enter would run it.
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <("$program" __complete "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    case $mode in
    paths) compopt -o filenames ;; # shows their last parts, and quotes what has to be
    dirs) compopt -o plusdirs -o filenames ;;
    files) compopt -o default ;;
    esac
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[/=,] ]] || compopt -o nospace
}
complete -F _metaflowfs metaflowfs
