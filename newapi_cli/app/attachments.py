"""Files, URLs and standard input for a prompt, and what they hold when they are sent.

Text goes into the prompt once and for all. An attachment is kept as a reference and a hash, so its
bytes are read anew for each turn: those that the person attached are sent, or nothing is.
"""

from __future__ import annotations

import errno
import hashlib
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from newapi_cli.api.http.download import Download, Downloader
from newapi_cli.app.attachment_types import MAX_ATTACHMENT_BYTES, content_from_bytes
from newapi_cli.app.context import Context
from newapi_cli.app.prompt_input import TextFile
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.errors import FileError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.signals import Interrupts
from newapi_cli.streams import is_inherited_descriptor, read_file

URL = re.compile(r"https?://", re.IGNORECASE)
OTHER_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
STDIN = "-"
GONE = (errno.ENOENT, errno.ENOTDIR)
HINTS = {
    errno.EISDIR: "name the files in the folder one by one",
    errno.ESPIPE: "pipe it in instead: `… | newapi chat -f -`",
}


class Attacher:
    """Opens what is named for a prompt, and gives the bytes of attachments for a request.

    What cannot be read a second time is kept in memory: standard input, and what was fetched.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[str, bytes] = {}

    def open(self, reference: str) -> TextFile | Attachment:
        """Read a file or fetch a URL. Raises `UsageError`, and for a URL what a network may do.

        Standard input, which is named `-` on the command line, comes by `from_stdin`.
        """
        if not reference.strip():
            raise UsageError("no file name given", hint="-f PATH, or a URL")
        if URL.match(reference):
            return self._open_url(reference)
        if OTHER_URL.match(reference):
            raise UsageError(
                f"{reference.partition('://')[0]}:// is not fetched: only http:// and https:// are",
                hint="for a file on this machine give its path",
            )
        try:
            data = _read_stored_file(reference)
        except FileError as error:
            raise _unreadable(reference, error.why, error.errno) from error
        path = Path(reference).expanduser()
        place = str(path.absolute())
        content = content_from_bytes(data, _whole(reference), place)
        if isinstance(content, TextFile):
            return content
        if is_inherited_descriptor(path):
            return self._keep(content._replace(reference=STDIN), data)
        if place != _whole(place):
            raise _unreadable(content.name, "its path is not UTF-8, and cannot be stored")
        return content._replace(name=path.name)

    def from_stdin(self, data: bytes) -> TextFile | Attachment:
        """Take what came through standard input; its text has no name. Raises `UsageError`."""
        content = content_from_bytes(data, "", STDIN)
        return content if isinstance(content, TextFile) else self._keep(content, data)

    def data_for(self, messages: Iterable[Message]) -> Mapping[str, bytes]:
        """Read all attachments of messages anew, and give their bytes by their SHA-256.

        Raises `UsageError` for one that is gone or holds something else by now, and for a URL
        what a network may do. Then nothing is to be sent.
        """
        attachments = (each for message in messages for each in message.attachments)
        found: dict[str, bytes] = {}
        for attachment in dict.fromkeys(attachments):
            found[attachment.sha256] = self._bytes_of(attachment)
        return found

    def _open_url(self, url: str) -> TextFile | Attachment:
        fetched = self._download(url)
        content = content_from_bytes(fetched.data, fetched.name, url.partition("#")[0])
        return content if isinstance(content, TextFile) else self._keep(content, fetched.data)

    def _download(self, url: str) -> Download:
        """Fetch what a URL names, by the proxy and the certificates of the settings.

        Signals end it whether or not the caller waits for them too.
        """
        with Interrupts() as interrupts:
            return Downloader(self._context.endpoint, interrupts).fetch(url)

    def _keep(self, attachment: Attachment, data: bytes) -> Attachment:
        self._kept[attachment.sha256] = data
        return attachment

    def _bytes_of(self, attachment: Attachment) -> bytes:
        reference = attachment.reference
        is_url = bool(URL.match(reference))
        if (is_url or reference == STDIN) and attachment.sha256 in self._kept:
            return self._kept[attachment.sha256]
        if reference == STDIN:
            raise _not_sent(attachment, "came through standard input and was not kept")
        data = self._download(reference).data if is_url else _bytes_of_attached(attachment)
        if hashlib.sha256(data).hexdigest() != attachment.sha256:
            raise _not_sent(attachment, "has changed since it was attached")
        if is_url:
            self._keep(attachment, data)
        return data


def _bytes_of_attached(attachment: Attachment) -> bytes:
    try:
        return _read_stored_file(attachment.reference)
    except FileError as error:
        is_gone = error.errno in GONE or error.errno == 0  # 0: a stored path that is invalid
        words = "is gone" if is_gone else "can no longer be read"
        raise _not_sent(attachment, words, error.why) from error


def _read_stored_file(path_text: str) -> bytes:
    """Return the bytes of a file, enough to notice that it is too large. Raise `FileError`.

    A device, which may have no end, and a named pipe, which may have no writer, are not read.
    """
    try:
        path = Path(path_text).expanduser()
        mode = path.stat().st_mode
    except (OSError, RuntimeError, ValueError):
        return read_file(path_text, MAX_ATTACHMENT_BYTES).data  # which raises the error
    if stat.S_ISDIR(mode):
        raise FileError(path_text, tr("it is a folder"), errno.EISDIR)
    is_pipe = stat.S_ISFIFO(mode) and is_inherited_descriptor(path)
    if not stat.S_ISREG(mode) and not is_pipe:
        raise FileError(path_text, tr("it is a pipe or a device, not a file"), errno.ESPIPE)
    return read_file(path, MAX_ATTACHMENT_BYTES).data


def _unreadable(name: str, why: str, number: int | None = None) -> UsageError:
    name = name or "a file without a name"
    return UsageError(f"cannot read {name}", why=why, hint=HINTS.get(number or 0, ""))


def _not_sent(attachment: Attachment, words: str, why: str = "") -> UsageError:
    name = attachment.name
    is_file = attachment.reference != STDIN and not URL.match(attachment.reference)
    again = "put it back as it was" if is_file else "attach it again"
    return UsageError(
        f"{name} {words}; nothing was sent",
        why=f"{attachment.reference}: {why}" if why else attachment.reference.lstrip(STDIN),
        hint=f"{again}, or `/file drop {name}` in the conversation goes on without it",
    )


def _whole(text: str) -> str:
    """Replace what stands for bytes of a file name that are no UTF-8: it cannot be sent."""
    return text.encode("utf-8", "replace").decode("utf-8")
