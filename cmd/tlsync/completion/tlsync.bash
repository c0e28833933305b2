# bash completion for tlsync
_tlsync() {
	local program=${1/#\~/$HOME} current=${COMP_WORDS[COMP_CWORD]}
	local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
	local i
	for i in "${!words[@]}"; do # bash keeps the quotes of words
		words[i]=${words[i]#[\"\']}
		words[i]=${words[i]%[\"\']}
	done
	current=${current#[\"\']}
	if [[ $current == = ]]; then # bash takes --flag=value for three words
		words+=(=)
		current=
	fi

	local answer line
	COMPREPLY=()
	answer=$("$program" __complete "${words[@]}" "$current" 2>/dev/null) || return # files
	compopt +o bashdefault +o default 2>/dev/null
	while IFS= read -r line; do
		[[ -z $line ]] || COMPREPLY+=("${line%%$'\t'*}")
	done <<<"$answer"
}
complete -o bashdefault -o default -F _tlsync tlsync
