"""Images in an answer, in the forms of all providers, as Markdown images.

A provider sends a URL or the image itself in base64, nested in one of many ways. It becomes
`![image](data:image/png;base64,…)` in the text of the answer, as gateways write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_DEPTH = 4
DATA_MEMBERS = ("b64_json", "base64", "b64", "image_base64", "data", "result")
TYPE_MEMBERS = ("media_type", "mime_type", "mimeType", "mediaType", "output_format", "format")
NESTED_MEMBERS = ("image_url", "image", "source", "inline_data", "inlineData", "url")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]++={0,2}")
MEDIA_TYPE = re.compile(r"image/([a-z0-9.+-]{1,20})")
FORMATS = ("png", "jpeg", "jpg", "gif", "webp", "bmp", "avif", "heic", "tiff")
WHITE_SPACE = re.compile(r"\s+")
# How the base64 of the formats begins, by their magic numbers.
SIGNATURES = {
    "iVBORw0KGgo": "png",
    "/9j/": "jpeg",
    "R0lGOD": "gif",
    "UklGR": "webp",
    "Qk": "bmp",
    "PHN2Zy": "svg+xml",
    "AAAAIGZ0eXBhdmlm": "avif",
}


def image_markdown(value: object) -> str:
    """Return an image as a Markdown image, empty for any other value.

    >>> image_markdown({"type": "image", "b64_json": "iVBORw0KGgo="})
    '![image](data:image/png;base64,iVBORw0KGgo=)'
    >>> image_markdown({"source": {"media_type": "image/gif", "data": "R0lGODlhAQ=="}})
    '![image](data:image/gif;base64,R0lGODlhAQ==)'
    """
    url = _url(value, "", 0)
    return f"![image]({url})" if url else ""


def _url(value: object, type_: str, depth: int) -> str:
    if isinstance(value, str):
        return _url_of_text(value, type_)
    if not isinstance(value, dict) or depth > MAX_DEPTH or _is_of_other_kind(value):
        return ""
    type_ = _first_text(value.get(name) for name in TYPE_MEMBERS) or type_
    for name in DATA_MEMBERS:
        data = value.get(name)
        if isinstance(data, str) and data and (url := _url_of_text(data, type_)):
            return url
    nested = (_url(value.get(name), type_, depth + 1) for name in NESTED_MEMBERS)
    return next(filter(None, nested), "")


def _is_of_other_kind(value: dict[str, object]) -> bool:
    """Return whether an object names another type: a file or audio may be in the same members."""
    type_ = value.get("type")
    if not isinstance(type_, str) or type_ in ("base64", "url", "output", "media"):
        return False
    return "image" not in type_.lower() and "picture" not in type_.lower()


def _first_text(values: Iterable[object]) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")


def _url_of_text(text: str, type_: str) -> str:
    """Return a text that is a URL, or the data URL of one that is an image in base64."""
    if text.startswith(("data:", "https://", "http://")):
        return "" if WHITE_SPACE.search(text) else text.replace(")", "%29")
    data = WHITE_SPACE.sub("", text)
    subtype = _subtype(type_.lower(), data)
    return f"data:image/{subtype};base64,{data}" if subtype and BASE64.fullmatch(data) else ""


def _subtype(type_: str, data: str) -> str:
    """Return the kind of image, by its media type or first bytes; empty for any other data."""
    if match := MEDIA_TYPE.fullmatch(type_):
        return match[1]
    if type_ in FORMATS:
        return type_
    return next((kind for begin, kind in SIGNATURES.items() if data.startswith(begin)), "")
