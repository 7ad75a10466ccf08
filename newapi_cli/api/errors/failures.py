"""What the standard library raises on a direct connection, translated into our errors.

`was_open` says whether the connection was open when the exception was raised.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl

from newapi_cli.api.errors.hints import URL_HINT
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import DeadlineError, NetworkError, NewapiError, NotHttpError

RETRY_HINT = "try again; if it keeps failing, contact the gateway's operator"
TOO_SHORT = (http.client.IncompleteRead, http.client.RemoteDisconnected)
# Libraries repeat header values and addresses in their words, and both can hold keys.
SECRETS = r"(?i)bearer\s+\S+|sk-\S+|//[^/\s]*@"


def is_transient(error: Exception, *, was_open: bool) -> bool:
    """Return whether a retry may succeed: nothing is wrong with the settings or the server."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return False
    if isinstance(error, TimeoutError):
        return was_open
    return isinstance(error, (OSError, ValueError, *TOO_SHORT))


def error_from_exception(error: Exception, base_url: BaseUrl, *, was_open: bool) -> Exception:
    """Return our error for an exception of a direct connection; its own words become `why`.

    Anything but a failure of the network or the server is a bug of ours, and returned as it is.
    """
    if not isinstance(error, OSError | http.client.HTTPException | ValueError):
        return error
    if isinstance(error, ssl.SSLError):
        return tls_error(error, base_url)
    if was_open:
        return _response_error(error, base_url.authority)
    return _connect_error(error, base_url)


def _connect_error(error: Exception, base_url: BaseUrl) -> NewapiError:
    if isinstance(error, TimeoutError):
        return connect_timeout(base_url)
    if isinstance(error, socket.gaierror):
        return NetworkError(
            f"cannot find the host {base_url.host}",
            why=words_of(error),
            hint=f"check the spelling and the network; {URL_HINT}",
        )
    if isinstance(error, ConnectionRefusedError):
        return NetworkError(f"cannot connect to {base_url.authority}: refused", hint=URL_HINT)
    return NetworkError(
        f"cannot connect to {base_url.authority}", why=words_of(error), hint=URL_HINT
    )


def tls_error(error: ssl.SSLError, base_url: BaseUrl) -> NetworkError:
    """Return our error for a failure of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NetworkError(
            f"the certificate of {base_url.authority} cannot be trusted",
            why=error.verify_message or "",
            hint="for a company CA set SSL_CERT_FILE or `newapi config set ca_bundle PATH`",
        )
    return NetworkError(
        f"no TLS connection to {base_url.authority}",
        why=words_of(error),
        hint=f"a server without TLS needs http:// in its base URL; {URL_HINT}",
    )


def connect_timeout(base_url: BaseUrl) -> DeadlineError:
    """Return our error for a connection that took too long."""
    return DeadlineError(f"no connection to {base_url.authority} in time", hint=URL_HINT)


def connection_lost(place: str, why: str) -> NetworkError:
    """Return our error for a connection that broke after it was open."""
    return NetworkError(f"the connection to {place} broke", why=why, hint=RETRY_HINT)


def _response_error(error: Exception, place: str) -> NetworkError:
    if isinstance(error, http.client.IncompleteRead):
        return NetworkError(f"{place} ended the connection early", hint=RETRY_HINT)
    if isinstance(error, http.client.RemoteDisconnected):
        return NetworkError(f"{place} closed the connection without an answer", hint=RETRY_HINT)
    if isinstance(error, OSError):
        return connection_lost(place, words_of(error))
    kind = NotHttpError if isinstance(error, http.client.HTTPException) else NetworkError
    return invalid_http(place, words_of(error), kind)


def invalid_http(place: str, why: str, kind: type[NetworkError] = NetworkError) -> NetworkError:
    """Return our error for a response that breaks the rules of HTTP."""
    return kind(f"{place} does not speak HTTP as it should", why=why, hint=URL_HINT)


def words_of(error: BaseException) -> str:
    """Return what an exception says, without keys."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = re.sub(r"^\[[^\]]*\]\s*", "", str(error))[:300]
    return re.sub(SECRETS, "…", words)
