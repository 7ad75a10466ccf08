"""A server: its address, headers, proxy and TLS certificates."""

from __future__ import annotations

import errno
import os
import ssl
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from newapi_cli import __version__
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import Secret
from newapi_cli.errors import ConfigError
from newapi_cli.i18n import tr

NO_PROXY_WORDS = ("none", "off", "direct")
PROXY_SETTING = tr("--proxy or the setting `proxy`")
SYSTEM_SETTINGS = tr("the system's proxy settings")
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts
TRADITIONAL = {"tw", "hk", "mo", "hant"}  # regions and scripts of Traditional Chinese


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server with its key. `proxy` is the setting, `environ` the environment variables.

    `ca_bundle` is a path, empty for the system's certificates.
    """

    base_url: BaseUrl
    api_key: Secret | None = None
    proxy: str = ""
    ca_bundle: str = ""
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
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.reveal()}"
        return headers

    def proxy_url(self) -> str:
        """Return the URL of the proxy for this server, empty for a direct connection.

        The setting overrides the environment (or the system) with its NO_PROXY. This machine is
        always connected to directly.
        """
        if self.base_url.is_loopback or self.proxy.lower() in NO_PROXY_WORDS:
            return ""
        if self.proxy:
            return self.proxy
        if not self._may_have_system_proxy:
            return ""
        from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  # 9 ms

        if proxy_bypass(self.base_url.host):
            return ""
        proxies = getproxies()
        return proxies.get(self.base_url.scheme) or proxies.get("all") or ""

    @property
    def _may_have_system_proxy(self) -> bool:
        """Whether a variable names a proxy. macOS and Windows have system settings too."""
        return sys.platform in ("darwin", "win32") or any(
            value and name.lower() in ("http_proxy", "https_proxy", "all_proxy")
            for name, value in self.environ.items()
        )

    def proxy_source(self, proxy: str) -> str:
        """Return what has set the proxy: the option or setting, a variable, or the system."""
        if self.proxy:
            return PROXY_SETTING
        names = (f"{self.base_url.scheme}_proxy", "all_proxy")
        variables = (name for name, value in os.environ.items() if value == proxy)
        return next((name for name in variables if name.lower() in names), SYSTEM_SETTINGS)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context for https, None for http.

        Raises `ConfigError` if it is invalid.
        """
        if self.base_url.scheme == "http":
            return None
        for setting, path in (
            ("ca_bundle", self.ca_bundle),
            ("SSL_CERT_FILE", self.environ.get("SSL_CERT_FILE", "")),
        ):
            if path:
                return _context_of_bundle(setting, path)
        return _system_context()


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


@cache
def _system_context() -> ssl.SSLContext:
    """Load the system's certificates once a process: 18 ms.

    A hashed folder is preferred: nothing in it is parsed until a server presents a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    if paths.capath and any(Path(paths.capath).glob("*.0")):
        context.load_verify_locations(capath=paths.capath)
        return context
    return ssl.create_default_context()
