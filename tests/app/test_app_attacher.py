"""Attachments are read again for each turn: the attached bytes are sent, or nothing is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from newapi_cli.app.attachments import Attacher
from newapi_cli.app.context import Context
from newapi_cli.app.prompt import TextFile
from newapi_cli.domain.messages import Attachment, Message, Role
from newapi_cli.errors import GatewayError, NetworkError, UsageError
from newapi_cli.streams import Input, Output, Streams
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.sample_files import GIF, PDF, PNG
from tests.support.steps import Send
from tests.support.wire import response


def attacher(home: Home) -> Attacher:
    """Return the attacher of a new run."""
    streams = Streams(Input(None), Output(None), Output(None), home.environment())
    return Attacher(Context(streams, {}))


def attached(content: TextFile | Attachment) -> Attachment:
    assert isinstance(content, Attachment)
    return content


def messages_with(*attachments: Attachment) -> tuple[Message, ...]:
    first = Message(Role.USER, "what?", attachments)
    return (Message(Role.SYSTEM, "s"), first, Message(Role.ASSISTANT, "a"), first)


def not_sent(opener: Attacher, attachment: Attachment) -> UsageError:
    with pytest.raises(UsageError) as caught:
        opener.data_for(messages_with(attachment))
    problem = caught.value
    assert problem.message.startswith(attachment.name)
    assert problem.message.endswith("; nothing was sent")
    assert f"/file drop {attachment.name}" in problem.hint
    return problem


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    return path


def test_a_file_is_referred_to_by_its_absolute_path(
    home: Home, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    content = attached(attacher(home).open("photo.png"))
    assert (content.name, content.reference) == ("photo.png", str(photo))
    monkeypatch.chdir("/")
    assert attacher(home).data_for(messages_with(content)) == {content.sha256: PNG}


def test_a_text_keeps_the_name_that_was_typed(home: Home, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha", "utf-8")
    name = f"{tmp_path}/./a.txt"
    assert attacher(home).open(name) == TextFile(name, "alpha")


def test_the_bytes_of_all_messages_are_given_by_their_hash(home: Home, photo: Path) -> None:
    (photo.parent / "paper.pdf").write_bytes(PDF)
    opener = attacher(home)
    picture, paper = (
        attached(opener.open(str(photo.parent / name))) for name in ("photo.png", "paper.pdf")
    )
    stdin = attached(opener.from_stdin(GIF))
    found = opener.data_for(messages_with(picture, paper, stdin))
    assert found == {picture.sha256: PNG, paper.sha256: PDF, stdin.sha256: GIF}
    assert opener.data_for(()) == {}
    assert opener.data_for((Message(Role.USER, "hi"),)) == {}


def test_two_files_with_the_same_content_are_both_read_again(home: Home, photo: Path) -> None:
    twin = photo.with_name("twin.png")
    twin.write_bytes(PNG)
    opener = attacher(home)
    both = [attached(opener.open(str(path))) for path in (photo, twin)]
    assert opener.data_for(messages_with(*both)) == {both[0].sha256: PNG}
    twin.unlink()
    with pytest.raises(UsageError, match=r"twin\.png no longer exists"):
        opener.data_for(messages_with(*both))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.write_bytes(GIF), "has changed since it was attached"),
        (lambda path: path.write_bytes(PNG + b"\0"), "has changed since it was attached"),
        (lambda path: path.write_bytes(b""), "has changed since it was attached"),
        (lambda path: path.write_bytes(PNG + bytes(21_000_000)), "has changed"),
        (lambda path: path.unlink(), "no longer exists"),
        (replace_by_folder, "can no longer be read"),
        (replace_by_fifo, "can no longer be read"),
        (replace_by_device, "can no longer be read"),
    ],
)
def test_a_file_that_changed_since_it_was_attached_is_an_error(
    home: Home, photo: Path, change: Callable[[Path], object], told: str
) -> None:
    opener = attacher(home)
    picture = attached(opener.open(str(photo)))
    change(photo)
    for each in (opener, attacher(home)):
        problem = not_sent(each, picture)
        assert told in problem.message
        assert str(photo) in problem.why
        assert "restore it" in problem.hint


def test_a_file_that_is_restored_is_sent(home: Home, photo: Path) -> None:
    opener = attacher(home)
    picture = attached(opener.open(str(photo)))
    photo.unlink()
    not_sent(opener, picture)
    photo.write_bytes(PNG)
    assert opener.data_for(messages_with(picture)) == {picture.sha256: PNG}


def test_an_invalid_stored_path_is_reported_as_missing(home: Home) -> None:
    odd = Attachment("x", "/tmp/\0x", "image/png", 1, "aa")
    assert "no longer exists" in not_sent(attacher(home), odd).message


def test_stdin_is_kept_for_the_whole_run(home: Home) -> None:
    opener = attacher(home)
    picture = attached(opener.from_stdin(PNG))
    assert (picture.name, picture.reference) == ("stdin.png", "-")
    for _ in range(2):
        assert opener.data_for(messages_with(picture)) == {picture.sha256: PNG}
    problem = not_sent(attacher(home), picture)
    assert "was read from standard input and is not stored" in problem.message
    assert "attach it again" in problem.hint


def test_a_url_is_fetched_once_per_run(home: Home) -> None:
    with FaultServer([Send(response(200, PNG))], [Send(response(200, PNG))]) as server:
        url = f"{server.url}/photo.png?sig=1"
        opener = attacher(home)
        picture = attached(opener.open(f"{url}#top"))
        assert (picture.name, picture.reference) == ("photo.png", url)
        assert opener.data_for(messages_with(picture)) == {picture.sha256: PNG}
        assert len(server.requests) == 1
        later = attacher(home)
        for _ in range(2):
            assert later.data_for(messages_with(picture)) == {picture.sha256: PNG}
        assert len(server.requests) == 2


def test_a_url_whose_content_changed_is_an_error(home: Home) -> None:
    with FaultServer([Send(response(200, PNG))], [Send(response(200, GIF))]) as server:
        picture = attached(attacher(home).open(f"{server.url}/photo.png"))
        problem = not_sent(attacher(home), picture)
    assert "has changed" in problem.message
    assert "attach it again" in problem.hint


def test_a_url_that_no_longer_exists_is_an_error(home: Home) -> None:
    with FaultServer([Send(response(200, PNG))], [Send(response(410, b"gone"))]) as server:
        picture = attached(attacher(home).open(f"{server.url}/photo.png"))
        with pytest.raises(UsageError, match="HTTP 410"):
            attacher(home).data_for(messages_with(picture))
    with pytest.raises(NetworkError) as caught:
        attacher(home).data_for(messages_with(picture))
    assert not isinstance(caught.value, GatewayError)


def test_a_url_is_recognized_by_its_scheme_in_any_case(home: Home) -> None:
    with FaultServer([Send(response(200, PNG))]) as server:
        assert attached(attacher(home).open(server.url.replace("http", "HTTP"))).name == "127.0.0.1"


def test_a_name_that_is_not_utf_8_cannot_be_stored(home: Home, tmp_path: Path) -> None:
    picture, text = (os.fsencode(tmp_path) + name for name in (b"/\xff.png", b"/\xff.txt"))
    for path, data in ((picture, PNG), (text, b"alpha")):
        Path(os.fsdecode(path)).write_bytes(data)
    with pytest.raises(UsageError, match="cannot read"):
        attacher(home).open(os.fsdecode(picture))
    content = attacher(home).open(os.fsdecode(text))
    assert content == TextFile(f"{tmp_path}/?.txt", "alpha")


def test_a_deleted_working_directory_is_an_error(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(UsageError, match=r"cannot read photo\.png"):
        attacher(home).open("photo.png")
