#compdef tlsync
# zsh completion for tlsync
_tlsync() {
	local answer line
	local -a before values shown
	before=("${(@Q)words[2,CURRENT-1]}")
	if ! answer=$("${(Q)words[1]}" __complete "${before[@]}" "${(Q)words[CURRENT]}" 2>/dev/null); then
		_files
		return
	fi
	for line in ${(f)answer}; do
		values+=("${line%%$'\t'*}")
		shown+=("${line/$'\t'/  -- }")
	done
	compadd -l -d shown -a values
}
compdef _tlsync tlsync
