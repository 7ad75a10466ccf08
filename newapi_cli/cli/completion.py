"""`newapi completion`: completion scripts for shells.

They are Typer's, except for two of our own:
bash   Typer's completes bash's words, which end at ":" and "="; names of models contain colons.
zsh    Typer's evaluates what it is given, and the first TAB of a session only loads it.
"""

import os
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import (  # type: ignore[attr-defined]  # re-exported without saying so
    completion_init,
    get_completion_script,
    install,
)

from newapi_cli.app.context import Context
from newapi_cli.cli.options import ALWAYS, command
from newapi_cli.config.paths import has_home
from newapi_cli.errors import ConfigError, LocalError
from newapi_cli.i18n import tr

VARIABLE = "_NEWAPI_COMPLETE"


BASH = r"""
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


class Shell(StrEnum):
    """The supported shells."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


STARTUP_FILES = {Shell.BASH: "~/.bashrc", Shell.ZSH: "~/.zshrc"}  # Typer changes them
OWN_SCRIPTS = {Shell.BASH: BASH, Shell.ZSH: ZSH}


@command(ALWAYS)
def completion(
    context: Context,
    shell: Annotated[Shell, typer.Argument(help="Shell to complete for", show_default=False)],
    installs: Annotated[
        bool, typer.Option("--install", help="Install the script for the current user")
    ] = False,
) -> None:
    """Print the completion script of a shell, or install it.

    [dim]newapi completion bash --install[/dim]
    """
    streams = context.streams
    if not installs:
        streams.stdout.write(script(shell))
        return
    _ensure_home()
    try:
        _, path = install(shell=shell, prog_name="newapi", complete_var=VARIABLE)
        if shell in OWN_SCRIPTS:
            path.write_text(script(shell), "utf-8")  # the file is newapi's alone
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        raise LocalError(
            tr("cannot install the completion script"),
            why=why or "",
            hint=tr(
                "save the output of `newapi completion {shell}` in a file,"
                " and load it in the startup file of {shell}",
                shell=shell,
            ),
        ) from error
    text = tr("Installed completion for {shell} ({path})", shell=shell, path=path)
    if shell in STARTUP_FILES:
        text = tr("{text}, which {file} now loads", text=text, file=STARTUP_FILES[shell])
    streams.print_err(tr("{text}; restart the shell", text=text))


def _ensure_home() -> None:
    """Raise `ConfigError` without a home folder; Typer would create one, or use root's."""
    if not has_home():
        raise ConfigError(
            tr("no home folder to install the completion script in"),
            hint=tr("set HOME, or save the output of `newapi completion SHELL` yourself"),
        )


def script(shell: Shell) -> str:
    """Return the script of a shell."""
    if shell in OWN_SCRIPTS:
        return OWN_SCRIPTS[shell]
    text = get_completion_script(prog_name="newapi", complete_var=VARIABLE, shell=shell)
    return text.strip() + "\n"


def register(app: typer.Typer) -> None:
    """Add the command, and prepare Typer if a shell requests completions."""
    app.command("completion")(completion)
    if VARIABLE in os.environ:
        completion_init()
