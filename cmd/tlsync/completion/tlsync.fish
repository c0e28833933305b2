# fish completion for tlsync
function __tlsync_complete
    set -l line (commandline -opc)
    set -l current (commandline -ct)
    set -e line[1]
    if string match -q -- '-*' "$current"
        set -a line "$current"
    end
    tlsync $line --generate-bash-completion 2>/dev/null
end
complete -c tlsync -a '(__tlsync_complete)'
