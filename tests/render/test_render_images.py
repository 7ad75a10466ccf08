"""Images in an answer are saved and shown by their path; the text around them is unchanged."""

from __future__ import annotations

import base64
import random
import re
import stat
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Chunk, Completion, CompletionBuilder, Status, StreamEnd
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.plain import PlainRenderer
from tests.render.pipes import Pipes

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
LIMIT_S = 5.0


def data_url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


class Album:
    """A filter and the folder it saves to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.filter = ImageFilter(lambda: path)

    def pass_on(self, *pieces: str) -> str:
        """Return the resulting text without the name of the folder."""
        text = "".join([*map(self.filter.feed, pieces), self.filter.end()])
        return text.replace(str(self.path), "FOLDER")

    def images(self) -> dict[str, bytes]:
        """Return the suffixes and contents of the saved files, sorted by name."""
        return {path.name: path.read_bytes() for path in sorted(self.path.iterdir())}

    def contents(self) -> list[bytes]:
        """Return the contents of the saved files, sorted."""
        return sorted(self.images().values())


@pytest.fixture
def album(tmp_path: Path) -> Album:
    path = tmp_path / "images"
    path.mkdir()
    return Album(path)


@pytest.fixture
def new_album(tmp_path: Path) -> Callable[[], Album]:
    count = iter(range(10**6))

    def make() -> Album:
        path = tmp_path / f"images{next(count)}"
        path.mkdir()
        return Album(path)

    return make


PATH = r"FOLDER/[0-9a-f]{16}\.png"
# A document with images, and what it must become.
DOCUMENTS = {
    "a markdown image": (
        f"See ![a cat]({data_url(PNG)}) here.\n",
        rf'See !\[a cat\]\({PATH} "\d+ bytes, image/png"\) here\.\n',
    ),
    "a markdown image with a title": (
        f"![cat]({data_url(PNG)} 'my title') x",
        rf"!\[cat\]\({PATH} 'my title'\) x",
    ),
    "a link": (f"[open]({data_url(PNG)})", rf'\[open\]\({PATH} "\d+ bytes, image/png"\)'),
    "between quotes": (f'<img src="{data_url(PNG)}">', rf'<img src="{PATH}">'),
    "between angles": (f"<{data_url(PNG)}>", f"<{PATH}>"),
    "alone": (data_url(PNG), PATH),
    "alone on its line": (f"before\n{data_url(PNG)}\n", rf"before\n{PATH}\n"),
    "a line follows": (f"{data_url(PNG)}\nNext line, of text.", rf"{PATH}\nNext line, of text\."),
    "a paragraph follows": (f"{data_url(PNG)}\n\nNext paragraph", rf"{PATH}\n\nNext paragraph"),
    "a word follows": (f"{data_url(PNG)} and more text.", rf"{PATH} and more text\."),
    "a number follows": (f"{data_url(PNG)} 2 of 3", rf"{PATH} 2 of 3"),
    "a tab follows": (f"{data_url(PNG)}\tand", rf"{PATH}\tand"),
    "a full stop follows": (f"{data_url(PNG)}. The end", rf"{PATH}\. The end"),
    "in a table": (f"| {data_url(PNG)} | b |", rf"\| {PATH} \| b \|"),
    "another language follows": (f"{data_url(PNG)}你好", f"{PATH}你好"),
    "a type with a d": (data_url(PNG, "vnd.x-icon"), r"FOLDER/[0-9a-f]{16}\.vndxicon"),
    "two": (
        f"![a]({data_url(PNG)}) and ![b]({data_url(PNG)})",
        rf'!\[a\]\({PATH} "[^"]*"\) and !\[b\]\({PATH} "[^"]*"\)',
    ),
}


@pytest.mark.parametrize(("text", "wanted"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_an_image_is_saved_and_the_text_around_it_is_kept(
    album: Album, text: str, wanted: str
) -> None:
    found = album.pass_on(text)
    assert re.fullmatch(wanted, found), found
    assert album.contents() == [PNG]


@pytest.mark.parametrize("text", [text for text, _ in DOCUMENTS.values()], ids=DOCUMENTS)
def test_an_image_may_be_split_anywhere(text: str, new_album: Callable[[], Album]) -> None:
    whole = new_album()
    wanted = whole.pass_on(text)
    for cut in range(len(text) + 1):
        album = new_album()
        assert album.pass_on(text[:cut], text[cut:]) == wanted, cut
        assert album.images() == whole.images(), cut


@pytest.mark.parametrize("text", [text for text, _ in DOCUMENTS.values()], ids=DOCUMENTS)
def test_an_image_may_arrive_character_by_character(
    text: str, new_album: Callable[[], Album]
) -> None:
    whole, album = new_album(), new_album()
    assert album.pass_on(*text) == whole.pass_on(text)
    assert album.images() == whole.images()


def test_random_documents_with_images_may_be_split_anywhere(new_album: Callable[[], Album]) -> None:
    rnd = random.Random(7)
    parts = [text for text, _ in DOCUMENTS.values()] + ["data:", "data:image/", "dada", "d", "\n"]
    for _ in range(150):
        text = "".join(rnd.choices(parts, k=rnd.randint(1, 5)))
        cuts = sorted(rnd.choices(range(len(text) + 1), k=rnd.randint(1, 30)))
        pieces = [text[begin:end] for begin, end in pairwise([0, *cuts, len(text)])]
        whole, album = new_album(), new_album()
        assert album.pass_on(*pieces) == whole.pass_on(text), pieces
        assert album.images() == whole.images()


@pytest.mark.parametrize(
    "text",
    [
        "no image at all",
        "data:",
        "data:image/",
        "data:image/png;base6",
        "data:image/png;base64",
        "a data:text/plain;base64,AAAA b",
        "data:image/png,notbase64",
        "data:image/averyveryverylongkindofimage;base64,AAAA",
        "the word data, and a date: d",
        "Use `data:image/png;base64,<your data>` as the source.",
        "Use `data:image/png;base64,...` as the source.",
        "It begins with `data:image/png;base64,`.",
        "data:image/png;base64,",
        "datadata:imagedata:image/",
        "你好 data",
    ],
)
def test_text_without_an_image_is_unchanged(text: str, new_album: Callable[[], Album]) -> None:
    assert new_album().pass_on(text) == text
    for cut in range(len(text) + 1):
        album = new_album()
        assert album.pass_on(text[:cut], text[cut:]) == text
        assert album.contents() == []


def test_what_cannot_start_an_image_is_not_held_back(album: Album) -> None:
    assert album.filter.feed("The end.") == "The end."
    assert album.filter.feed(" A word d") == " A word "
    assert album.filter.feed("ot") == "dot"
    assert album.filter.feed("data:imag") == ""
    assert album.filter.feed("ine") == "data:imagine"


def test_several_images_in_one_delta_are_several_files(album: Album) -> None:
    found = album.pass_on(f"![a]({data_url(PNG)})\n![b]({data_url(GIF, 'gif')})\nend")
    assert re.fullmatch(
        r'!\[a\]\(FOLDER/\w+\.png "\d+ bytes, image/png"\)\n'
        r'!\[b\]\(FOLDER/\w+\.gif "\d+ bytes, image/gif"\)\nend',
        found,
    ), found
    assert album.contents() == sorted([PNG, GIF])


def test_the_same_image_twice_is_one_file(album: Album) -> None:
    first = album.pass_on(data_url(PNG))
    assert album.pass_on(data_url(PNG)) == first
    assert album.contents() == [PNG]


def test_files_are_private(album: Album) -> None:
    album.pass_on(data_url(PNG))
    modes = [stat.S_IMODE(path.stat().st_mode) for path in album.path.iterdir()]
    assert modes == [0o600]


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("png", "png"), ("jpeg", "jpg"), ("svg+xml", "svg"), ("webp", "webp"), ("PNG", "png"), ("x-ms.bmp", "xmsbmp")],  # noqa: E501
)  # fmt: skip
def test_the_suffix_follows_the_type(album: Album, kind: str, suffix: str) -> None:
    found = album.pass_on(f"({data_url(PNG, kind)})")
    assert re.fullmatch(rf'\(FOLDER/\w+\.{suffix} "\d+ bytes, image/{re.escape(kind.lower())}"\)', found)  # noqa: E501  # fmt: skip
    assert album.contents() == [PNG]


@pytest.mark.parametrize("lost", [1, 2, 3, 5, 30])
def test_an_incomplete_image_is_saved_as_far_as_it_arrived(album: Album, lost: int) -> None:
    text = f"![cat]({data_url(PNG)}"
    found = album.pass_on(text[:-lost])
    assert found.startswith("![cat](")
    assert "base64" not in found
    assert len(found) < 120
    if saved := album.contents():
        assert PNG.startswith(saved[0])
    else:
        assert "not saved" in found


@pytest.mark.parametrize("text", ["A", "AAAAA", "====", "A===", "AAAA====AAAA"])
def test_invalid_base64_is_harmless(album: Album, text: str) -> None:
    found = album.pass_on(f"before ![x](data:image/png;base64,{text}) after")
    assert found.startswith("before ![x](")
    assert found.endswith(") after")


@pytest.mark.parametrize("length", [5_000_000, 1000, 7], ids=["one piece", "pieces", "small"])
def test_a_large_image_is_cheap(album: Album, length: int) -> None:
    data = random.Random(1).randbytes(3_750_000 if length > 7 else 200_000)
    text = f"before ![big]({data_url(data)}) after"
    began = time.process_time()
    found = album.pass_on(*(text[at : at + length] for at in range(0, len(text), length)))
    assert time.process_time() - began < LIMIT_S
    size = "3.8 MB" if length > 7 else "200.0 kB"
    assert re.fullmatch(rf'before !\[big\]\(FOLDER/\w+\.png "{size}, image/png"\) after', found), (
        found[:200]
    )
    assert album.contents() == [data]


def test_a_folder_that_cannot_be_created_is_reported_in_the_text() -> None:
    def folder() -> Path:
        raise PermissionError("no")

    images = ImageFilter(folder)
    found = images.feed(f"a ![x]({data_url(PNG)}) b") + images.end()
    assert re.fullmatch(r"a !\[x\]\(image/png, \d+ characters, not saved: no\) b", found)


def test_a_path_with_spaces_stays_one_word(tmp_path: Path) -> None:
    path = tmp_path / "my images"
    path.mkdir()
    images = ImageFilter(lambda: path)
    found = images.feed(f"![x]({data_url(PNG)}) y") + images.end()
    assert "my%20images/" in found
    assert found.endswith(" y")


# -- in the renderer ------------------------------------------------------------------------------


def finished(*pieces: str) -> Completion:
    builder = CompletionBuilder()
    for piece in pieces:
        builder.add(Chunk(piece))
    return builder.completion(Status.COMPLETE)


def shown(pieces: list[str], images: ImageFilter | None) -> str:
    with Pipes() as pipes:
        renderer = PlainRenderer(pipes.streams.stdout, pipes.status(), images)
        for piece in pieces:
            renderer.show(Chunk(piece))
        renderer.show(StreamEnd(is_end_confirmed=True))
        renderer.finish(finished(*pieces))
    assert pipes.err == b""
    return pipes.out.decode()


def test_a_pipe_gets_the_image_unchanged() -> None:
    text = f"![cat]({data_url(PNG)}) and {data_url(GIF, 'gif')} end\n"
    assert shown(list(text), None) == text


@pytest.mark.parametrize("cut", [0, 5, 30, 80])
def test_a_plain_terminal_gets_the_path(album: Album, cut: int) -> None:
    text = f"![cat]({data_url(PNG)}) end"
    found = shown([text[:cut], text[cut:]], album.filter).replace(str(album.path), "FOLDER")
    assert re.fullmatch(rf'!\[cat\]\({PATH} "\d+ bytes, image/png"\) end\n', found), found


def test_a_plain_terminal_loses_nothing_of_an_incomplete_answer(album: Album) -> None:
    found = shown(["before data:ima"], album.filter)
    assert found == "before data:ima\n"
