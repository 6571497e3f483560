# fish completion for metaflowfs. What is offered comes from `metaflowfs __complete` (fs/cli_complete.h).

function __metaflowfs_complete
    set -l before (commandline -opc)
    set -l last (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $before[1])
    type -q -- $program; or set program metaflowfs
    set -l plain (string unescape -- $last); or set plain $last
    set -l lines (command $program __complete -- $before[2..-1] "$plain" 2>/dev/null)
    set -l mode $lines[1]
    # fish adds no space behind what ends with a slash, "=" or ",".
    for line in $lines[2..-1]
        echo $line
    end
    # Files of "--option=DIR" are those of DIR.
    set -l option (string match -r -- '^--[^=]*=' $last)
    set -l value (string replace -r -- '^--[^=]*=' '' $last)
    switch "$mode"
        case dirs
            for dir in (__fish_complete_directories "$value" '')
                echo "$option$dir"
            end
        case files
            for file in (__fish_complete_path "$value" '')
                echo "$option$file"
            end
    end
end

complete -c metaflowfs -f -a '(__metaflowfs_complete)'
