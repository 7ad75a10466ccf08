"""A run of `newapi chat`: its options, prompts and requests, and turns from prompt to screen.

`turn.Turn` is the exchange itself: one prompt and its completion.
"""

from __future__ import annotations

import gc
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from newapi_cli.api.chat.request import CHAT_COMPLETIONS, encode_chat, request_fields
from newapi_cli.app.context import Context
from newapi_cli.app.editor import edit_text
from newapi_cli.app.fallback import FallbackClient
from newapi_cli.app.output import create_renderer
from newapi_cli.app.prompt import (
    MAX_INPUT_BYTES,
    Prompt,
    TextFile,
    is_plain_text,
    prompt_from_contents,
    text_from_arguments,
    text_from_bytes,
)
from newapi_cli.app.sessions.live_session import LiveSession, describe_external_changes
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, CompletionBuilder, Sampling, Status
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import ConfigError, NewapiError, UsageError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.render.renderer import OutputOptions, Target, choose_target, show_turn
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.render.status_lines import StatusOptions, print_warning
from newapi_cli.streams import STDIN_NAMES

if TYPE_CHECKING:
    from newapi_cli.app.attachments import Attacher
    from newapi_cli.app.gateway.gateway import Gateway, GatewayPricer

STDIN_NAME = tr("standard input")
BUG = tr("a bug in newapi")
GARBAGE_THRESHOLD = 5_000  # objects, while an answer arrives
NO_MODEL_HINT = tr(
    "`{models}` lists them; then -m NAME, or `{command}`",
    models=profile_command("newapi models"),
    command=profile_command("newapi config set", "model NAME"),
)
MAX_ARGUMENT = 30_000  # Linux allows 131,071 bytes, Windows 32,767 characters


class ChatOptions(NamedTuple):
    """The options of `newapi chat` that are not settings. `session` is the name after -S."""

    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    edit: bool = False
    interactive: bool = False
    quiet: bool = False
    curl: bool = False
    output: OutputOptions = OutputOptions()
    continue_last: bool = False
    session: str = ""

    @property
    def has_prompt(self) -> bool:
        """Whether the command line contains a prompt, or names where to read it."""
        return bool(self.words or self.files or self.edit)


class ChatRun:
    """Sends prompts to the configured server and displays the answers, with one set of options."""

    def __init__(self, context: Context, options: ChatOptions) -> None:
        self.context = context
        self.options = options
        self.next_steps: Mapping[object, str] = {}  # their wording, where it is not the shell's
        self._detached: set[str] = set()  # SHA-256 of attachments that are no longer sent

    @cached_property
    def gateway(self) -> Gateway:
        """What the gateway reports besides answers."""
        from newapi_cli.app.gateway.gateway import Gateway  # after the request has left

        return Gateway(self.context)

    @cached_property
    def attacher(self) -> Attacher:
        """What opens files and URLs for prompts, and reads attachments again for each turn."""
        from newapi_cli.app.attachments import Attacher  # 7 ms

        return Attacher(self.context)

    def read_prompt(self) -> Prompt:
        """Return the prompt made of words, files and standard input, in this order.

        `-f -` puts standard input where it is named; otherwise it comes last, unless the system
        prompt is read from it. With `--edit` the user edits the text last. Raises `UsageError`.
        """
        context, options = self.context, self.options
        files = ["-" if name in STDIN_NAMES else name for name in options.files]
        is_system = context.overrides.get("system") in [f"@{name}" for name in STDIN_NAMES]
        if is_system and "-" in files:
            raise UsageError(
                tr("-s and -f both read standard input"), hint=tr("use a file for one of them")
            )
        reads_stdin = (not context.streams.stdin.is_terminal or "-" in files) and not is_system
        piped = self._read_stdin() if reads_stdin else TextFile("", "")
        contents = [piped if name == "-" else self.attacher.open(name) for name in files]
        text, rest = text_from_arguments(options.words), ""
        if "-" not in files:
            if isinstance(piped, TextFile):
                rest = piped.text
            else:
                contents.append(piped)
        if options.edit:
            draft = "\n\n".join(part for part in (text, rest) if part)
            text, rest = edit_text(context, draft), ""
        return prompt_from_contents(text, contents, rest)

    def _read_stdin(self) -> TextFile | Attachment:
        stdin = self.context.streams.stdin
        if self.options.quiet:
            data, is_complete = stdin.read(MAX_INPUT_BYTES)
        else:
            data, is_complete = self.context.streams.read_stdin(MAX_INPUT_BYTES)
        if is_complete and is_plain_text(data):
            return TextFile("", text_from_bytes(data, STDIN_NAME))  # loads nothing else
        if not is_complete and not is_plain_text(data):  # an image may be larger than a text
            data += stdin.read(MAX_INPUT_BYTES).data
        return self.attacher.from_stdin(data)

    def request(self, messages: tuple[Message, ...], model: str) -> ChatRequest:
        """Return the request for messages, with the parameters of the settings.

        Raises `UsageError` for an attachment that has changed or is gone.
        """
        messages = tuple(map(self._without_detached, messages))
        return ChatRequest(
            model=model,
            messages=messages,
            sampling=sampling_of(self.context),
            stream=self.context.settings.flag("stream"),
            attached=self._attached(messages),
        )

    @contextmanager
    def turn(
        self,
        live: LiveSession,
        prompt: Prompt,
        model: str,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> Iterator[Turn]:
        """Commit the prompt, send the request and yield its turn.

        Signals end the turn while the block runs. The prompt follows `after`, a beginning of the
        path, or else the newest turn.
        """
        context = self.context
        client, fallbacks = context.client(), context.model_and_fallbacks[1:]
        settings = context.settings
        live.session = live.session._replace(profile=settings.profile, host=str(context.base_url))
        with self._explained_errors(model), context.interrupts:
            recorder = live.begin(
                prompt.text,
                prompt.attachments,
                model=model,
                request=request_fields(sampling_of(context)),
                after=after,
            )
            self._report_external_changes(live)
            turn: Turn | None = None
            problem: str = BUG
            try:
                turn = Turn(
                    self.request(live.messages(), model),
                    FallbackClient(client, fallbacks) if fallbacks else client,
                    recorder,
                    self._new_pricer,
                    require_finish_reason=settings.flag("require_finish_reason"),
                )
                yield turn
            except NewapiError as error:
                problem = error.summary
                raise
            finally:
                if turn is None:
                    recorder.end(CompletionBuilder().completion(Status.ERROR), problem)
                else:
                    turn.close()
                live.warn_if_unsaved()

    @contextmanager
    def _explained_errors(self, model: str) -> Iterator[None]:
        """Improve the hints of errors raised in the block.

        Goes around the block that catches signals, as the key's record is fetched in a block of
        its own.
        """
        try:
            yield
        except NewapiError as error:
            from newapi_cli.app.error_hints import explain_error

            explained = explain_error(self.context, self.gateway, error, model)
            if explained is error:
                raise
            raise explained from error

    def _new_pricer(self) -> GatewayPricer:
        from newapi_cli.app.gateway.gateway import GatewayPricer

        return GatewayPricer(self.context, self.gateway)

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Display a turn to its end. The renderer is loaded here: the request has left."""
        settings, target = self.context.settings, self._target()
        on_terminal = self.context.streams.stderr.is_terminal
        # On a terminal by default; anywhere else if the option is given.
        is_shown = on_terminal or "reasoning" in self.context.overrides
        usage = settings.values.get("usage")
        if not isinstance(usage, bool):
            usage = on_terminal and target in (Target.MARKDOWN, Target.PLAIN)
        status = StatusOptions(
            reasoning=is_shown and settings.text("reasoning") == "show" and not self.options.quiet,
            usage=usage,
            notices=not self.options.quiet,
            details=self.context.is_verbose,
            model=turn.request.model,
            session=live.session.id if live.is_saved else "",
            next_steps=self.next_steps,
        )
        renderer = create_renderer(self.context, target, status)
        if gc.get_threshold()[0] != GARBAGE_THRESHOLD:
            # Streamed chunks become garbage; the threshold of the start would keep 6 MB of it.
            gc.freeze()  # what is loaded stays: each time it takes 5 ms to visit all of it
            gc.set_threshold(GARBAGE_THRESHOLD)
        show_turn(turn, renderer)

    def print_as_curl(self, live: LiveSession, prompt: Prompt, model: str) -> None:
        """Print the request as a curl command, which lacks the key and the bytes of attachments."""
        streams, base_url = self.context.streams, self.context.base_url
        messages = live.history.messages_for(prompt.text, prompt.attachments)
        request = self.request(messages, model)
        body = encode_chat(request, without_data=True)
        arguments, variables = self._curl_arguments()
        command = _curl_command(base_url.url(CHAT_COMPLETIONS), arguments, body)
        streams.stdout.write(f"{command}\n")
        if variables:
            text = tr("set {names} to the values of the headers", names=", ".join(variables))
            print_warning(streams, text)
        names = (each.name for message in request.messages for each in message.attachments)
        if listed := ", ".join(dict.fromkeys(names)):
            text = tr("the printed command lacks the bytes of {names}", names=listed)
            print_warning(streams, text)

    def _curl_arguments(self) -> tuple[list[str], list[str]]:
        """Return the key, the headers and the certificate as options of curl, without secrets.

        Also the variables that the user must set.
        """
        context, base_url = self.context, self.context.base_url
        headers: Mapping[str, object] = {}
        if context.bound_settings.includes("headers", base_url):
            headers = context.settings.table("headers")
        names: dict[str, str] = {}
        if headers:
            from newapi_cli.config.headers import shell_variable

            names = {name: shell_variable(name) for name in headers}
        arguments = [f'--header "{name}: ${variable}"' for name, variable in names.items()]
        if context.settings.key is not None or not headers:
            arguments.insert(0, '--header "Authorization: Bearer $NEWAPI_API_KEY"')
        for option, name in (("--cert", "client_cert"), ("--key", "client_key")):
            if path := context.bound_settings.file(name, base_url):
                arguments.append(f"{option} {shlex.quote(path)}")
        return arguments, list(names.values())

    def attach(self, reference: str) -> TextFile | Attachment:
        """Read a file or fetch a URL for a prompt."""
        with self.context.interrupts:
            return self.attacher.open(reference)

    def detach(self, attachment: Attachment) -> None:
        """Stop sending an attachment of earlier turns."""
        self._detached.add(attachment.sha256)

    @property
    def is_raw(self) -> bool:
        """Whether answers are displayed as they arrive, without formatting."""
        return self._target() is not Target.MARKDOWN

    def set_raw(self, is_raw: bool) -> None:
        """Display answers as they arrive, or formatted where the terminal allows it."""
        self.options = self.options._replace(output=self.options.output._replace(raw=is_raw))

    def _target(self) -> Target:
        streams = self.context.streams
        return choose_target(
            self.options.output._replace(markdown=self.context.settings.flag("markdown")),
            is_terminal=streams.stdout.is_terminal,
            is_dumb=streams.terminal_is_dumb or streams.stdout.is_tiny,
        )

    def _without_detached(self, message: Message) -> Message:
        """Replace attachments that are no longer sent by a note in the message's text."""
        detached = [each for each in message.attachments if each.sha256 in self._detached]
        if not detached:
            return message
        note = "\n".join(f"[{each.name} is no longer attached]" for each in detached)
        others = tuple(each for each in message.attachments if each not in detached)
        return message._replace(content=f"{message.content}\n\n{note}", attachments=others)

    def _attached(self, messages: tuple[Message, ...]) -> dict[str, bytes]:
        if not any(message.attachments for message in messages):
            return {}
        return dict(self.attacher.data_for(messages))

    def _report_external_changes(self, live: LiveSession) -> None:
        if not self.options.quiet:
            for text in describe_external_changes(live):
                self.context.streams.print_err(text)


def require_model(context: Context, model: str) -> str:
    """Return the model of a session.

    Raises `ConfigError` if none is set, or no server or key, which are needed before a model.
    """
    if model:
        return model
    context.require_key_source()
    raise ConfigError(tr("no model is set")).with_hint(
        NO_MODEL_HINT, conversation=tr("/model NAME, then /retry")
    )


def sampling_of(context: Context) -> Sampling:
    """Return the optional request fields that the settings contain."""
    values = context.settings.values
    stored_options = context.config_file.profiles.get(context.settings.profile, {}).get("options")
    max_tokens, seed = values.get("max_tokens"), values.get("seed")
    effort = values.get("effort")
    return Sampling(
        temperature=_number(values.get("temperature")),
        top_p=_number(values.get("top_p")),
        max_tokens=max_tokens if isinstance(max_tokens, int) and max_tokens else None,
        frequency_penalty=_number(values.get("frequency_penalty")),
        presence_penalty=_number(values.get("presence_penalty")),
        stop=_texts(values.get("stop")),
        seed=seed if isinstance(seed, int) else None,
        effort=effort if isinstance(effort, str) and effort else None,
        options={**_table(stored_options), **_table(values.get("options"))},
    )


def _curl_command(url: str, arguments: list[str], body: bytes) -> str:
    """Return the command for a POSIX shell, with `$NEWAPI_API_KEY` for the key.

    A body too long for an argument goes into a here-document. Control characters are written as
    JSON escapes.
    """
    text = body.decode("utf-8")
    if safe_text(text) != text:
        text = json.dumps(json.loads(text))
    data, document = f"--data-raw {shlex.quote(text)}", ""
    if len(text) > MAX_ARGUMENT:
        data, document = "--data-binary @- <<'JSON'", f"\n{text}\nJSON"
    return " \\\n  ".join(
        (
            f"curl --no-buffer {shlex.quote(url)}",
            *arguments,
            "--header 'Content-Type: application/json'",
            data + document,
        )
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
