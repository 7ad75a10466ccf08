# Bash ends words at ":" and "=" too, and names of models contain colons. So adjacent words are
# joined again, and the part that bash treats as an earlier word is removed from the completions.
_newapi_completion() {
    local IFS=$'\n' rest=${COMP_LINE:0:COMP_POINT} last=${COMP_WORDS[COMP_CWORD]} word earlier
    local -a words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -eq 0 || $rest == [[:blank:]]* ]]; then words+=(""); fi
        words[-1]+=$word
        rest=${rest#"${rest%%[![:blank:]]*}"}
        rest=${rest#"$word"}
    done
    [[ $last == *[!:=]* ]] || last=""
    earlier=${words[-1]%"$last"}
    if [[ $earlier == -*=* ]]; then earlier=${earlier#*=}; fi
    mapfile -t COMPREPLY < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \
        _NEWAPI_COMPLETE=complete_bash "$1")
    if [[ ${COMPREPLY[0]-} ]]; then COMPREPLY=("${COMPREPLY[@]#"$earlier"}"); else COMPREPLY=(); fi
}

complete -o default -F _newapi_completion newapi
