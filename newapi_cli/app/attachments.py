"""Attachments: what a file, a URL or standard input contains, and its bytes when it is sent.

Text becomes part of the prompt. Images and PDFs are stored as a reference and a hash, and read
again for each turn: the bytes that the user attached are sent, or nothing is.

The content decides the type, because names can be wrong: a JPEG is called `photo.png`, and a CSV
file has no extension. A text may begin like another type ("GIF89a is a format"), so UTF-8 without a
NUL byte is text, unless it is a complete PDF, which can consist of ASCII.
"""

from __future__ import annotations

import errno
import hashlib
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from newapi_cli.api.http.download import Download, Downloader
from newapi_cli.app.context import Context
from newapi_cli.app.prompt import (
    MAX_INPUT_BYTES,
    TextFile,
    is_plain_text,
    text_from_bytes,
    too_large,
)
from newapi_cli.domain.messages import Attachment, Message
from newapi_cli.errors import FileError, NextStep, UsageError
from newapi_cli.i18n import Translatable, tr
from newapi_cli.signals import Interrupts
from newapi_cli.streams import is_inherited_descriptor, read_file

URL = re.compile(r"https?://", re.IGNORECASE)
OTHER_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
STDIN = "-"
GONE = (0, errno.ENOENT, errno.ENOTDIR)  # 0: a stored path that is not a path

MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024
SUPPORTED = tr("UTF-8 text, images (png, jpeg, webp, gif) and PDFs can be sent")
PDF = "application/pdf"
IMAGES = (
    ("image/png", rb"\x89PNG\r\n\x1a\n....IHDR"),
    ("image/jpeg", rb"\xff\xd8\xff"),
    ("image/gif", rb"GIF8[79]a"),
    ("image/webp", rb"RIFF....WEBP"),
)
PDF_HEADER = re.compile(rb"%PDF-\d")
PDF_HEADER_BYTES = 1024  # readers look so far for it (PDF 1.7, implementation note 13)
SNIFFED_BYTES = 1 << 16

# Types that users try and that cannot be sent: signature, name, what to do.
_TO_PDF = tr("export it as a PDF, or as text")
_TO_PNG = tr("convert it to PNG or JPEG")
_UNPACK = tr("unpack it and attach its files")
_TRANSCRIBE = tr("attach a transcript; audio and video cannot be sent")
_TO_UTF_8 = tr("convert it, for example with `iconv -f utf-16 -t utf-8`")
_PROGRAM = rb"\x7fELF|MZ.{0,60}\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe"
UNSUPPORTED = (
    (rb"PK\x03\x04.{26,80}mimetypeapplication/vnd\.oasis", tr("an OpenDocument file"), _TO_PDF),
    (rb"PK\x03\x04.{26,80}mimetypeapplication/epub", tr("an EPUB book"), _TO_PDF),
    (rb"PK\x03\x04.*?(?:\[Content_Types\]|_rels/)", tr("an Office document"), _TO_PDF),
    (rb"PK(?:\x03\x04|\x05\x06)", tr("a zip archive"), _UNPACK),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", tr("an old Office document"), _TO_PDF),
    (rb"\x1f\x8b", tr("gzip data"), _UNPACK),
    (rb"BZh\d1AY&SY", tr("bzip2 data"), _UNPACK),
    (rb"\xfd7zXZ\0", tr("xz data"), _UNPACK),
    (rb"\x28\xb5\x2f\xfd", tr("Zstandard data"), _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", tr("a 7z archive"), _UNPACK),
    (rb"Rar!\x1a\x07", tr("a RAR archive"), _UNPACK),
    (rb".{257}ustar", tr("a tar archive"), _UNPACK),
    (rb"....ftyp(?:hei[cxsm]|hev[cxms]|mif1|msf1)", tr("a HEIC image"), _TO_PNG),
    (rb"....ftypavi[fs]", tr("an AVIF image"), _TO_PNG),
    (rb"....ftypM4A", tr("an M4A recording"), _TRANSCRIBE),
    (rb"....(?:ftyp|moov|mdat)", tr("an MP4 or QuickTime video"), _TRANSCRIBE),
    (rb"BM.{4}\0\0\0\0", tr("a BMP image"), _TO_PNG),
    (rb"II\*\0|MM\0\*", tr("a TIFF image"), _TO_PNG),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", tr("a JPEG XL image"), _TO_PNG),
    (rb"\0\0\0\x0cjP  ", tr("a JPEG 2000 image"), _TO_PNG),
    (rb"\x00\x00\x01\x00", tr("an icon"), _TO_PNG),
    (rb"8BPS\x00\x01", tr("a Photoshop image"), _TO_PNG),
    (rb"ID3[\x02-\x04]\x00|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", tr("an MP3 recording"), _TRANSCRIBE),
    (rb"RIFF....WAVE", tr("a WAV recording"), _TRANSCRIBE),
    (rb"RIFF....AVI ", tr("an AVI video"), _TRANSCRIBE),
    (rb"OggS\0", tr("an Ogg recording"), _TRANSCRIBE),
    (rb"fLaC", tr("a FLAC recording"), _TRANSCRIBE),
    (rb"\x1aE\xdf\xa3", tr("a Matroska or WebM video"), _TRANSCRIBE),
    (_PROGRAM, tr("a program"), tr("attach its source code")),
    (rb"SQLite format 3\0", tr("an SQLite database"), tr("export the data as text")),
    (rb"\xff\xfe|\xfe\xff", tr("UTF-16 text"), _TO_UTF_8),
)  # fmt: skip


class Attacher:
    """Opens files and URLs for a prompt, and reads the attachments of a request.

    What cannot be read twice is kept in memory: standard input, and downloads.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._data: dict[str, bytes] = {}  # by SHA-256

    def open(self, reference: str) -> TextFile | Attachment:
        """Read a file or fetch a URL.

        Raises `UsageError`, and the network's errors for a URL.
        """
        if not reference.strip():
            raise UsageError(tr("no file name given"), hint=tr("give a path or a URL"))
        if URL.match(reference):
            return self._open_url(reference)
        if OTHER_URL.match(reference):
            raise UsageError(
                tr(
                    "{scheme}:// is not supported, only http:// and https:// are",
                    scheme=reference.partition("://")[0],
                ),
                hint=tr("for a local file, give its path"),
            )
        data = _read_regular_file(reference)
        path = Path(reference).expanduser()
        absolute = str(path.absolute())
        content = content_from_bytes(data, _as_utf8(reference), absolute)
        if isinstance(content, TextFile):
            return content
        if is_inherited_descriptor(path):
            return self._keep(content._replace(reference=STDIN), data)
        if absolute != _as_utf8(absolute):
            raise FileError(content.name, tr("its path is not UTF-8 and cannot be stored"))
        return content._replace(name=path.name)

    def from_stdin(self, data: bytes) -> TextFile | Attachment:
        """Return the content of standard input; text has no name."""
        content = content_from_bytes(data, "", STDIN)
        return content if isinstance(content, TextFile) else self._keep(content, data)

    def data_for(self, messages: Iterable[Message]) -> Mapping[str, bytes]:
        """Read the attachments of messages again and return their bytes by SHA-256.

        Raises `UsageError` for one that is gone or has changed, and the network's errors for a URL.
        """
        attachments = (each for message in messages for each in message.attachments)
        return {
            attachment.sha256: self._read_again(attachment)
            for attachment in dict.fromkeys(attachments)
        }

    def _open_url(self, url: str) -> TextFile | Attachment:
        download = self._download(url)
        content = content_from_bytes(download.data, download.name, url.partition("#")[0])
        return content if isinstance(content, TextFile) else self._keep(content, download.data)

    def _download(self, url: str) -> Download:
        # Signals end it whether or not the caller has a handler for them.
        with Interrupts() as interrupts:
            return Downloader(self._context.endpoint, interrupts).fetch(url)

    def _keep(self, attachment: Attachment, data: bytes) -> Attachment:
        self._data[attachment.sha256] = data
        return attachment

    def _read_again(self, attachment: Attachment) -> bytes:
        name, reference = attachment.name, attachment.reference
        is_url = bool(URL.match(reference))
        if (is_url or reference == STDIN) and attachment.sha256 in self._data:
            return self._data[attachment.sha256]
        if reference == STDIN:
            message = tr(
                "{name} was read from standard input and is not stored; nothing was sent", name=name
            )
            raise _not_sent_error(attachment, message)
        data = self._download(reference).data if is_url else _read_attached_file(attachment)
        if hashlib.sha256(data).hexdigest() != attachment.sha256:
            message = tr("{name} has changed since it was attached; nothing was sent", name=name)
            raise _not_sent_error(attachment, message)
        if is_url:
            self._keep(attachment, data)
        return data


def _read_attached_file(attachment: Attachment) -> bytes:
    name = attachment.name
    try:
        return _read_regular_file(attachment.reference)
    except FileError as error:
        message = tr("{name} can no longer be read; nothing was sent", name=name)
        if error.errno in GONE:
            message = tr("{name} no longer exists; nothing was sent", name=name)
        raise _not_sent_error(attachment, message, error.why) from error


def _read_regular_file(path_text: str) -> bytes:
    """Return the bytes of a regular file, or a little more than the limit of a larger one.

    A device, which may have no end, and a named pipe, which may have no writer, are not read.
    """
    try:
        path = Path(path_text).expanduser()
        mode = path.stat().st_mode
    except (OSError, RuntimeError, ValueError):
        return read_file(path_text, MAX_ATTACHMENT_BYTES).data  # which raises the error
    if stat.S_ISDIR(mode):
        hint = tr("attach the files in the folder one by one")
        raise FileError(path_text, tr("it is a folder"), errno.EISDIR, hint)
    is_pipe = stat.S_ISFIFO(mode) and is_inherited_descriptor(path)
    if not stat.S_ISREG(mode) and not is_pipe:
        why = tr("it is a pipe or a device, not a file")
        raise FileError(path_text, why, errno.ESPIPE, NextStep.PIPE_FILE)
    return read_file(path_text, MAX_ATTACHMENT_BYTES).data


def _not_sent_error(attachment: Attachment, message: Translatable, why: str = "") -> UsageError:
    reference = attachment.reference
    is_file = reference != STDIN and not URL.match(reference)
    hint = tr(
        "attach it again, or continue without it: `/file drop {name}` in the conversation",
        name=attachment.name,
    )
    if is_file:
        hint = tr(
            "restore it, or continue without it: `/file drop {name}` in the conversation",
            name=attachment.name,
        )
    place = "" if reference == STDIN else reference
    return UsageError(message, why=f"{place}: {why}" if why else place, hint=hint)


def _as_utf8(text: str) -> str:
    """Return a file name with the bytes that are not UTF-8 replaced: they cannot be sent."""
    return text.encode("utf-8", "replace").decode("utf-8")


# -- types of content -----------------------------------------------------------------------------


def content_from_bytes(data: bytes, name: str, reference: str) -> TextFile | Attachment:
    """Return text for the prompt, or an attachment.

    `data` is complete, or longer than the larger of both limits. `name` is what the model sees,
    empty for standard input. Raises `UsageError` for a type that cannot be sent, for content that
    is too large, and for an empty file.
    """
    source = name or tr("standard input")
    if not data and name:
        raise UsageError(tr("{source} is empty", source=source), hint=tr("attach another file"))
    media_type = media_type_of(data)
    if not media_type:
        return TextFile(name, _text(data, source))
    if len(data) > MAX_ATTACHMENT_BYTES:
        raise attachment_too_large(source)
    digest = hashlib.sha256(data).hexdigest()
    shown_name = name or f"stdin.{media_type.partition('/')[2]}"
    return Attachment(shown_name, reference, media_type, len(data), digest)


def media_type_of(data: bytes) -> str:
    """Return the media type of an image or a PDF, empty for everything else.

    >>> media_type_of(b"GIF89a" + bytes(7)), media_type_of(b"GIF89a is a format")
    ('image/gif', '')
    """
    if is_plain_text(data):
        return ""
    for media_type, signature in IMAGES:
        if re.match(signature, data, re.DOTALL):
            return media_type
    if PDF_HEADER.match(data):
        return PDF
    if not _unsupported_type(data) and PDF_HEADER.search(data, 0, PDF_HEADER_BYTES):
        return PDF
    return ""


def attachment_too_large(source: str) -> UsageError:
    """Return the error for an attachment beyond `MAX_ATTACHMENT_BYTES`."""
    return UsageError(
        tr("{source} is larger than {n} MB", source=source, n=MAX_ATTACHMENT_BYTES // 1024 // 1024),
        hint=tr("send a smaller image, or only the relevant pages"),
    )


def _text(data: bytes, source: str) -> str:
    # A text that was cut at the limit may end inside a character, so its size is checked before its
    # encoding, but after its type: the size is not what is wrong with an archive or a video.
    if data and not is_plain_text(data[:SNIFFED_BYTES]):
        if unsupported := _unsupported_type(data):
            name, hint = unsupported
            raise UsageError(
                tr("{source} is {type}, which cannot be sent", source=source, type=name),
                hint=tr("{hint}; {supported}", hint=hint, supported=SUPPORTED),
            )
        if b"\0" in data[:SNIFFED_BYTES]:
            raise UsageError(
                tr(
                    "{source} is not text, an image or a PDF: NUL byte at offset {n}",
                    source=source,
                    n=data.index(0),
                ),
                hint=tr("convert it; {supported}", supported=SUPPORTED),
            )
    if len(data) > MAX_INPUT_BYTES:
        raise too_large(source)
    return text_from_bytes(data, source)


def _unsupported_type(data: bytes) -> tuple[Translatable, Translatable] | None:
    """Return the name of a type that cannot be sent and what to do, None if it is not known."""
    beginning = data[:SNIFFED_BYTES]
    for signature, name, hint in UNSUPPORTED:
        if re.match(signature, beginning, re.DOTALL):
            return name, hint
    return None
