"""What the conversation at the terminal needs of the rest of the program, in one place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from newapi_cli.app.chat import ChatRun
from newapi_cli.app.chat_options import manner
from newapi_cli.app.context import Context
from newapi_cli.app.editor import edited
from newapi_cli.app.inputs import system_text
from newapi_cli.app.prompt_input import Prompt, TextFile
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.sessions.redacted import redact_session
from newapi_cli.app.sessions.resume import fresh, resumed
from newapi_cli.app.spending import exact_costs
from newapi_cli.app.turn import Turn
from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.model_names import cached_model_names
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.money import CostKind
from newapi_cli.domain.profile import Origin, Source
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import ConfigError, LocalError, NewapiError, UsageError
from newapi_cli.render.output_options import Target
from newapi_cli.render.rows import value_text
from newapi_cli.render.units import balance_text, spent_text
from newapi_cli.text import suggestion

# What /set may change: all of a request and of how its answer is shown, nothing of where it goes.
SETTABLE = (
    "temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "stop", "seed",
    "effort", "options", "stream", "reasoning", "usage", "theme", "code_style", "timeout",
    "retries", "require_finish_reason", "fallback", "group",
)  # fmt: skip
MOST_SESSIONS = 200


class Desk:
    """Answers what `repl.talk.Answers` asks for."""

    def __init__(self, context: Context, answering: ChatRun) -> None:
        self._context = context
        self._answering = answering
        self._spent: tuple[tuple[TurnRecord, ...], str] | None = None

    def turn(
        self,
        live: LiveSession,
        prompt: Prompt,
        model: str,
        after: tuple[TurnRecord, ...] | None = None,
    ) -> AbstractContextManager[Turn]:
        """Commit a prompt and let its request leave."""
        return self._answering.turn(live, prompt, model, after)

    def show(self, turn: Turn, live: LiveSession) -> None:
        """Play a turn to its end."""
        self._answering.show(turn, live)

    def open_file(self, reference: str) -> TextFile | Attachment:
        """Read a file or a URL. Raises `NewapiError`."""
        with self._context.interrupts:
            return self._answering.attacher.open(reference)

    def drop(self, attachment: Attachment) -> None:
        """Go on without an attachment of earlier turns."""
        self._answering.dropped.add(attachment.sha256)

    def edit(self, text: str) -> str:
        """Let the person write in an editor. Raises `UsageError`."""
        return edited(self._context, text)

    def system_text(self, text: str) -> str:
        """Give a system prompt, from a file where it is `@FILE`. Raises `UsageError`."""
        return system_text(text) or ""

    def set_raw(self, wanted: bool | None) -> bool:
        """Show answers without layout or with it, or the other way round; say which it is now."""
        call = self._answering.call
        is_raw = manner(self._context, call).target is not Target.MARKDOWN
        raw = not is_raw if wanted is None else wanted
        self._answering.call = call._replace(wish=call.wish._replace(raw=raw))
        return manner(self._context, self._answering.call).target is not Target.MARKDOWN

    @property
    def profile(self) -> str:
        """Give the name of the profile."""
        return self._context.settings.profile

    @property
    def host(self) -> str:
        """Give the base URL that questions go to, empty where none is set."""
        return str(self._context.settings.base_url or "")

    def use_profile(self, name: str) -> str:
        """Go over to another profile and give its model. Raises `ConfigError`."""
        known = self._context.config_file.profiles
        if name not in known:
            hint = f"the profiles are: {', '.join(known) or 'none'}"
            raise ConfigError(f"there is no profile {name}{suggestion(name, known)}", hint=hint)
        self._context.use_profile(name)
        self._spent = None  # the other site may have other money
        return self._context.model_and_fallbacks[0]

    def settings(self) -> list[tuple[str, str, str]]:
        """Give name, value and origin of what can be set in a conversation."""
        origins = self._context.settings.origins
        return [(name, self._text_of(name), _origin_text(origins.get(name))) for name in SETTABLE]

    def set(self, name: str, text: str) -> str:
        """Set a value for this run and give it back as it stands. Raises `UsageError`."""
        self._ensure_settable(name)
        try:
            value = BY_NAME[name].parse(text)
        except ValueError as problem:
            raise UsageError(f"{name} {problem}") from None
        self._context.override(**{name: value})
        self._context.forget_settings()
        return self._text_of(name)

    def unset(self, name: str) -> str:
        """Take back what was set for this run and give what rules now."""
        self._ensure_settable(name)
        self._context.overrides.pop(name, None)
        self._context.forget_settings()
        return self._text_of(name)

    def sessions(self, limit: int) -> list[Session]:
        """Give the last used sessions. Raises `NewapiError`."""
        return self._context.sessions.sessions(limit)

    def resume(self, reference: str) -> LiveSession:
        """Give a stored session to go on with. Raises `NewapiError`."""
        found = self._context.sessions.find(reference)
        before = dict(self._context.overrides)
        try:
            return resumed(self._context, found, is_explicit=False)
        except NewapiError:  # the conversation stays where it is, and so does its profile
            self._context.overrides = before
            self._context.forget_settings()
            raise

    def begin_anew(self, old: LiveSession) -> LiveSession:
        """Give a session that has not begun, with model and system prompt of another."""
        live = fresh(self._context)
        live.session = live.session._replace(model=old.session.model, system=old.session.system)
        return live

    def spent(self, path: tuple[TurnRecord, ...]) -> str:
        """Give what turns cost as text, empty where that is not told. Asked at each key."""
        if self._spent is None or self._spent[0] is not path:
            found = (
                ""
                if not any(turn.cost_kind for turn in path)
                else spent_text(self._answering.gateway.prices.total_cost(path))
            )
            self._spent = path, found
        return self._spent[1]

    def make_exact(self, live: LiveSession) -> str:
        """Take what turns cost from the gateway's log; say how far that went."""
        gateway, host = self._answering.gateway, str(self._context.base_url)
        here = [turn for turn in live.path if turn.host == host]
        if not here and live.session.host != host:
            problem = f"this conversation was with {live.session.host or 'nobody yet'}"
            raise UsageError(problem, hint=f"the log of {host} does not tell of it")
        entries = gateway.key_record.log(max_age_s=_age_s(live.last))
        changed = exact_costs(here, entries, gateway.prices.quota_per_unit())
        if live.is_saved and changed:
            self._context.sessions.spending.write_costs(changed)
        live.take_costs(changed)
        answered = [turn for turn in live.path if turn.answer]
        exact = sum(turn.cost_kind == CostKind.EXACT for turn in answered)
        return f"exact for {exact} of {len(answered)} answers"

    def balance(self) -> str:
        """Ask the gateway what the key has left. Raises `NewapiError`."""
        return balance_text(self._answering.gateway.balance())

    def remove_keys(self, text: str) -> str:
        """Take the known keys out of a text that leaves the conversation."""
        return self._context.remove_keys(text)

    def redact_session(self, stored: StoredSession) -> StoredSession:
        """Give a session as it may be written to a file."""
        return redact_session(self._context, stored)

    def write_file(self, path: str, text: str, *, replace: bool) -> str:
        """Write a private text file and give its path. Raises `FileExistsError`, `LocalError`."""
        target = Path(path)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
        try:
            target = target.expanduser()
            if target.is_dir():
                raise UsageError(f"{path} is a folder", hint="name a file in it")
            if target.exists() and not target.is_file():  # a pipe would be waited for
                raise UsageError(f"{path} is no regular file", hint="name another one")
            with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
                file.write(text.encode("utf-8", "replace"))
                if text and not text.endswith("\n"):
                    file.write(b"\n")
        except FileExistsError:
            raise
        except (OSError, RuntimeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise LocalError(f"cannot write {path}", why=reason or "") from error
        return str(target)

    def way_back(self, session: Session) -> str:
        """Give the command that goes on with a session in a later run."""
        context = self._context
        usual = ""
        with contextlib.suppress(ConfigError):  # without flags there may be no profile at all
            usual = load_settings(context.config_file, {}, context.streams.environ).profile
        return (
            "newapi chat -c" if session.profile == usual else f"newapi chat -S {session.short_id}"
        )

    def values(self, kind: str) -> Iterable[str]:
        """Give what TAB offers: models, profiles, sessions, settings."""
        context = self._context
        if kind == "models":
            return cached_model_names(context.paths.cache_dir)
        if kind == "profiles":
            return context.config_file.profiles
        if kind == "settings":
            return SETTABLE
        if kind == "sessions":
            found = context.sessions.sessions(MOST_SESSIONS)
            return [each.title if each.is_named else each.short_id for each in found]
        return ()

    def _text_of(self, name: str) -> str:
        value = self._context.settings.values.get(name)
        return "" if value is None else self._context.streams.redact(value_text(value))

    def _ensure_settable(self, name: str) -> None:
        if name not in SETTABLE:
            near = suggestion(name, SETTABLE)
            hint = "/set lists them; /model, /system and /profile are commands of their own"
            raise UsageError(f"there is no setting {name} to change here{near}", hint=hint)


def _age_s(turn: TurnRecord | None) -> float:
    """Give the seconds since an answer ended."""
    if turn is None:
        return 0.0
    return (datetime.now(UTC) - turn.created_at).total_seconds() - (turn.duration_s or 0.0)


def _origin_text(origin: Origin | None) -> str:
    """Name an origin; a flag and /set are the same: they hold for this run."""
    if origin is None:
        return ""
    return "this run" if origin.source is Source.FLAG else str(origin)
