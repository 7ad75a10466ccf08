"""What the standard library raises on a direct connection, as `NewapiError`s.

`was_open` says whether the connection was open when the exception was raised.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl

from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import (
    DeadlineError,
    NetworkError,
    NewapiError,
    NextStep,
    NotHttpError,
    Reason,
    profile_command,
)
from newapi_cli.i18n import tr

RETRY_HINT = tr("retry; if it keeps failing, contact the gateway's operator")
TOO_SHORT = (http.client.IncompleteRead, http.client.RemoteDisconnected)
# Libraries repeat header values and addresses in their words, and both can hold keys.
SECRETS = r"(?i)bearer\s+\S+|sk-\S+|//[^/\s]*@"
SET_CERTIFICATE = profile_command("newapi config set", "client_cert PATH")


def is_transient(error: Exception, *, was_open: bool) -> bool:
    """Return whether a retry may succeed: nothing is wrong with the settings or the server."""
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return False
    if isinstance(error, TimeoutError):
        return was_open
    return isinstance(error, (OSError, ValueError, *TOO_SHORT))


def error_from_exception(error: Exception, base_url: BaseUrl, *, was_open: bool) -> Exception:
    """Return the error for an exception of a direct connection; its own words become `why`.

    Anything but a failure of the network or the server is a bug, and is returned unchanged.
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
            tr("cannot find the host {host}", host=base_url.host),
            why=words_of(error),
            hint=tr("check the base URL and the network"),
        )
    place, why = base_url.authority, words_of(error)
    return NetworkError(
        tr("cannot connect to {place}", place=place), why=why, hint=NextStep.CHECK_BASE_URL
    )


def tls_error(error: ssl.SSLError, base_url: BaseUrl) -> NetworkError:
    """Return the error for a failure of TLS."""
    place = base_url.authority
    if isinstance(error, ssl.SSLCertVerificationError):
        return NetworkError(
            tr("the certificate of {place} is not trusted", place=place),
            reason=Reason.CERTIFICATE_NOT_TRUSTED,
            why=error.verify_message or "",
            hint=tr(
                "for a company CA set SSL_CERT_FILE, or `{command}`",
                command=profile_command("newapi config set", "ca_bundle PATH"),
            ),
        )
    return client_certificate_error(error, place) or NetworkError(
        tr("cannot establish a TLS connection to {place}", place=place),
        why=words_of(error),
        hint=tr("if the server has no TLS, use http:// in the base URL"),
    )


def client_certificate_error(error: Exception, place: str) -> NetworkError | None:
    """Return the error for an alert of TLS about the client's certificate, None for another."""
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if "ALERT" not in reason:
        return None
    if "CERTIFICATE_REQUIRED" in reason:
        message = tr("{place} requires a client certificate", place=place)
        hint = tr(
            "{command}, and client_key if its key is in another file", command=SET_CERTIFICATE
        )
    elif "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        message = tr("{place} rejected the client certificate", place=place)
        command = profile_command("newapi config list")
        hint = tr("check client_cert and client_key: `{command}`", command=command)
    elif "HANDSHAKE_FAILURE" in reason:
        message = tr("{place} rejected the TLS handshake", place=place)
        hint = tr("if the server requires a client certificate: {command}", command=SET_CERTIFICATE)
    else:
        return None
    return NetworkError(message, why=words_of(error), hint=hint)


def connect_timeout(base_url: BaseUrl) -> DeadlineError:
    """Return the error for a connection that took too long."""
    return DeadlineError(
        tr("connecting to {place} timed out", place=base_url.authority),
        hint=NextStep.CHECK_BASE_URL,
    )


def connection_lost(place: str, why: str) -> NetworkError:
    """Return the error for a connection that broke after it was open."""
    return NetworkError(tr("lost the connection to {place}", place=place), why=why, hint=RETRY_HINT)


def _response_error(error: Exception, place: str) -> NetworkError:
    if isinstance(error, http.client.IncompleteRead):
        message = tr("{place} closed the connection early", place=place)
        return NetworkError(message, hint=RETRY_HINT)
    if isinstance(error, http.client.RemoteDisconnected):
        message = tr("{place} closed the connection without a response", place=place)
        return NetworkError(message, hint=RETRY_HINT)
    if isinstance(error, OSError):
        return connection_lost(place, words_of(error))
    kind = NotHttpError if isinstance(error, http.client.HTTPException) else NetworkError
    return invalid_http(place, words_of(error), kind)


def invalid_http(place: str, why: str, kind: type[NetworkError] = NetworkError) -> NetworkError:
    """Return the error for a response that breaks the rules of HTTP."""
    message = tr("the response from {place} is not valid HTTP", place=place)
    return kind(message, why=why, hint=NextStep.CHECK_BASE_URL)


def words_of(error: BaseException) -> str:
    """Return the message of an exception, without keys."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = re.sub(r"^(?:\[[^\]]*\]|_ssl\.c:\d+:)\s*", "", str(error))[:300]
    return re.sub(SECRETS, "…", words)
