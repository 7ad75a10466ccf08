"""One turn from the prompt to the screen, for one-shot use and conversations alike."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.api.chat.request import request_fields
from newapi_cli.app.chat_options import ChatOptions, answer_display
from newapi_cli.app.context import Context
from newapi_cli.app.error_hints import explain_errors
from newapi_cli.app.fallback import FallbackClient
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.gateway.pricer import Pricer
from newapi_cli.app.output import create_renderer
from newapi_cli.app.prompt_input import Prompt, TextFile
from newapi_cli.app.sampling import sampling_of
from newapi_cli.app.sessions.live_session import LiveSession, describe_external_changes
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, CompletionBuilder, Status
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import NewapiError
from newapi_cli.render.output_options import Target
from newapi_cli.render.renderer import show_turn
from newapi_cli.render.status_lines import StatusOptions

if TYPE_CHECKING:
    from newapi_cli.app.attachments import Attacher


class ChatRun:
    """Sends prompts to the configured server and displays the answers, with one set of options."""

    def __init__(self, context: Context, options: ChatOptions) -> None:
        self.context = context
        self.options = options
        self.gateway = Gateway(context)
        self._detached: set[str] = set()  # SHA-256 of attachments that are no longer sent

    @cached_property
    def attacher(self) -> Attacher:
        """What opens files and URLs for prompts, and reads attachments again for each turn."""
        from newapi_cli.app.attachments import Attacher  # 7 ms

        return Attacher(self.context)

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
        client = context.client()
        settings = context.settings
        live.session = live.session._replace(profile=settings.profile, host=str(context.base_url))
        with explain_errors(context, self.gateway, model), context.interrupts:
            recorder = live.begin(
                prompt.text,
                prompt.attachments,
                model=model,
                request=request_fields(sampling_of(context)),
                after=after,
            )
            self._report_external_changes(live)
            turn: Turn | None = None
            problem = "a bug in newapi"
            try:
                turn = Turn(
                    self.request(live.messages(), model),
                    FallbackClient(client, context.model_and_fallbacks[1:]),
                    recorder,
                    Pricer(context, self.gateway),
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

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Display a turn to its end. The renderer is loaded here: the request has left."""
        display = answer_display(self.context, self.options)
        status = StatusOptions(
            reasoning=display.reasoning,
            usage=display.usage,
            notices=not display.quiet,
            details=self.context.is_verbose,
            model=turn.request.model,
            session=live.session.id if live.is_saved else "",
        )
        renderer = create_renderer(self.context, display.target, status)
        # Streamed chunks become garbage; the threshold of the start would keep 3 MB of it. Not set
        # earlier: the first collection takes the 5 ms in which the request leaves.
        gc.set_threshold(5_000)
        show_turn(turn, renderer)

    def attach(self, reference: str) -> TextFile | Attachment:
        """Read a file or fetch a URL for a prompt. Raises `NewapiError`."""
        with self.context.interrupts:
            return self.attacher.open(reference)

    def detach(self, attachment: Attachment) -> None:
        """Stop sending an attachment of earlier turns."""
        self._detached.add(attachment.sha256)

    @property
    def is_raw(self) -> bool:
        """Whether answers are displayed as they arrive, without formatting."""
        return answer_display(self.context, self.options).target is not Target.MARKDOWN

    def set_raw(self, is_raw: bool) -> None:
        """Display answers as they arrive, or formatted where the terminal allows it."""
        self.options = self.options._replace(output=self.options.output._replace(raw=is_raw))

    def _without_detached(self, message: Message) -> Message:
        """Replace attachments that are no longer sent by a note in the message's text."""
        gone = [each for each in message.attachments if each.sha256 in self._detached]
        if not gone:
            return message
        note = "\n".join(f"[{each.name} is no longer attached]" for each in gone)
        kept = tuple(each for each in message.attachments if each not in gone)
        return message._replace(content=f"{message.content}\n\n{note}", attachments=kept)

    def _attached(self, messages: tuple[Message, ...]) -> dict[str, bytes]:
        if not any(message.attachments for message in messages):
            return {}
        return dict(self.attacher.data_for(messages))

    def _report_external_changes(self, live: LiveSession) -> None:
        if not self.options.quiet:
            for text in describe_external_changes(live):
                self.context.streams.print_err(text)
