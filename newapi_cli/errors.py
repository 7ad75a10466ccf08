"""Every failure a person can meet: what happened, why, what to type next, and its exit code.

    NewapiError
    ├── UsageError           2  the command line, or what was piped in
    ├── ConfigError            3  no key, a bad file, a key that must not be sent there
    ├── AuthenticationError    4  the key was refused
    ├── NetworkError           5  DNS, connect, TLS, proxy
    │   └── NotHttpError            6  what answers there is no HTTP; in an answer, it was cut
    ├── GatewayError           6  the gateway refused, or answered outside the protocol
    │   ├── ContextTooLongError     6  what was said is longer than the model's context
    │   └── ModelNotFoundError       6  nobody serves a model of this name to this key
    ├── LimitError             7  rate limit, quota
    ├── DeadlineError          8  one of our own clocks
    ├── IncompleteCompletion   9  the answer was cut; the part is printed and kept
    ├── LocalError            10  the answer could not be written out, or the store fails a command
    ├── Interrupted          130  a signal ended it (143, 129 for the others)
    └── PipeClosed           141  the reader of our output closed the pipe

Rooms raise these, `cli.main` and the conversation catch them, nobody else does.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The exit codes. This table feeds the help, the README and the tests."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    COMPLETE = 0, "the answer is complete"
    BUG = 1, "a bug of newapi (--debug shows the trace)"
    USAGE = 2, "usage: a bad option, or nothing to ask"
    CONFIG = 3, "configuration: no key, a bad file, a key over plain http"
    AUTHENTICATION = 4, "the key was refused"
    NETWORK = 5, "network: DNS, connect, TLS, proxy"
    GATEWAY = 6, "the gateway refused, or answered outside the protocol"
    LIMIT = 7, "rate limit, or quota used up"
    TIMEOUT = 8, "timeout: one of newapi's own clocks"
    INCOMPLETE = 9, "the answer is incomplete; the part is printed"
    LOCAL = 10, "the answer could not be written out, or the session store failed a command"
    PARTIAL = 11, "some items of a batch or comparison failed"
    SIGHUP = 129, "stopped by SIGHUP"
    SIGINT = 130, "stopped by Ctrl-C"
    SIGPIPE = 141, "the reader closed the pipe (silent)"
    SIGTERM = 143, "stopped by SIGTERM"


class NewapiError(Exception):
    """A failure that is told to the person in three parts; never a traceback.

    `message` says what happened, in lower case and without a full stop. `why` holds the foreign
    words behind it (the gateway's, the system's), `hint` what to type next, `request_id` the
    gateway's id of the exchange, `status` its HTTP status, 0 where it refused by none. None of
    them ever holds a key. `another_model_may_help` where the same question may be asked of one.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(
        self, message: str, *, why: str = "", hint: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.why = why
        self.hint = hint
        self.request_id = request_id
        self.status = 0
        self.another_model_may_help = False


class UsageError(NewapiError):
    """What was typed or piped in cannot be used; nothing was sent."""

    exit_code = ExitCode.USAGE


class ConfigError(NewapiError):
    """The configuration does not hold what the command needs, or cannot be read."""

    exit_code = ExitCode.CONFIG


class AuthenticationError(NewapiError):
    """The gateway refused the key, or what the key may do."""

    exit_code = ExitCode.AUTHENTICATION


class NetworkError(NewapiError):
    """The gateway could not be reached, or the connection broke before any answer."""

    exit_code = ExitCode.NETWORK


class NotHttpError(NetworkError):
    """A server answered with what is no HTTP: outside the protocol, though no bytes were lost."""

    exit_code = ExitCode.GATEWAY


class GatewayError(NewapiError):
    """The gateway refused the request, or answered outside the protocol."""

    exit_code = ExitCode.GATEWAY


class ContextTooLongError(GatewayError):
    """The conversation is longer than the model's context."""


class ModelNotFoundError(GatewayError):
    """Nobody serves a model of this name to this key."""


class LimitError(NewapiError):
    """A rate limit, or money that is used up."""

    exit_code = ExitCode.LIMIT


class DeadlineError(NewapiError):
    """One of our own clocks ran out before any text."""

    exit_code = ExitCode.TIMEOUT


class IncompleteCompletion(NewapiError):
    """The answer began and was cut; what came has been shown."""

    exit_code = ExitCode.INCOMPLETE


class LocalError(NewapiError):
    """The answer could not be written to where it should go, or the session store failed."""

    exit_code = ExitCode.LOCAL


class PipeClosed(NewapiError):
    """The reader of our output closed the pipe. Never told: the exit code says it."""

    exit_code = ExitCode.SIGPIPE


class Interrupted(NewapiError):
    """A signal ended the turn; `code` is 128 plus its number."""

    exit_code = ExitCode.SIGINT

    def __init__(self, code: ExitCode = ExitCode.SIGINT) -> None:
        super().__init__("stopped")
        self.code = code
