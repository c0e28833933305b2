# bash completion for tlsync
_tlsync() {
	local program=${1/#\~/$HOME} current=${COMP_WORDS[COMP_CWORD]}
	local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
	[[ $current != -* ]] || words+=("$current")
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("$program" "${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$current"))
}
complete -o bashdefault -o default -F _tlsync tlsync
