"""Errors that a user can meet. Each has a reason, an exit code, and up to four parts to display.

    NewapiError
    ├── UsageError                 2  the command line or piped input
    │   └── FileError              2  a file that cannot be read
    ├── ConfigError                3  missing key, invalid file, a key that must not be sent there
    ├── AuthenticationError        4  the key was rejected
    ├── NetworkError               5  DNS, connect, TLS, proxy
    │   └── NotHttpError           6  the server does not speak HTTP
    ├── GatewayError               6  the gateway refused the request, or its response is invalid
    │   ├── ContextTooLongError    6  the conversation exceeds the model's context
    │   └── ModelNotFoundError     6  no channel serves this model to this key
    ├── LimitError                 7  rate limit, quota
    ├── DeadlineError              8  a timeout of newapi's own
    ├── IncompleteCompletion       9  the answer was cut off; what arrived is printed and kept
    ├── LocalError                10  the output could not be written, or the store failed
    ├── Interrupted              130  a signal ended the run (143, 129 for the others)
    │   └── InputEnded           130  Ctrl-D at a prompt
    └── PipeClosed               141  the reader of the output closed the pipe

Packages raise these; only `cli.main` and the conversation catch them.
"""

from __future__ import annotations

import errno
import os
import shlex
import traceback
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import ClassVar, Self

from newapi_cli.i18n import Translatable, tr

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ExitCode(IntEnum):
    """The exit codes. Help, README and tests are made from this table."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    COMPLETE = 0, "complete"
    BUG = 1, "a bug in newapi (--debug prints the traceback)"
    USAGE = 2, "usage: invalid option, or no prompt"
    CONFIG = 3, "configuration: no key, invalid file, key over plain HTTP"
    AUTHENTICATION = 4, "the key was rejected"
    NETWORK = 5, "network: DNS, connect, TLS, proxy"
    GATEWAY = 6, "the gateway refused the request, or its response is invalid"
    LIMIT = 7, "rate limit, or quota used up"
    TIMEOUT = 8, "timeout"
    INCOMPLETE = 9, "answer incomplete; the partial answer is printed, and saved unless -n"
    LOCAL = 10, "output could not be written, or a session store command failed"
    SIGHUP = 129, "stopped by SIGHUP"
    SIGINT = 130, "stopped by Ctrl-C"
    SIGPIPE = 141, "the reader closed the pipe (silent)"
    SIGTERM = 143, "stopped by SIGTERM"


class Reason(StrEnum):
    """What went wrong, for code. Never compare messages; the value is the `kind` in JSON."""

    USAGE = "usage"
    CONFIG = "config"
    NETWORK = "network"
    NOT_HTTP = "not_http"
    CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
    PROXY_FAILED = "proxy_failed"
    TIMEOUT = "timeout"
    INCOMPLETE = "incomplete"
    LOCAL = "local"
    DISK_FULL = "disk_full"
    IO_ERROR = "io_error"
    INTERRUPTED = "interrupted"
    PIPE_CLOSED = "pipe_closed"
    # The key
    KEY_REJECTED = "key_rejected"
    KEY_REJECTED_BY_SERVER = "key_rejected_by_server"
    KEY_UNKNOWN = "key_unknown"
    KEY_EXPIRED = "key_expired"
    KEY_DISABLED = "key_disabled"
    KEY_MISSING = "key_missing"
    ACCOUNT_BANNED = "account_banned"
    ADDRESS_FORBIDDEN = "address_forbidden"
    MODEL_FORBIDDEN = "model_forbidden"
    GROUP_FORBIDDEN = "group_forbidden"
    CHANNEL_FORBIDDEN = "channel_forbidden"
    PERMISSION_DENIED = "permission_denied"
    # Limits
    RATE_LIMITED = "rate_limited"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    KEY_QUOTA_EXHAUSTED = "key_quota_exhausted"
    KEY_QUOTA_TOO_LOW = "key_quota_too_low"
    ACCOUNT_QUOTA_EXHAUSTED = "account_quota_exhausted"
    ACCOUNT_QUOTA_TOO_LOW = "account_quota_too_low"
    PROVIDER_QUOTA_EXHAUSTED = "provider_quota_exhausted"
    # The request
    CONTEXT_TOO_LONG = "context_too_long"
    MODEL_NOT_FOUND = "model_not_found"
    IMAGE_NOT_SUPPORTED = "image_not_supported"
    PRICE_NOT_SET = "price_not_set"
    SENSITIVE_WORDS = "sensitive_words"
    PROMPT_BLOCKED = "prompt_blocked"
    VIOLATION_FEE = "violation_fee"
    REQUEST_NOT_CONVERTED = "request_not_converted"
    REQUEST_TOO_LARGE = "request_too_large"
    INVALID_REQUEST = "invalid_request"
    NOT_IMPLEMENTED = "not_implemented"
    # The server at the base URL
    REDIRECTED = "redirected"
    TLS_REQUIRED = "tls_required"
    CLIENT_CERTIFICATE_REQUIRED = "client_certificate_required"
    CLIENT_CERTIFICATE_REJECTED = "client_certificate_rejected"
    UNEXPECTED_STATUS = "unexpected_status"
    HTML_PAGE = "html_page"
    BLOCKED_BY_PAGE = "blocked_by_page"
    PATH_NOT_FOUND = "path_not_found"
    INVALID_RESPONSE = "invalid_response"
    OUTSIDE_PROTOCOL = "outside_protocol"
    OTHER_API = "other_api"
    ERROR_IN_STREAM = "error_in_stream"
    EMPTY_ANSWER = "empty_answer"
    SERVER_FAILED = "server_failed"
    PROXY_TIMEOUT = "proxy_timeout"
    # The gateway and the provider behind it
    GATEWAY_REFUSED = "gateway_refused"
    GATEWAY_FAILED = "gateway_failed"
    GATEWAY_DOWN = "gateway_down"
    GATEWAY_OVERLOADED = "gateway_overloaded"
    CHANNELS_EXHAUSTED = "channels_exhausted"
    CHANNEL_FAILED = "channel_failed"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    PROVIDER_REJECTED_GATEWAY = "provider_rejected_gateway"
    PROVIDER_RESPONSE_INVALID = "provider_response_invalid"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_FAILED = "provider_failed"
    PAYMENT_REQUIRED = "payment_required"


class ProfileFlag(Enum):
    """The place of the profile in a command. `i18n.reword` replaces it with `-P NAME`."""

    NONE = ""

    def __str__(self) -> str:
        return self.value


def profile_command(command: str, arguments: str = "") -> Translatable:
    """Return a command that acts on a profile, for a hint. `app.hints` adds the run's profile.

    >>> profile_command("newapi config set", "model NAME")
    'newapi config set model NAME'
    """
    flag = ProfileFlag.NONE
    if not arguments:
        return tr("{command}{flag}", command=command, flag=flag)
    return tr("{command}{flag} {arguments}", command=command, flag=flag, arguments=arguments)


def disk_hint(error: int | None, folder: str | os.PathLike[str]) -> str:
    """Return what to do if a write failed on a full or read-only disk, else an empty text.

    `error` is the system's number of the error.
    """
    path = shlex.quote(os.fspath(folder))
    if error in DISK_FULL_ERRNOS:
        return tr("free space on the disk: df -h {folder}", folder=path)
    if error == errno.EROFS:
        return tr(
            "make the disk writable, or set NEWAPI_HOME to a folder on another: df -h {folder}",
            folder=path,
        )
    return ""


class NextStep(StrEnum):
    """A next step in a hint. The value is its wording in a shell; the conversation has its own.

    A hint is one, or contains one as a template value, `tr("try another model: {step}",
    step=NextStep.…)`. `i18n.reword` replaces it.
    """

    wording: str

    def __new__(cls, wording: str) -> NextStep:
        member = str.__new__(cls, wording)
        member._value_ = str(wording)
        member.wording = wording  # keeps the values of a template
        return member

    USE_MODEL = "-m NAME"
    SET_TIMEOUT = "--timeout SECONDS"
    SET_MAX_TOKENS = "--max-tokens N"
    SHOW_REASONING = "`newapi sessions show --reasoning`, or with -n: --reasoning show"
    SYSTEM_FILE = "-s @FILE"
    LIST_SESSIONS = profile_command("newapi sessions list")
    PIPE_FILE = tr(
        "pipe it in instead: `… | {command}`", command=profile_command("newapi chat", "-f -")
    )
    AFTER_TOKEN_LIMIT = "--max-tokens N may raise it"
    RESEND_OR_CONTINUE = "send the prompt again"
    SHORTEN = "send a shorter prompt or fewer files"
    CHECK_BASE_URL = tr(
        "check the base URL with `{show}`, or store another: `{login}`",
        show=profile_command("newapi config get", "base_url"),
        login=profile_command("newapi login", "URL"),
    )


class NewapiError(Exception):
    """An error that is displayed in up to four parts, never as a traceback.

    `message` says what happened, in lower case and without a full stop. `why` holds the words of
    the server or the system, `hint` what to type next, `request_id` the server's id of the request,
    `status` the HTTP status that was reported, else 0. None of them contains a key.
    `conversation_hint` is the hint of a conversation if it needs other words than `NextStep` has.
    `can_fall_back`: another model may answer the same request. `retry_after_s`: how long the server
    asks to wait before a retry, None if it does not. `refused_fields`: the members of the request
    that the server names as invalid.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG
    default_reason: ClassVar[Reason]

    def __init__(
        self,
        message: str,
        *,
        reason: Reason | None = None,
        why: str = "",
        hint: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.why = why
        self.hint = hint
        self.request_id = request_id
        self.status = 0
        self.can_fall_back = False
        self.conversation_hint = ""
        self.retry_after_s: float | None = None
        self.refused_fields: tuple[str, ...] = ()

    def with_hint(self, hint: str, *, conversation: str = "") -> Self:
        """Replace the hints and return the error itself, as `with_traceback` does."""
        self.hint, self.conversation_hint = hint, conversation
        return self

    @property
    def summary(self) -> str:
        """What happened and why, as one line."""
        return f"{self.message}: {self.why}" if self.why else self.message


class UsageError(NewapiError):
    """The command line or the piped input is invalid; nothing was sent."""

    exit_code = ExitCode.USAGE
    default_reason = Reason.USAGE


def conflicting_options(one: str, other: str) -> UsageError:
    """Return the error for two options of which only one may be used."""
    message = tr("{one} and {other} cannot be used together", one=one, other=other)
    return UsageError(message, hint=tr("use only one of them"))


class FileError(UsageError):
    """A file cannot be read. `errno` is the system's number of the error, 0 if it has none."""

    def __init__(self, path: str, why: str, errno: int = 0, hint: str = "") -> None:
        super().__init__(tr("cannot read {path}", path=path), why=why, hint=hint)
        self.errno = errno


class ConfigError(NewapiError):
    """The configuration lacks what the command needs, or cannot be read."""

    exit_code = ExitCode.CONFIG
    default_reason = Reason.CONFIG


class AuthenticationError(NewapiError):
    """The gateway rejected the key, or what the key tried to do."""

    exit_code = ExitCode.AUTHENTICATION
    default_reason = Reason.KEY_REJECTED


class NetworkError(NewapiError):
    """The gateway could not be reached, or the connection broke before an answer."""

    exit_code = ExitCode.NETWORK
    default_reason = Reason.NETWORK


class NotHttpError(NetworkError):
    """The server sent something that is not HTTP."""

    exit_code = ExitCode.GATEWAY
    default_reason = Reason.NOT_HTTP


class GatewayError(NewapiError):
    """The gateway refused the request, or its response is invalid."""

    exit_code = ExitCode.GATEWAY
    default_reason = Reason.GATEWAY_REFUSED


class ContextTooLongError(GatewayError):
    """The conversation exceeds the model's context."""

    default_reason = Reason.CONTEXT_TOO_LONG


class ModelNotFoundError(GatewayError):
    """No channel serves a model of this name to this key."""

    default_reason = Reason.MODEL_NOT_FOUND


class LimitError(NewapiError):
    """A rate limit or a quota is used up."""

    exit_code = ExitCode.LIMIT
    default_reason = Reason.RATE_LIMITED


class DeadlineError(NewapiError):
    """A timeout of newapi's own expired before any text."""

    exit_code = ExitCode.TIMEOUT
    default_reason = Reason.TIMEOUT


class IncompleteCompletion(NewapiError):
    """The answer was cut off; the part that arrived has been shown.

    `app.answer_outcome` decides it.
    """

    exit_code = ExitCode.INCOMPLETE
    default_reason = Reason.INCOMPLETE


class LocalError(NewapiError):
    """The output could not be written, or the session store failed."""

    exit_code = ExitCode.LOCAL
    default_reason = Reason.LOCAL


class PipeClosed(NewapiError):
    """The reader of the output closed the pipe. Never displayed: the exit code shows it."""

    exit_code = ExitCode.SIGPIPE
    default_reason = Reason.PIPE_CLOSED


class Interrupted(NewapiError):
    """A signal ended the run; `code` is 128 plus its number."""

    exit_code = ExitCode.SIGINT
    default_reason = Reason.INTERRUPTED

    def __init__(self, code: ExitCode = ExitCode.SIGINT, message: str = tr("stopped")) -> None:
        super().__init__(message)
        self.code = code


class InputEnded(Interrupted):
    """The user pressed Ctrl-D at a prompt. Never displayed."""


def describe_bug(error: Exception) -> Translatable:
    """Return type and place of an unexpected exception, not its text, which may contain a key."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return tr(
        "a bug in newapi ({error} at {file}:{line})",
        error=type(error).__name__,
        file=Path(frame.filename).name,
        line=frame.lineno,
    )
