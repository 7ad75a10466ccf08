"""Types are recognized by content, not by name; unsupported types are reported."""

from __future__ import annotations

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from newapi_cli.app import attachments
from newapi_cli.app.attachments import (
    MAX_ATTACHMENT_BYTES,
    content_from_bytes,
    media_type_of,
)
from newapi_cli.app.prompt import MAX_INPUT_BYTES, Prompt, TextFile, prompt_from_contents
from newapi_cli.domain.messages import Attachment
from newapi_cli.errors import UsageError
from tests.support.cases import each
from tests.support.sample_files import GIF, JPEG, PDF, PDF_OF_TEXT, PNG, WEBP

KINDS = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/gif": GIF,
    "image/webp": WEBP,
    "application/pdf": PDF,
}
ROOT = Path(__file__).resolve().parents[2]


def zipped(*names: str) -> bytes:
    """Return a zip archive with files of these names, uncompressed."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "%PDF-1.4")
    return buffer.getvalue()


def refused(data: bytes, name: str = "file.bin") -> UsageError:
    with pytest.raises(UsageError) as caught:
        content_from_bytes(data, name, f"/tmp/{name}")
    assert caught.value.hint
    return caught.value


@each("name", ["x.txt", "x.png", "x.docx", "README", "x.pdf"])
@each(("media_type", "data"), KINDS.items())
def test_an_image_or_a_pdf_is_recognized_by_its_content(
    media_type: str, data: bytes, name: str
) -> None:
    content = content_from_bytes(data, name, f"/tmp/{name}")
    digest = hashlib.sha256(data).hexdigest()
    assert content == Attachment(name, f"/tmp/{name}", media_type, len(data), digest)


@pytest.mark.parametrize(
    "data",
    [
        PDF_OF_TEXT,
        b"%PDF-2.0\n\xe2\xe3",
        b"\xef\xbb\xbf" + PDF,
        b"@PJL SET\r\n" + PDF,
        b"\xff" * 1000 + b"%PDF-1.4 \0",
    ],
    ids=["ASCII", "2.0", "BOM", "printer", "late"],
)
def test_a_pdf_is_found_by_a_header_near_the_beginning(data: bytes) -> None:
    assert media_type_of(data) == "application/pdf"


@each(
    "text",
    [
        "GIF89a is a format",
        "RIFF1234WEBP",
        "%PDF-1.7 is what kind of header?",
        "what is %PDF-1.4 … %%EOF?",
        "BM: a text",
        "MZ was his name",
        "PK",
        "ID3 and other trees",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "é",
        "\x1b[31m\x07",
        "BM" + "x" * 65_533 + "é" * 10,
        "MZ" + "你" * 40_000,
    ],
)
@each("name", ["x.png", "x.pdf", "x.txt"])
def test_text_is_text_whatever_its_beginning_and_name(text: str, name: str) -> None:
    assert content_from_bytes(text.encode(), name, f"/{name}") == TextFile(name, text)


def test_our_own_source_is_not_a_pdf() -> None:
    source = Path(attachments.__file__).read_bytes()
    assert isinstance(content_from_bytes(source, "attachments.py", "/a"), TextFile)


@each(
    ("data", "message"),
    [
        (zipped("a.txt"), "a zip archive"),
        (zipped("paper.pdf"), "a zip archive"),
        (zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"), "an Office document"),
        (zipped("mimetype", "META-INF/container.xml"), "an EPUB book"),
        (b"PK\x05\x06" + bytes(18), "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "an old Office document"),
        (b"\x1f\x8b\x08\0", "gzip data"),
        (b"\xfd7zXZ\0\0", "xz data"),
        (b"\x28\xb5\x2f\xfd\0", "Zstandard data"),
        (b"a" + bytes(256) + b"ustar\x0000", "a tar archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC image"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF image"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "an MP4 or QuickTime video"),
        (b"BM\x36\0\0\0\0\0\0\0", "a BMP image"),
        (b"II*\0\x08", "a TIFF image"),
        (b"ID3\4\0\0\0", "an MP3 recording"),
        (b"\xff\xfb\x90\x64\0", "an MP3 recording"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV recording"),
        (b"OggS\0\2", "an Ogg recording"),
        (b"fLaC\0\0", "a FLAC recording"),
        (b"\x7fELF\2\1\1\0", "a program"),
        (b"SQLite format 3\0", "an SQLite database"),
        ("hi".encode("utf-16"), "UTF-16 text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unsupported_type_is_reported_with_the_supported_ones(data: bytes, message: str) -> None:
    problem = refused(data)
    assert problem.message == f"file.bin is {message}, which cannot be sent"
    assert "png, jpeg, webp, gif" in problem.hint
    assert "PDF" in problem.hint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\1\2\0", "file.bin is not text, an image or a PDF: NUL byte at offset 2"),
        (PNG[:9], "file.bin is not text, an image or a PDF: NUL byte at offset 8"),
        (b"caf\xe9!", "file.bin is not UTF-8 text: byte 0xe9 at offset 3"),
        (b"\xe4\xbd", "file.bin is not UTF-8 text: byte 0xe4 at offset 0"),
        (b"", "file.bin is empty"),
    ],
)
def test_binary_data_is_refused_with_an_offset(data: bytes, message: str) -> None:
    assert refused(data).message == message


@pytest.mark.parametrize("data", [PNG, JPEG, PDF])
def test_an_attachment_may_have_20_mb(data: bytes) -> None:
    whole = data + bytes(MAX_ATTACHMENT_BYTES - len(data))
    content = content_from_bytes(whole, "x", "/x")
    assert isinstance(content, Attachment)
    assert content.size_bytes == MAX_ATTACHMENT_BYTES
    assert refused(whole + b"\0").message == "file.bin is larger than 20 MB"


def test_a_text_may_have_10_mb() -> None:
    text = "é" * (MAX_INPUT_BYTES // 2)
    assert content_from_bytes(text.encode(), "x", "/x") == TextFile("x", text)
    assert refused(text.encode() + b"x").message == "file.bin is larger than 10 MB"
    cut = ("x" + "é" * (MAX_ATTACHMENT_BYTES // 2)).encode()[: MAX_ATTACHMENT_BYTES + 1]
    assert refused(cut[:-1]).message == "file.bin is larger than 10 MB"


def test_a_large_archive_is_reported_as_an_archive() -> None:
    assert "zip archive" in refused(zipped("a") + bytes(MAX_ATTACHMENT_BYTES)).message


def test_standard_input_has_no_name() -> None:
    content = content_from_bytes(PNG, "", "-")
    assert isinstance(content, Attachment)
    assert (content.name, content.reference) == ("stdin.png", "-")
    assert content_from_bytes(b"text", "", "-") == TextFile("", "text")
    assert content_from_bytes(b"", "", "-") == TextFile("", "")
    assert refused(b"\1\0", "").message.startswith("standard input is not text, an image")


def test_texts_and_attachments_keep_their_order() -> None:
    first = content_from_bytes(PNG, "a.png", "/a.png")
    second = content_from_bytes(PDF, "b.pdf", "/b.pdf")
    contents = [second, TextFile("c.txt", "c\n"), first, TextFile("", "piped")]
    prompt = prompt_from_contents("what?", contents, "end")
    assert isinstance(first, Attachment)
    assert isinstance(second, Attachment)
    assert prompt == Prompt("what?\n\nc.txt\n```\nc\n```\n\npiped\n\nend", (second, first))


def test_attachments_without_a_prompt_are_refused() -> None:
    picture = content_from_bytes(PNG, "a.png", "/a.png")
    with pytest.raises(UsageError) as caught:
        prompt_from_contents(" ", [picture])
    assert "a.png" in caught.value.hint
