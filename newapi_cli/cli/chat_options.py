"""The options of `newapi chat`, in the panels of its help page."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from newapi_cli.cli.options import model_names, session_names, setting
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

OWN_OPTIONS = ("model", "messages", "stream")  # fields of the body with an option of their own
PROMPT, MODEL, OUTPUT, SESSION = "Prompt", "Model", "Output", "Session"


def option(
    *declarations: str,
    panel: str,
    help: str,
    metavar: str | None = None,
    values: Callable[[str], list[str]] | None = None,
) -> Any:
    """Give an option that is no setting. `values` gives what TAB offers for a beginning."""
    return typer.Option(
        *declarations,
        rich_help_panel=panel,
        help=help,
        metavar=metavar,
        show_default=False,
        autocompletion=values,
    )


PromptArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="the question; without one, on a terminal: a conversation",
        show_default=False,
        metavar="[PROMPT]...",
    ),
]
SystemOption = Annotated[
    str | None, setting("system", "--system", "-s", panel=PROMPT, metavar="TEXT|@FILE")
]
FileOption = Annotated[
    list[str] | None,
    option(
        "--file",
        "-f",
        panel=PROMPT,
        metavar="PATH|URL|-",
        help="text for the prompt, a picture or a PDF; - is standard input; may be repeated",
    ),
]
EditOption = Annotated[
    bool, option("--edit", "-e", panel=PROMPT, help="write the prompt in $VISUAL or $EDITOR")
]
InteractiveOption = Annotated[
    bool,
    option("--interactive", "-i", panel=PROMPT, help="answer, then stay for a conversation"),
]
ModelOption = Annotated[
    str | None,
    setting("model", "--model", "-m", panel=MODEL, metavar="NAME", values=model_names),
]
TemperatureOption = Annotated[
    float | None, setting("temperature", "--temperature", "-t", panel=MODEL)
]
TopPOption = Annotated[float | None, setting("top_p", panel=MODEL)]
MaxTokensOption = Annotated[int | None, setting("max_tokens", panel=MODEL)]
FrequencyPenaltyOption = Annotated[float | None, setting("frequency_penalty", panel=MODEL)]
PresencePenaltyOption = Annotated[float | None, setting("presence_penalty", panel=MODEL)]
StopOption = Annotated[list[str] | None, setting("stop", panel=MODEL, metavar="TEXT")]
SeedOption = Annotated[int | None, setting("seed", panel=MODEL, metavar="N")]
EffortOption = Annotated[str | None, setting("effort", panel=MODEL, metavar="LEVEL")]
OptionsOption = Annotated[
    list[str] | None,
    option(
        "--option",
        "-o",
        panel=MODEL,
        metavar="NAME=JSON",
        help="any other field of the request body; may be repeated",
    ),
]
RawOption = Annotated[
    bool, option("--raw", "-r", panel=OUTPUT, help="the text as it comes, no markdown")
]
ExtractOption = Annotated[
    bool, option("--extract", "-x", "--code", panel=OUTPUT, help="only the code blocks")
]
JsonOption = Annotated[
    bool,
    option("--json", panel=OUTPUT, help="one JSON object; with --stream a line for each delta"),
]
StreamOption = Annotated[
    bool | None,
    option("--stream/--no-stream", panel=OUTPUT, help="ask for the answer in pieces (default)"),
]
ReasoningOption = Annotated[str | None, setting("reasoning", panel=OUTPUT, metavar="show|hide")]
UsageOption = Annotated[
    bool | None,
    option(
        "--usage/--no-usage",
        "-u",
        panel=OUTPUT,
        help="tell tokens and time after the answer (default on a terminal)",
    ),
]
QuietOption = Annotated[
    bool, option("--quiet", "-q", panel=OUTPUT, help="nothing but the answer, and errors")
]
CurlOption = Annotated[
    bool,
    option("--curl", panel=OUTPUT, help="print the request as a curl command, send nothing"),
]
ContinueOption = Annotated[
    bool,
    option(
        "--continue", "-c", panel=SESSION, help="go on with the last used session of the profile"
    ),
]
SessionOption = Annotated[
    str | None,
    option(
        "--session",
        "-S",
        panel=SESSION,
        metavar="NAME",
        help="go on with the session of this name or id; a new name begins one",
        values=session_names,
    ),
]
NoSaveOption = Annotated[
    bool, option("--no-save", "-n", panel=SESSION, help="save nothing of this run, touch no file")
]


def option_fields(options: list[str]) -> dict[str, object]:
    """Parse `NAME=JSON` options; a value that is not JSON is used as text."""
    fields: dict[str, object] = {}
    for option in options:
        name, separator, text = option.partition("=")
        if not separator or not name:
            raise UsageError(
                tr("--option {text!r} is not NAME=JSON", text=option),
                hint=tr("for example -o top_k=40"),
            )
        if name in OWN_OPTIONS:
            raise UsageError(tr("--option {name} is not allowed; it has its own option", name=name))
        try:
            fields[name] = json.loads(text, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            if text.startswith(("{", "[", '"')):
                raise UsageError(
                    tr("the value of --option {name} is not valid JSON", name=name)
                ) from error
            fields[name] = text
    return fields


def _reject_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
