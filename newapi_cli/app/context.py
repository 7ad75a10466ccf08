"""The state of one run: streams, settings, the key, the server and the session store.

Each part is made when it is first used, and imported there: half the time of a start.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.keys import NO_KEY_HINT, ensure_key_may_be_sent, read_key
from newapi_cli.config.paths import Paths, create_for_folder_owner, ensure_private_dir, find_paths
from newapi_cli.config.settings import (
    NO_BASE_URL_HINT,
    BoundSettings,
    load_settings,
    model_and_fallbacks,
)
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.redaction import redact, redact_known_keys
from newapi_cli.domain.settings import KeySource, Secret, Settings, Timeouts
from newapi_cli.errors import ConfigError, LocalError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_warning
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.api.http.endpoint import Endpoint
    from newapi_cli.config.file import ConfigFile
    from newapi_cli.store.sessions import SessionStore


class Context:
    """Streams and settings of one run. `overrides` holds the flags by the names of settings."""

    def __init__(self, streams: Streams, overrides: Mapping[str, object]) -> None:
        self.streams = streams
        self.overrides = {name: value for name, value in overrides.items() if value is not None}
        self.is_verbose = bool(overrides.get("verbose"))
        self.own_url: BaseUrl | None = None  # the server that `login` makes the profile's own
        self.writes_cache = True  # else responses are cached in memory only
        self.demo_models: tuple[str, ...] = ()  # of the demo gateway, if that is the server
        self.interrupts = Interrupts()
        streams.interrupts = self.interrupts
        streams.set_wait_check(self.interrupts.check_wait)
        self.secrets: list[Secret] = []  # keys, redacted on stderr and in what is stored
        streams.redactors.append(lambda text: redact(text, self.secrets))

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_exception: object) -> None:
        if "sessions" in self.__dict__:
            self.sessions.close()

    def override(self, **values: object) -> None:
        """Add flags, before the settings are first used. None means not given.

        Raises `UsageError` for an invalid value, such as NaN.
        """
        for name, value in values.items():
            try:
                if value is not None:
                    self.overrides[name] = BY_NAME[name].check(value)
            except ValueError as problem:
                raise UsageError(f"{BY_NAME[name].flag} {problem}") from None

    @cached_property
    def paths(self) -> Paths:
        """Where the program's files are located."""
        return find_paths(self.streams.environ)

    @cached_property
    def config_file(self) -> ConfigFile:
        """The config file. Its warnings are printed when it is read."""
        from newapi_cli.config.file import read_config

        config = read_config(self.paths.config_file)
        names = [f"{config.path}: {text}" for text in config.unknown_names]
        for warning in (*config.warnings, *names):
            print_warning(self.streams, warning)
        return config

    @cached_property
    def settings(self) -> Settings:
        """The settings of this run."""
        settings = load_settings(self.config_file, self.overrides, self.streams.environ)
        if settings.key is not None:
            self.secrets.append(settings.key.text)
        if headers := settings.table("headers"):
            from newapi_cli.config.headers import known_secrets

            self.secrets += known_secrets(headers)
        return settings

    @property
    def settings_if_loaded(self) -> Settings | None:
        """The settings, None before they are first used or if they are invalid."""
        return self.__dict__.get("settings")

    def load_settings(self) -> Settings:
        """Return the settings. Their key, if any, is redacted from now on. Raises `ConfigError`."""
        return self.settings

    def forget_settings(self) -> None:
        """Load the settings again at their next use, after overrides have changed."""
        for name in ("settings", "api_key", "headers"):
            self.__dict__.pop(name, None)

    def use_profile(self, name: str) -> None:
        """Switch to another profile, as if an option had named it.

        Raises `ConfigError`.
        """
        overrides = {**self.overrides, "profile": name}
        load_settings(self.config_file, overrides, self.streams.environ)  # raises, or is valid
        self.overrides = overrides
        self.forget_settings()

    @property
    def model_and_fallbacks(self) -> list[str]:
        """The model, empty if none is set, and the models to try in turn if it fails."""
        return model_and_fallbacks(self.settings, self.paths.cache_dir)

    @property
    def base_url(self) -> BaseUrl:
        """The server. Raises `ConfigError` if none is set."""
        if self.settings.base_url is None:
            raise ConfigError(tr("no base URL is set"), hint=NO_BASE_URL_HINT)
        return self.settings.base_url

    @property
    def bound_settings(self) -> BoundSettings:
        """The settings that are sent only to their own host."""
        return BoundSettings(self.settings, self.config_file, self.own_url)

    def require_key_source(self) -> KeySource | None:
        """Return where the key is read, None if headers replace it.

        Raises `ConfigError` if no server or no key is set.
        """
        base_url, source = self.base_url, self.settings.key
        if source is None and not self.bound_settings.includes("headers", base_url):
            why = self.settings.key_problem
            raise ConfigError(tr("no API key is set"), why=why, hint=NO_KEY_HINT)
        return source

    @cached_property
    def api_key(self) -> Secret:
        """The key, empty if headers replace it.

        Raises `ConfigError` if none is set, or if it must not go to the server.
        """
        source = self.require_key_source()
        if source is None:
            return Secret("")
        ensure_key_may_be_sent(self.base_url, allow_insecure=self.settings.flag("allow_insecure"))
        key = read_key(source, self.paths.config_file.parent)
        self.secrets.append(key)
        return key

    @cached_property
    def headers(self) -> Mapping[str, Secret]:
        """The user's own headers, empty if none are set; their commands are run.

        Raises `ConfigError` for a header that cannot be sent, or must not be.
        """
        if not self.settings.table("headers"):
            return {}
        from newapi_cli.config.headers import load_headers, secret_values

        headers = load_headers(self.settings, self.own_url or self.base_url)
        self.secrets += secret_values(headers)
        return headers

    def redact_known_keys(self, text: str) -> str:
        """Return a text with the known keys redacted, as it may be stored."""
        return redact_known_keys(text, self.secrets)

    def endpoint(self, base_url: BaseUrl | None = None, api_key: Secret | None = None) -> Endpoint:
        """Return the server of the settings, or another one; without a key unless one is given."""
        from newapi_cli.api.http.endpoint import Endpoint

        server, bound = base_url or self.base_url, self.bound_settings
        return Endpoint(
            server,
            api_key,
            proxy=self.settings.text("proxy"),
            ca_bundle=self.settings.text("ca_bundle"),
            client_cert=bound.file("client_cert", server),
            client_key=bound.file("client_key", server),
            extra_headers=self.headers if bound.includes("headers", server) else {},
            environ=self.streams.environ,
        )

    def client(
        self,
        endpoint: Endpoint | None = None,
        *,
        retries: int | None = None,
        timeouts: Timeouts | None = None,
        interrupts: Interrupts | None = None,
    ) -> Client:
        """Return a client for the server and the key of the settings, or for another endpoint."""
        from newapi_cli.api.chat.client import Client

        return Client(
            endpoint or self.endpoint(api_key=self.api_key),
            interrupts or self.interrupts,
            timeouts=timeouts or self.settings.timeouts,
            retries=self.settings.integer("retries") if retries is None else retries,
        )

    @cached_property
    def sessions(self) -> SessionStore:
        """The session store.

        Raises `LocalError`, or `ConfigError` if there is no data folder.
        """
        from newapi_cli.store.sessions import SessionStore

        ensure_private_dir(self.paths.data_dir)
        path = create_for_folder_owner(self.paths.sessions_file)
        return SessionStore(path, check_wait=self.interrupts.check_wait)

    @property
    def sessions_if_any(self) -> SessionStore | None:
        """The session store if its file exists; the file is not created.

        Raises `LocalError`.
        """
        try:
            return self.sessions if self.paths.sessions_file.exists() else None
        except OSError as error:
            message = tr("cannot read the folder {path}", path=self.paths.data_dir)
            raise LocalError(message, why=error.strerror or "") from error
