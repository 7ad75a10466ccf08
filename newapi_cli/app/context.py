"""What a command needs, opened when it is first asked for. The only place of inner imports.

A room that a run does not need is never loaded: a one-shot answer in a pipe starts in half the time
without rich and prompt-toolkit, and httpx (35 to 60 ms) is loaded for proxies only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from newapi_cli.app.sampling import sampling_from_values
from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.keys import ensure_key_may_be_sent, read_key
from newapi_cli.config.paths import Paths, create_for_folder_owner, ensure_private_dir, find_paths
from newapi_cli.config.redact import redact, redact_known
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.completion import Sampling
from newapi_cli.domain.profile import Secret, Settings, Timeouts
from newapi_cli.domain.session import StoredSession
from newapi_cli.errors import ConfigError, LocalError, UsageError
from newapi_cli.render.error_lines import print_warning
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.app.attachments import Attacher
    from newapi_cli.app.config_edit import ConfigEditor
    from newapi_cli.app.doctor.runner import Check
    from newapi_cli.app.gateway.gateway import Gateway
    from newapi_cli.config.file import ConfigFile
    from newapi_cli.demo.server import DemoGateway
    from newapi_cli.render.images import ImageFilter
    from newapi_cli.render.live.theme import Theme
    from newapi_cli.render.output_options import Target
    from newapi_cli.render.render_loop import Renderer
    from newapi_cli.render.status_lines import StatusOptions
    from newapi_cli.store.sessions import SessionStore

LOGIN_HINT = "run `newapi login`, or set NEWAPI_BASE_URL and NEWAPI_API_KEY"


class Context:
    """The outside world and the settings of one run. `overrides` are the flags by setting name."""

    def __init__(self, streams: Streams, overrides: Mapping[str, object]) -> None:
        self.streams = streams
        self.overrides = {name: value for name, value in overrides.items() if value is not None}
        self.is_verbose = bool(overrides.get("verbose"))
        self.keeps_cache = True  # what the gateway tells is kept on files of the cache folder
        self.interrupts = Interrupts()
        streams.set_wait_check(self.interrupts.check_wait)
        self._secrets: list[Secret] = []
        streams.redactors.append(lambda text: redact(text, self._secrets))

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session store, where it was opened: a command has ended, however."""
        if "sessions" in self.__dict__:
            self.sessions.close()

    def override(self, **values: object) -> None:
        """Take further flags; None means not given. Before the settings are first asked for.

        Raises `UsageError` for what a flag cannot be, such as NaN.
        """
        for name, value in values.items():
            if value is None:
                continue
            try:
                self.overrides[name] = BY_NAME[name].check(value)
            except ValueError as problem:
                raise UsageError(f"{BY_NAME[name].flag} {problem}") from None

    @cached_property
    def paths(self) -> Paths:
        """Where files live."""
        return find_paths(self.streams.environ)

    @cached_property
    def config_file(self) -> ConfigFile:
        """The config file, its warnings told."""
        from newapi_cli.config.file import read_config

        found = read_config(self.paths.config_file)
        for warning in found.warnings:
            print_warning(self.streams, warning)
        return found

    @cached_property
    def settings(self) -> Settings:
        """The settings of this run."""
        settings = load_settings(self.config_file, self.overrides, self.streams.environ)
        if settings.key is not None:
            self._secrets.append(settings.key.text)
        return settings

    def use_profile(self, name: str) -> None:
        """Go over to another profile, as if it had been named by a flag. Raises `ConfigError`.

        Where the profile cannot be used, everything stays as it was.
        """
        before = dict(self.overrides)
        self.overrides["profile"] = name
        self.forget_settings()
        try:
            _ = self.settings
        except ConfigError:
            self.overrides = before
            raise

    def forget_settings(self) -> None:
        """Let the settings be worked out anew, after flags have changed."""
        for name in ("settings", "api_key"):
            self.__dict__.pop(name, None)

    def sampling(self) -> Sampling:
        """The optional request fields that are set."""
        stored = self.config_file.profiles.get(self.settings.profile, {}).get("options")
        return sampling_from_values(self.settings.values, stored)

    @property
    def base_url(self) -> BaseUrl:
        """The server. Raises `ConfigError` where none is set."""
        if self.settings.base_url is None:
            raise ConfigError("no base URL is set", hint=LOGIN_HINT)
        return self.settings.base_url

    @property
    def model(self) -> str:
        """The model. Raises `ConfigError` where none is set, nor what it could be chosen by."""
        model = self.models_to_ask[0]
        if not model:
            _ = self.base_url, self.settings.key or self.api_key  # the first thing to have
            raise ConfigError(
                "no model is set",
                hint="`newapi models` lists them; then -m NAME, or `newapi config set model NAME`",
            )
        return model

    @property
    def models_to_ask(self) -> list[str]:
        """The model, empty where none is set, and those to ask in turn where it fails.

        What stands behind commas of the model rules over the setting `fallback`: `a,` asks a alone.
        """
        text, stored = self.settings.text("model"), self.settings.values.get("fallback")
        names = text.split(",")
        if "," not in text and isinstance(stored, list):
            names += map(str, stored)
        return [name.strip() for name in names if name.strip()] or [""]

    def allow_new_profile(self) -> None:
        """Let the profile that is named be one that does not exist yet."""
        named = self.overrides.get("profile") or self.streams.environ.get("NEWAPI_PROFILE")
        if named and named not in self.config_file.profiles:
            profiles = {**self.config_file.profiles, str(named): {}}
            self.config_file = replace(self.config_file, profiles=profiles)

    def check_config_file(self) -> None:
        """Read the config file anew. Raises `ConfigError` where it says nothing sensible."""
        self.__dict__.pop("config_file", None)
        load_settings(self.config_file, self.overrides, self.streams.environ)

    def remove_keys(self, text: str) -> str:
        """Take the known keys, and nothing else, out of a text that is stored."""
        return redact_known(text, self._secrets)

    def hide(self, key: Secret) -> None:
        """Keep a key out of everything that is told."""
        self._secrets.append(key)

    @cached_property
    def api_key(self) -> Secret:
        """The key, if it may go to the server. Raises `ConfigError`."""
        base_url, settings = self.base_url, self.settings
        if settings.key is None:
            raise ConfigError(
                "no API key is set", why=settings.key_problem, hint="run `newapi login`, or set"
                " NEWAPI_API_KEY (to any text for a server that wants none)",
            )  # fmt: skip
        ensure_key_may_be_sent(base_url, allow_insecure=settings.flag("allow_insecure"))
        key = read_key(settings.key, self.paths.config_file.parent)
        self._secrets.append(key)
        return key

    def client(
        self,
        base_url: BaseUrl | None = None,
        api_key: Secret | None = None,
        *,
        with_key: bool = True,
        retries: int | None = None,
        timeouts: Timeouts | None = None,
        interrupts: Interrupts | None = None,
    ) -> Client:
        """The client for the settings' server, or for another one that is being tried."""
        from newapi_cli.api.chat.client import Client
        from newapi_cli.api.http.endpoint import Endpoint

        settings = self.settings
        endpoint = Endpoint(
            base_url or self.base_url,
            (api_key or self.api_key) if with_key else None,
            proxy=settings.text("proxy"),
            ca_bundle=settings.text("ca_bundle"),
            environ=self.streams.environ,
        )
        return Client(
            endpoint,
            interrupts or self.interrupts,
            timeouts=timeouts or settings.timeouts,
            retries=settings.whole("retries") if retries is None else retries,
        )

    @cached_property
    def gateway(self) -> Gateway:
        """What the gateway tells beside answers: models, prices, what the key has left."""
        from newapi_cli.app.gateway.gateway import Gateway

        return Gateway(self)

    def checks(self, *, may_spend: bool) -> list[Check]:
        """What `newapi doctor` checks, in its order."""
        from newapi_cli.app.doctor.checks import checks_of

        return checks_of(self, may_spend=may_spend)

    @cached_property
    def attacher(self) -> Attacher:
        """What opens files and URLs for prompts, and reads attachments anew for each turn."""
        from newapi_cli.app.attachments import Attacher

        return Attacher(self)

    def renderer(self, target: Target, wish: StatusOptions) -> Renderer:
        """What writes an answer for a target; the one for markdown loads rich."""
        from newapi_cli.render import json_output, plain, status_lines
        from newapi_cli.render.output_options import Target

        stdout = self.streams.stdout
        beside = status_lines.StatusLines(self.streams, wish)
        if target is Target.MARKDOWN:
            from newapi_cli.render.live.renderer import LiveRenderer

            return LiveRenderer(self.streams, beside, self.theme(), wish, self._pictures())
        if target in (Target.JSON, Target.JSON_LINES):
            return json_output.JsonRenderer(
                self.streams,
                beside,
                model=wish.model,
                lines=target is Target.JSON_LINES,
                session=wish.session,
            )
        if target is Target.EXTRACT:
            from newapi_cli.render import extract

            return extract.ExtractRenderer(stdout, beside)
        if target is Target.PLAIN:
            from newapi_cli.terminal import OutputModes

            modes = OutputModes(self.streams)
            return plain.PlainRenderer(stdout, beside, self._pictures(), modes)
        return plain.PlainRenderer(stdout, beside, None)

    def _pictures(self) -> ImageFilter:
        from newapi_cli.render.images import ImageFilter

        def folder() -> Path:
            if not self.settings.flag("save"):
                raise FileNotFoundError("nothing is saved in this run")
            ensure_private_dir(self.pictures_dir)
            return self.pictures_dir

        return ImageFilter(folder)

    @property
    def config_editor(self) -> ConfigEditor:
        """What changes the config file."""
        from newapi_cli.app.config_edit import ConfigEditor

        return ConfigEditor(self)

    def demo_gateway(self, port: int) -> DemoGateway:
        """The gateway inside the program, bound to a port of this machine. Raises `LocalError`."""
        from newapi_cli.demo.server import DemoGateway

        try:
            return DemoGateway(port=port)
        except OSError as error:
            raise LocalError(
                f"cannot serve on port {port}", why=error.strerror or "", hint="--port 0 finds one"
            ) from error

    @property
    def sessions_file(self) -> Path:
        """Where the sessions are stored."""
        return self.paths.data_dir / "sessions.db"

    @cached_property
    def sessions(self) -> SessionStore:
        """The sessions. Raises `LocalError`, or `ConfigError` where there is no folder for them."""
        from newapi_cli.store.sessions import SessionStore

        ensure_private_dir(self.paths.data_dir)
        check_wait = self.interrupts.check_wait
        return SessionStore(create_for_folder_owner(self.sessions_file), check_wait=check_wait)

    @property
    def sessions_if_any(self) -> SessionStore | None:
        """The sessions where there is a file of them; to look makes none. Raises `LocalError`."""
        try:
            return self.sessions if self.sessions_file.exists() else None
        except OSError as error:
            problem = f"cannot look into {self.paths.data_dir}"
            raise LocalError(problem, why=error.strerror or "") from error

    @property
    def pictures_dir(self) -> Path:
        """Where pictures of answers are saved."""
        return self.paths.data_dir / "pictures"

    def show_session(self, stored: StoredSession, *, reasoning: bool, all_branches: bool) -> None:
        """Show a session, through the pager where it is long."""
        from newapi_cli.render.pager import page
        from newapi_cli.render.session_view import SessionViewOptions, show_session

        wish = SessionViewOptions(reasoning, all_branches)
        page(self.streams, show_session(self.streams, stored, self.theme(), wish, self._pictures()))

    def transcript(self, stored: StoredSession) -> str:
        """Give a session as Markdown."""
        from newapi_cli.render.transcript import transcript_markdown

        return transcript_markdown(stored)

    def theme(self) -> Theme:
        """The colors of answers. Raises `ConfigError` for a style of code that does not exist."""
        from newapi_cli.render.live.theme import theme_named

        return theme_named(self.settings.text("theme"), self.settings.text("code_style"))

    def ask_allowed(self, what: str) -> None:
        """Raise `UsageError` where no person is there to be asked."""
        if not self.streams.are_interactive:
            raise UsageError(f"cannot ask for {what}: this is no terminal")
