"""Completion scripts of our own, where Typer's fall short.

bash   Typer's takes what bash calls a word; bash ends words at ":" and "=", names hold colons.
zsh    Typer's evaluates what it is given, and the first TAB of a session only loads it.
"""

BASH = r"""
# Bash ends words at ":" and "=" too, and names of models hold colons. So words that touch are
# joined again, and what bash takes for an earlier word is cut from the answers.
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
""".lstrip()

ZSH = r"""#compdef newapi

# Nothing that newapi prints is evaluated: each line is a value, a tab and its help.
_newapi_completion() {
    local line
    local -a found
    for line in "${(@f)$(env _TYPER_COMPLETE_ARGS="${words[1,CURRENT]}" \
        _TYPER_COMPLETE_FISH_ACTION=get-args _NEWAPI_COMPLETE=complete_fish newapi)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}${${(M)line%$'\t'*}/$'\t'/:}")
    done
    if (( $#found )); then _describe newapi found; else _files; fi
}

compdef _newapi_completion newapi
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _newapi_completion "$@"; fi
"""
