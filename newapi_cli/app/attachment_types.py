"""What bytes are, by what stands in them: text for the prompt, a picture or PDF beside it. Pure.

Names lie: a JPEG is called `photo.png`, and a CSV has no extension at all. A text that begins like
another kind ("GIF89a is a format") is still text, so where bytes are UTF-8 without a NUL only a
whole PDF, which may be written in ASCII, is not taken for text.
"""

from __future__ import annotations

import hashlib
import re

from newapi_cli.app.prompt_input import (
    MAX_INPUT_BYTES,
    TextFile,
    is_plain_text,
    text_from_bytes,
    too_large,
)
from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import UsageError

MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024
TAKEN = "UTF-8 text, pictures (png, jpeg, webp, gif) and PDFs can be sent"
PDF = "application/pdf"
PICTURES = (
    ("image/png", rb"\x89PNG\r\n\x1a\n....IHDR"),
    ("image/jpeg", rb"\xff\xd8\xff"),
    ("image/gif", rb"GIF8[79]a"),
    ("image/webp", rb"RIFF....WEBP"),
)
PDF_HEADER = re.compile(rb"%PDF-\d")
PDF_HEADER_BYTES = 1024  # readers look so far for it (PDF 1.7, implementation note 13)
SNIFFED_BYTES = 1 << 16

# Kinds that people try and that are not taken: what they are, and what to do with them.
_AS_PDF = "export it as a PDF, or as text"
_AS_PNG = "convert it to PNG or JPEG first"
_UNPACK = "unpack it, and give the files in it"
_AS_WORDS = "sound and video cannot be sent, a transcript can"
_AS_UTF_8 = "convert it, for example with `iconv -f utf-16 -t utf-8`"
_PROGRAM = rb"\x7fELF|MZ.{0,60}\0|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe"
REFUSED = (
    (rb"PK\x03\x04.{26,80}mimetypeapplication/vnd\.oasis", "an OpenDocument file", _AS_PDF),
    (rb"PK\x03\x04.{26,80}mimetypeapplication/epub", "an EPUB book", _AS_PDF),
    (rb"PK\x03\x04.*?(?:\[Content_Types\]|_rels/)", "an Office document", _AS_PDF),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive", _UNPACK),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _AS_PDF),
    (rb"\x1f\x8b", "gzip data", _UNPACK),
    (rb"BZh\d1AY&SY", "bzip2 data", _UNPACK),
    (rb"\xfd7zXZ\0", "xz data", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "Zstandard data", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (rb"....ftyp(?:hei[cxsm]|hev[cxms]|mif1|msf1)", "a HEIC picture", _AS_PNG),
    (rb"....ftypavi[fs]", "an AVIF picture", _AS_PNG),
    (rb"....ftypM4A", "an M4A recording", _AS_WORDS),
    (rb"....(?:ftyp|moov|mdat)", "an MP4 or QuickTime video", _AS_WORDS),
    (rb"BM.{4}\0\0\0\0", "a BMP picture", _AS_PNG),
    (rb"II\*\0|MM\0\*", "a TIFF picture", _AS_PNG),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL picture", _AS_PNG),
    (rb"\0\0\0\x0cjP  ", "a JPEG 2000 picture", _AS_PNG),
    (rb"\x00\x00\x01\x00", "an icon", _AS_PNG),
    (rb"8BPS\x00\x01", "a Photoshop picture", _AS_PNG),
    (rb"ID3[\x02-\x04]\x00|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "an MP3 recording", _AS_WORDS),
    (rb"RIFF....WAVE", "a WAV recording", _AS_WORDS),
    (rb"RIFF....AVI ", "an AVI video", _AS_WORDS),
    (rb"OggS\0", "an Ogg recording", _AS_WORDS),
    (rb"fLaC", "a FLAC recording", _AS_WORDS),
    (rb"\x1aE\xdf\xa3", "a Matroska or WebM video", _AS_WORDS),
    (_PROGRAM, "a program", "give its source"),
    (rb"SQLite format 3\0", "an SQLite database", "export what matters as text"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16 text", _AS_UTF_8),
)  # fmt: skip


def content_from_bytes(data: bytes, name: str, reference: str) -> TextFile | Attachment:
    """Give text for the prompt, or an attachment, of a file whole or cut beyond the larger limit.

    `name` is what the model is told; it is empty for standard input. Raises `UsageError` for what
    is neither, for too much of it, and for a named file without any content.
    """
    where = name or "standard input"
    if not data and name:
        raise UsageError(f"{where} is empty", hint="there is nothing in it to send")
    media_type = media_type_of(data)
    if not media_type:
        return TextFile(name, _text(data, where))
    if len(data) > MAX_ATTACHMENT_BYTES:
        raise attachment_too_large(where)
    digest = hashlib.sha256(data).hexdigest()
    shown = name or f"stdin.{media_type.partition('/')[2]}"
    return Attachment(shown, reference, media_type, len(data), digest)


def media_type_of(data: bytes) -> str:
    """Give the media type of a picture or a PDF; the empty text for all else.

    >>> media_type_of(b"GIF89a" + bytes(7)), media_type_of(b"GIF89a is a format")
    ('image/gif', '')
    """
    if is_plain_text(data):
        return ""
    for media_type, signature in PICTURES:
        if re.match(signature, data, re.DOTALL):
            return media_type
    if PDF_HEADER.match(data):
        return PDF
    if not _refused_kind(data) and PDF_HEADER.search(data, 0, PDF_HEADER_BYTES):
        return PDF
    return ""


def attachment_too_large(where: str) -> UsageError:
    """Give the error for an attachment beyond `MAX_ATTACHMENT_BYTES`."""
    return UsageError(
        f"{where} is larger than {MAX_ATTACHMENT_BYTES // 1024 // 1024} MB",
        hint="send a smaller picture, or the pages that matter",
    )


def _text(data: bytes, where: str) -> str:
    # A text that was cut beyond the limit may end inside a character: its size is looked at first,
    # but not before it is known for no archive or film, whose size is not what is wrong with it.
    if data and not is_plain_text(data[:SNIFFED_BYTES]):
        kind, hint = _refused_kind(data) or ("", "")
        if kind:
            raise UsageError(f"{where} is {kind}, which cannot be sent", hint=f"{hint}; {TAKEN}")
        if b"\0" in data[:SNIFFED_BYTES]:
            raise UsageError(
                f"{where} is neither text nor a picture or PDF:"
                f" a NUL byte at offset {data.index(0)}",
                hint=f"{TAKEN}; convert it first",
            )
    if len(data) > MAX_INPUT_BYTES:
        raise too_large(where)
    return text_from_bytes(data, where)


def _refused_kind(data: bytes) -> tuple[str, str] | None:
    head = data[:SNIFFED_BYTES]
    for signature, kind, hint in REFUSED:
        if re.match(signature, head, re.DOTALL):
            return kind, hint
    return None
