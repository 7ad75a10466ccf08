"""A server: its address, headers, proxy and TLS certificates."""

from __future__ import annotations

import errno
import os
import shlex
import ssl
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from newapi_cli import __version__
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import Secret
from newapi_cli.errors import ConfigError, profile_command
from newapi_cli.i18n import tr

NO_PROXY_WORDS = ("none", "off", "direct")
SYSTEMS_WITH_PROXY = ("darwin", "win32")
PROXY_SETTING = tr("--proxy or the setting `proxy`")
SYSTEM_SETTINGS = tr("the system's proxy settings")
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts
TRADITIONAL = {"tw", "hk", "mo", "hant"}  # regions and scripts of Traditional Chinese


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server with its key. `proxy` is the setting, `environ` the environment variables.

    `ca_bundle` is a path, empty for the system's certificates; so are `client_cert` and
    `client_key`, empty for none. An empty key is not sent: `extra_headers` replace it.
    """

    base_url: BaseUrl
    api_key: Secret | None = None
    proxy: str = ""
    ca_bundle: str = ""
    client_cert: str = ""
    client_key: str = ""
    extra_headers: Mapping[str, Secret] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def headers(self, *, accept: str = "application/json") -> dict[str, str]:
        """Return the request headers. The body is requested without compression."""
        headers = {
            "Accept": accept,
            "Accept-Encoding": "identity",
            "Accept-Language": accepted_language(self.environ),
            "Content-Type": "application/json",
            "User-Agent": f"newapi/{__version__}",
        }
        if self.api_key is not None and (key := self.api_key.reveal()):
            headers["Authorization"] = f"Bearer {key}"
        if self.extra_headers:
            names = {name.lower() for name in self.extra_headers}
            headers = {name: v for name, v in headers.items() if name.lower() not in names}
            headers |= {name: value.reveal() for name, value in self.extra_headers.items()}
        return headers

    def proxy_url(self) -> str:
        """Return the URL of the proxy for this server, empty for a direct connection.

        The setting overrides the environment (or the system) with its NO_PROXY. This machine is
        always connected to directly.
        """
        if self.base_url.is_loopback or self.proxy.lower() in NO_PROXY_WORDS:
            return ""
        text = self.proxy or (self._system_proxy() if self._may_have_system_proxy else "")
        if not text:
            return ""
        from newapi_cli.domain.proxy import proxy_url_from_text  # noqa: PLC0415

        return proxy_url_from_text(text)

    def _system_proxy(self) -> str:
        from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  # 9 ms

        from newapi_cli.domain.proxy import is_excluded  # noqa: PLC0415

        proxies, host = getproxies(), self.base_url.host
        if is_excluded(proxies.get("no", ""), host, self.base_url.port):
            return ""
        if sys.platform in SYSTEMS_WITH_PROXY and proxy_bypass(host):
            return ""
        return proxies.get(self.base_url.scheme) or proxies.get("all") or ""

    @property
    def _may_have_system_proxy(self) -> bool:
        """Whether a variable names a proxy. macOS and Windows have system settings too."""
        return sys.platform in SYSTEMS_WITH_PROXY or any(
            value and name.lower() in ("http_proxy", "https_proxy", "all_proxy")
            for name, value in self.environ.items()
        )

    def proxy_source(self, proxy: str) -> str:
        """Return what has set the proxy: the option or setting, a variable, or the system."""
        from newapi_cli.domain.proxy import proxy_url_from_text  # noqa: PLC0415

        if self.proxy:
            return PROXY_SETTING
        names = (f"{self.base_url.scheme}_proxy", "all_proxy")
        variables = (
            name for name, value in os.environ.items()
            if name.lower() in names and proxy_url_from_text(value) == proxy
        )  # fmt: skip
        return next(variables, SYSTEM_SETTINGS)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context for https, None for http.

        Raises `ConfigError` if it is invalid.
        """
        if self.base_url.scheme == "http":
            return None
        if not self.client_cert and not self.client_key:
            return self._trusting_context(_system_context)
        # Not the cached context: other servers must not get the certificate.
        context = self._trusting_context(_new_system_context)
        _load_client_certificate(context, self.client_cert, self.client_key)
        return context

    def _trusting_context(self, system: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        for setting, path in (
            ("ca_bundle", self.ca_bundle),
            *((name, self.environ.get(name, "")) for name in BUNDLE_VARIABLES),
        ):
            if path:
                return _context_of_bundle(setting, path)
        return system()


def accepted_language(environ: Mapping[str, str]) -> str:
    """Return the user's language for Accept-Language, from the variables that gettext reads.

    New API answers in the language of the first tag and ignores the others, so English comes
    second. An invalid locale counts as English and is never sent.

    >>> accepted_language({"LANG": "zh_CN.UTF-8"}), accepted_language({"LC_ALL": "zh_HK"})
    ('zh', 'zh-TW')
    >>> accepted_language({"LANG": "de_DE@euro"}), accepted_language({"LANG": "C.UTF-8"})
    ('de, en;q=0.5', 'en')
    """
    locale = next((environ[name] for name in LOCALE_VARIABLES if environ.get(name)), "")
    preferred = environ.get("LANGUAGE", "").split(":") if locale not in ("C", "POSIX") else []
    for each in (*preferred, locale):
        name = each.partition(".")[0].partition("@")[0].replace("-", "_").lower()
        language, *places = name.split("_")
        if language == "zh":
            return "zh-TW" if not TRADITIONAL.isdisjoint(places) else "zh"
        if len(language) in (2, 3) and language.isascii() and language.isalpha():
            return "en" if language == "en" else f"{language}, en;q=0.5"
    return "en"


def _context_of_bundle(setting: str, path: str) -> ssl.SSLContext:
    try:
        expanded = Path(path).expanduser()
        if stat.S_ISFIFO(expanded.stat().st_mode):  # OpenSSL would wait for it
            raise OSError(errno.ESPIPE, "it is a pipe, not a file")
        return ssl.create_default_context(
            cafile=None if expanded.is_dir() else str(expanded),
            capath=str(expanded) if expanded.is_dir() else None,
        )
    except (OSError, RuntimeError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            tr("{setting}: cannot read certificates from {path}", setting=setting, path=path),
            why=why or tr("not a PEM file"),
            hint=tr("set {setting} to the path of a PEM bundle, or unset it", setting=setting),
        ) from error


def _load_client_certificate(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Add a client certificate with its key. Raises `ConfigError`."""
    if not cert:
        raise ConfigError(
            tr("client_key is set, but client_cert is not"),
            hint=profile_command("newapi config set", "client_cert PATH"),
        )
    was_asked: list[bool] = []

    def refuse_password(*_: object) -> bytes:
        was_asked.append(True)  # without this function OpenSSL would ask at the terminal
        return b""

    try:
        files = [Path(path).expanduser() for path in (cert, key or cert)]
        for file in files:
            if not stat.S_ISREG(file.stat().st_mode):  # OpenSSL would wait for a pipe
                raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        context.load_cert_chain(files[0], files[1], refuse_password)
    except (OSError, RuntimeError, ValueError) as error:
        raise _client_certificate_error(error, cert, key, is_encrypted=bool(was_asked)) from error


def _client_certificate_error(
    error: Exception, cert: str, key: str, *, is_encrypted: bool
) -> ConfigError:
    reason = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    set_key = profile_command("newapi config set", "client_key PATH")
    hint = tr(
        "set client_cert and client_key to the paths of PEM files: {command}",
        command=profile_command("newapi config list"),
    )
    why: str = tr("not a PEM file with a certificate and its key")
    if is_encrypted:
        why = tr("the private key is encrypted, and newapi cannot ask for its password")
        hint = tr(
            "store a key without a password: openssl pkey -in {path} -out client.key, then:"
            " {command}",
            path=shlex.quote(key or cert),
            command=set_key,
        )
    elif "MISMATCH" in reason:
        why = tr("the private key does not belong to the certificate")
    elif isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        path = f"{error.filename}: " if error.filename else ""
        why = f"{path}{error.strerror}"
    elif not key:
        hint = tr("if the key is in another file: {command}", command=set_key)
    message = tr("cannot load the client certificate {path}", path=cert)
    return ConfigError(message, why=why, hint=hint)


@cache
def _system_context() -> ssl.SSLContext:
    """Return the context with the system's certificates, loaded once a process: 18 ms."""
    return _new_system_context()


def _new_system_context() -> ssl.SSLContext:
    """Load the system's certificates.

    A hashed folder is preferred: nothing in it is parsed until a server presents a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    if paths.capath and any(Path(paths.capath).glob("*.0")):
        context.load_verify_locations(capath=paths.capath)
        return context
    return ssl.create_default_context()
