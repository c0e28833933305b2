#compdef tlsync
# zsh completion for tlsync
_tlsync() {
	local current=${words[CURRENT]}
	local -a line answers
	line=("${(@Q)words[1,CURRENT-1]}")
	[[ $current != -* ]] || line+=("$current")
	answers=("${(@f)$("${line[@]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n ${answers[1]} ]]; then
		compadd -a answers
	else
		_files
	fi
}
compdef _tlsync tlsync
