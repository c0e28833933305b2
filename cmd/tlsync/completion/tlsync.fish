# fish completion for tlsync
function __tlsync_complete
    set -l line (commandline -opc)
    set -l current (commandline -ct)
    set -e line[1]
    if set -l answer (tlsync __complete $line "$current" 2>/dev/null)
        set -q answer[1]; and printf '%s\n' $answer
    else
        __fish_complete_path "$current"
    end
end
complete -c tlsync -f -a '(__tlsync_complete)'
