"""The body of an error as UTF-8, whatever encoding or compression it was sent in.

Loaded at an error only. Old servers and firewalls in China send GBK, usually without naming it;
some proxies compress errors without a header that names it, or name one that they did not use.
"""

from __future__ import annotations

import codecs
import re
import zlib

from newapi_cli.i18n import tr

MAX_BYTES = 1024 * 1024
GZIP = b"\x1f\x8b"
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CHARSET = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?([\w-]{1,40})", re.IGNORECASE)
META_BYTES = 1_000  # of a web page, in which its charset is named
LONGEST_CHARACTER = 4
# What GBK text consists of. Other bytes are rarely valid GBK, and then have other characters.
CHINESE = re.compile("[\t\n\r -~\u00b7\u2010-\u2026\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]*")


def readable_body(body: bytes, *, content_type: str = "", encoding: str = "") -> bytes:
    """Return the body of an error as UTF-8.

    If Python cannot read its compression, return a text that reports that. `encoding` is its
    Content-Encoding.
    """
    is_compressed = encoding not in ("", "identity") or body.startswith(GZIP)
    if is_compressed and not _is_text(body):
        decompressed = _decompressed(body)
        if decompressed is None:
            name = encoding or "gzip"
            return tr("the reason cannot be read: it is compressed ({name})", name=name).encode()
        body = decompressed
    return body if body.isascii() else _as_utf8(body, content_type)


def _decompressed(body: bytes) -> bytes | None:
    """Return the beginning of a body in gzip, zlib or deflate, None if it is in none of them."""
    for wbits in (47, -15):
        try:
            return zlib.decompressobj(wbits=wbits).decompress(body, MAX_BYTES)
        except zlib.error:
            continue
    return None


def _is_text(body: bytes) -> bool:
    return b"\0" not in body and _decoded(body, "utf-8") is not None


def _as_utf8(body: bytes, content_type: str) -> bytes:
    for bom, encoding in BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace").encode()
    if _decoded(body, "utf-8") is not None:
        return body
    named = CHARSET.search(content_type) or CHARSET.search(body[:META_BYTES].decode("latin-1"))
    if named is not None:
        text = _decoded(body, _superset(named[1].lower()))
        if text is not None:
            return text.encode()
    text = _decoded(body, "gb18030")
    return text.encode() if text is not None and CHINESE.fullmatch(text) else body


def _superset(charset: str) -> str:
    """Return the encoding that browsers use for a charset."""
    return "gb18030" if charset in ("gb2312", "gbk", "gb_2312-80", "x-gbk") else charset


def _decoded(body: bytes, encoding: str) -> str | None:
    """Return the text of a body, None if it is not in this encoding; its end may be cut off."""
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        is_cut_off = len(body) - error.start < LONGEST_CHARACTER
        return body[: error.start].decode(encoding, "ignore") if is_cut_off else None
    except (LookupError, UnicodeError):
        return None
