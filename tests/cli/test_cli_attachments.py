"""`-f` and standard input: text goes into the prompt, a picture or a PDF goes beside it.

What is sent is held against the whole message; where anything is wrong, nothing is sent at all.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import socket

import pytest

from tests.sessions.helpers import without_root
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import newapi_command, run_command, run_in_shell, run_newapi
from tests.support.sample_files import GIF, JPEG, PDF, PDF_OF_TEXT, PNG, WEBP
from tests.support.steps import Send, Stall, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, head, response

Parts = list[dict[str, object]]
MEGABYTE = 1024 * 1024


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every prompt."""
    fault_server.answer_with(lambda _: sse(*answer_events("A dot.")))
    home.configure(fault_server.url)
    return fault_server


def write(home: Home, name: str, data: bytes) -> str:
    (home.path / name).write_bytes(data)
    return name


def text_part(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def picture_part(data: bytes, media_type: str) -> dict[str, object]:
    encoded = base64.b64encode(data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{encoded}"}}


def pdf_part(data: bytes, name: str) -> dict[str, object]:
    encoded = base64.b64encode(data).decode()
    file_data = f"data:application/pdf;base64,{encoded}"
    return {"type": "file", "file": {"filename": name, "file_data": file_data}}


def asked(server: FaultServer) -> object:
    """Return the content of the only message of the only request."""
    (request,) = [each for each in server.requests if each.method == "POST"]
    (message,) = request.json["messages"]
    assert set(message) == {"role", "content"}
    return message["content"]


def ask(home: Home, *args: str, stdin: bytes | None = b"") -> str:
    result = run_newapi("chat", *args, home=home, stdin=stdin)
    assert (result.code, result.out) == (0, b"A dot.\n"), result
    return result.err


def refused(home: Home, server: FaultServer, *args: str, stdin: bytes = b"", code: int = 2) -> str:
    """Run a command that fails before a request, and return stderr."""
    result = run_newapi("chat", *args, home=home, stdin=stdin, timeout_s=20)
    assert (result.code, result.out) == (code, b""), result
    assert [each for each in server.requests if each.method == "POST"] == []
    return result.err


# -- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
)
@pytest.mark.parametrize("name", ["photo.png", "notes.txt", "noextension"])
def test_a_picture_goes_beside_the_prompt_whatever_its_name(
    home: Home, server: FaultServer, data: bytes, media_type: str, name: str
) -> None:
    write(home, name, data)
    assert ask(home, "what is this?", "-f", name) == ""
    assert asked(server) == [text_part("what is this?"), picture_part(data, media_type)]


@pytest.mark.parametrize("data", [PDF, PDF_OF_TEXT])
def test_a_pdf_goes_with_its_name(home: Home, server: FaultServer, data: bytes) -> None:
    (home.path / "papers").mkdir()
    write(home, "papers/näme 1.bin", data)
    ask(home, "sum up", "-f", "papers/näme 1.bin")
    assert asked(server) == [text_part("sum up"), pdf_part(data, "näme 1.bin")]


def test_a_text_with_the_name_of_an_image_is_a_text(home: Home, server: FaultServer) -> None:
    ask(home, "-f", write(home, "photo.png", b"GIF89a is a format\n"))
    assert asked(server) == "photo.png\n```\nGIF89a is a format\n```"


def test_several_files_keep_their_order(home: Home, server: FaultServer) -> None:
    files = {"b.gif": GIF, "a.txt": b"alpha\n", "c.pdf": PDF, "d.md": b"delta", "a.png": PNG}
    args = [word for name, data in files.items() for word in ("-f", write(home, name, data))]
    ask(home, "compare", *args, stdin=b"piped\n")
    assert asked(server) == [
        text_part(
            "compare\n\na.txt\n```\nalpha\n```\n\nd.md\n```\ndelta\n```\n\npiped\n"
        ),
        picture_part(GIF, "image/gif"),
        pdf_part(PDF, "c.pdf"),
        picture_part(PNG, "image/png"),
    ]  # fmt: skip


def test_a_prompt_without_attachments_is_sent_as_plain_text(
    home: Home, server: FaultServer
) -> None:
    ask(home, "-f", write(home, "a.txt", b"alpha\n"), "sum")
    assert asked(server) == "sum\n\na.txt\n```\nalpha\n```"


def test_a_file_below_the_home_folder_is_found(home: Home, server: FaultServer) -> None:
    write(home, "photo.png", PNG)
    ask(home, "what?", "-f", "~/photo.png")
    assert asked(server) == [text_part("what?"), picture_part(PNG, "image/png")]


def test_a_link_is_followed(home: Home, server: FaultServer) -> None:
    write(home, "photo.png", PNG)
    (home.path / "link").symlink_to("photo.png")
    ask(home, "what?", "-f", "link")
    assert asked(server) == [text_part("what?"), picture_part(PNG, "image/png")]


def test_a_large_image_is_sent_complete(home: Home, server: FaultServer) -> None:
    data = PNG + os.urandom(20 * MEGABYTE - len(PNG))
    ask(home, "what?", "-f", write(home, "large.png", data))
    assert asked(server) == [text_part("what?"), picture_part(data, "image/png")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PNG + bytes(20 * MEGABYTE), "x.bin is larger than 20 MB"),
        (b"x" * (10 * MEGABYTE + 1), "x.bin is larger than 10 MB"),
        (b"", "x.bin is empty"),
        (b"PK\3\4\0\0", "x.bin is a zip archive, which cannot be sent"),
        (b"\1\0", "x.bin is not text, an image or a PDF: NUL byte at offset 1"),
    ],
)
def test_unsupported_content_is_rejected(
    home: Home, server: FaultServer, data: bytes, expected: str
) -> None:
    err = refused(home, server, "what?", "-f", write(home, "x.bin", data))
    assert expected in err
    assert "try:" in err


def test_an_attachment_without_a_prompt_is_rejected(home: Home, server: FaultServer) -> None:
    err = refused(home, server, "-f", write(home, "photo.png", PNG))
    assert "no prompt given" in err
    assert "add a prompt for photo.png" in err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/dev/zero", "pipe or a device"),
        ("/dev/null", "pipe or a device"),
        ("fifo", "pipe or a device"),
        ("socket", "pipe or a device"),
        ("folder", "it is a folder"),
        ("missing.png", "No such file"),
        ("folder/missing/x.png", "No such file"),
        ("photo.png/x", "Not a directory"),
        ("loop", "Too many levels"),
        ("~nobody-of-this-name/x.png", "home"),
        ("", "no file name given"),
        ("ftp://host.example/x.png", "ftp:// is not supported"),
        ("file:///etc/passwd", "file:// is not supported"),
    ],
)
def test_a_path_that_is_not_a_file_is_rejected_at_once(
    home: Home, server: FaultServer, name: str, expected: str
) -> None:
    write(home, "photo.png", PNG)
    os.mkfifo(home.path / "fifo")
    (home.path / "folder").mkdir()
    (home.path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fsencode(home.path / "socket"))
        assert expected in refused(home, server, "what?", "-f", name)


def test_an_unreadable_file_is_an_error(home: Home, server: FaultServer) -> None:
    (home.path / write(home, "photo.png", PNG)).chmod(0)
    command = without_root(*newapi_command("chat", "what?", "-f", "photo.png"))
    result = run_command(command, home=home)
    assert (result.code, "Permission denied" in result.err) == (2, True)
    assert server.requests == []


def test_a_file_of_the_system_without_a_size_is_read(home: Home, server: FaultServer) -> None:
    ask(home, "which?", "-f", "/proc/self/status")
    content = asked(server)
    assert isinstance(content, str)
    assert content.startswith("which?\n\n/proc/self/status\n```\nName:")


def test_process_substitution_is_read(home: Home, server: FaultServer) -> None:
    write(home, "photo.png", PNG)
    script = '"$@" what? -f <(sleep 0.1; cat photo.png) -f <(echo alpha)'
    assert run_in_shell(script, "chat", home=home).code == 0
    content = asked(server)
    assert isinstance(content, list)
    assert content[0]["text"].endswith("\n```\nalpha\n```")
    assert content[1:] == [picture_part(PNG, "image/png")]


# -- standard input ---------------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["-f", "-"]])
def test_an_image_can_come_from_stdin(home: Home, server: FaultServer, args: list[str]) -> None:
    ask(home, "what is this?", *args, stdin=PNG)
    assert asked(server) == [text_part("what is this?"), picture_part(PNG, "image/png")]


def test_a_pdf_from_stdin_has_a_name(home: Home, server: FaultServer) -> None:
    ask(home, "sum up", stdin=PDF)
    assert asked(server) == [text_part("sum up"), pdf_part(PDF, "stdin.pdf")]


def test_stdin_is_placed_where_it_is_named_among_the_attachments(
    home: Home, server: FaultServer
) -> None:
    write(home, "a.gif", GIF)
    write(home, "b.webp", WEBP)
    ask(home, "which?", "-f", "a.gif", "-f", "-", "-f", "b.webp", stdin=PNG)
    pictures = [(GIF, "image/gif"), (PNG, "image/png"), (WEBP, "image/webp")]
    assert asked(server) == [text_part("which?"), *(picture_part(*each) for each in pictures)]


def test_stdin_that_is_not_named_comes_last(home: Home, server: FaultServer) -> None:
    ask(home, "which?", "-f", write(home, "a.gif", GIF), stdin=PNG)
    pictures = [(GIF, "image/gif"), (PNG, "image/png")]
    assert asked(server) == [text_part("which?"), *(picture_part(*each) for each in pictures)]


def test_an_image_from_stdin_may_be_larger_than_a_text(home: Home, server: FaultServer) -> None:
    data = PNG + os.urandom(15 * MEGABYTE)
    ask(home, "what?", stdin=data)
    assert asked(server) == [text_part("what?"), picture_part(data, "image/png")]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('{ cat photo.png; cat /dev/zero; } | "$@"', "standard input is larger than 20 MB"),
        ('yes | "$@"', "standard input is larger than 10 MB"),
    ],
)
def test_endless_stdin_is_read_up_to_its_limit(
    home: Home, server: FaultServer, script: str, expected: str
) -> None:
    write(home, "photo.png", PNG)
    result = run_in_shell(f'{script}; exit "${{PIPESTATUS[1]}}"', "chat", "what?", home=home)
    assert result.code == 2
    assert expected in result.err
    assert server.connections == []


def test_an_image_from_stdin_alone_is_not_a_prompt(home: Home, server: FaultServer) -> None:
    assert "add a prompt for stdin.png" in refused(home, server, stdin=PNG)


@pytest.mark.parametrize("stdin", [b"PK\3\4\0", "hi".encode("utf-16")])
def test_binary_data_from_stdin_is_rejected(home: Home, server: FaultServer, stdin: bytes) -> None:
    assert "which cannot be sent" in refused(home, server, "what?", stdin=stdin)


def test_a_prompt_about_an_image_can_be_written_in_the_editor(
    home: Home, server: FaultServer
) -> None:
    write(home, "photo.png", PNG)
    editor = home.path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" seen; printf " this?" >> "$1"\n', "utf-8")
    editor.chmod(0o700)
    result = run_newapi(
        "chat", "-e", "what is", "-f", "photo.png", home=home, env={"EDITOR": str(editor)}
    )
    assert result.code == 0, result
    assert (home.path / "seen").read_text("utf-8") == "what is"
    assert asked(server) == [text_part("what is this?"), picture_part(PNG, "image/png")]


# -- URLs -------------------------------------------------------------------------------------


def web(*scripts: list[Step]) -> FaultServer:
    """Return a server for downloads."""
    return FaultServer(*scripts)


def test_an_image_url_is_fetched_and_its_bytes_are_sent(home: Home, server: FaultServer) -> None:
    with web([Send(response(200, PNG, content_type="text/plain"))]) as elsewhere:
        ask(home, "what is this?", "-f", f"{elsewhere.url}/a/photo.png?w=1")
        (request,) = elsewhere.requests
    assert (request.method, request.path, request.body) == ("GET", "/a/photo.png?w=1", b"")
    assert CANARY.encode() not in request.head
    assert {name.lower() for name, _ in request.headers} == {
        b"host", b"accept", b"accept-encoding", b"user-agent",
    }  # fmt: skip
    assert asked(server) == [text_part("what is this?"), picture_part(PNG, "image/png")]


def test_the_gateway_itself_gets_no_key_for_a_download(home: Home, server: FaultServer) -> None:
    server.add(Send(response(200, PNG)))
    ask(home, "what?", "-f", f"{server.url}/photo.png")
    assert server.requests[0].header("authorization") is None
    assert server.requests[1].header("authorization") == f"Bearer {CANARY}"


def test_a_text_is_fetched_into_the_prompt_under_its_name(home: Home, server: FaultServer) -> None:
    with web([Send(response(200, "alpha\n"))]) as elsewhere:
        ask(home, "sum", "-f", f"{elsewhere.url}/a%20b.txt")
    assert asked(server) == "sum\n\na b.txt\n```\nalpha\n```"


@pytest.mark.parametrize(
    ("script", "expected", "code"),
    [
        ([Send(response(404, b"no"))], "HTTP 404", 2),
        ([Send(response(200, b"PK\3\4\0"))], "photo.png is a zip archive", 2),
        ([Send(response(200, b""))], "photo.png is empty", 2),
        ([Send(head(200, [("Content-Length", "20971521")])), Stall()], "larger than 20 MB", 2),
        ([Send(response(302, headers=[("Location", "/b")]))], "private or local address", 2),
        ([Send(b"nonsense\r\n\r\n")], "is not valid HTTP", 6),
    ],
)
def test_a_failed_download_is_an_error_and_nothing_is_sent(
    home: Home, server: FaultServer, script: list[Step], expected: str, code: int
) -> None:
    with web(script) as elsewhere:
        err = refused(home, server, "what?", "-f", f"{elsewhere.url}/photo.png", code=code)
    assert expected in err
    assert "base URL" not in err


def test_a_url_without_a_server_is_a_network_error(home: Home, server: FaultServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    err = refused(home, server, "what?", "-f", f"http://127.0.0.1:{port}/x", code=5)
    assert "refused" in err


def test_a_password_in_a_url_is_rejected_and_not_printed(home: Home, server: FaultServer) -> None:
    err = refused(home, server, "what?", "-f", "https://me:hunter2@host.invalid/x.png")
    assert "password" in err
    assert "hunter2" not in err


def test_ctrl_c_ends_a_download(home: Home, server: FaultServer) -> None:
    with web([Send(head(200, [("Content-Length", "9")])), Stall()]) as elsewhere:
        command = newapi_command("chat", "what?", "-f", f"{elsewhere.url}/photo.png")
        with Terminal(command, home=home) as terminal:
            elsewhere.wait_for_requests(1)
            terminal.press_ctrl_c()
            assert terminal.wait_exit() == 130
        elsewhere.wait_for_close()
    assert server.connections == []


def test_the_proxy_of_the_settings_fetches_too(home: Home, server: FaultServer) -> None:
    with web([Send(response(200, PNG))]) as proxy:
        args = ("what?", "-f", "http://host.invalid/photo.png", "--proxy", proxy.url)
        ask(home, *args)
        assert proxy.requests[0].path == "http://host.invalid/photo.png"
    assert asked(server) == [text_part("what?"), picture_part(PNG, "image/png")]


# -- what is shown ----------------------------------------------------------------------------


def told_on_terminal(home: Home, *args: str) -> str:
    """Send a prompt on a terminal and return the text on its screen."""
    with Terminal(newapi_command("chat", *args), home=home) as terminal:
        assert terminal.wait_exit() == 0
        return terminal.all_text()


def test_attachments_are_listed_on_a_terminal(home: Home, server: FaultServer) -> None:
    write(home, "photo.png", PNG + bytes(1_234_567 - len(PNG)))
    write(home, "paper.pdf", PDF)
    screen = told_on_terminal(home, "what?", "-f", "photo.png", "-f", "paper.pdf")
    assert "photo.png, 1.2 MB, image/png\n" in screen
    assert f"paper.pdf, {len(PDF)} bytes, application/pdf\n" in screen
    assert screen.index("photo.png") < screen.index("A dot.")


def test_the_name_of_an_attachment_is_printed_as_one_safe_line(
    home: Home, server: FaultServer
) -> None:
    write(home, "a\nb\x1b[31m.png", PNG)
    screen = told_on_terminal(home, "what?", "-f", "a\nb\x1b[31m.png")
    assert f"a b␛[31m.png, {len(PNG)} bytes, image/png\n" in screen


def test_quiet_lists_no_attachments(home: Home, server: FaultServer) -> None:
    screen = told_on_terminal(home, "-q", "what?", "-f", write(home, "photo.png", PNG))
    assert "photo.png" not in screen


# -- --curl -----------------------------------------------------------------------------------


def test_curl_leaves_out_the_bytes_and_warns(home: Home, server: FaultServer) -> None:
    write(home, "photo.png", PNG + bytes(1_234_567 - len(PNG)))
    write(home, "paper.pdf", PDF)
    args = ("--curl", "what?", "-f", "photo.png", "-f", "paper.pdf")
    result = run_newapi("chat", *args, home=home)
    assert result.code == 0
    assert len(result.out) < 1000
    words = shlex.split(result.text)
    (message,) = json.loads(words[words.index("--data-raw") + 1])["messages"]
    assert message["content"] == [
        text_part("what?"),
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64,(1.2 MB left out)"},
        },
        {
            "type": "file",
            "file": {
                "filename": "paper.pdf",
                "file_data": f"data:application/pdf;base64,({len(PDF)} bytes left out)",
            },
        },
    ]
    text = "the printed command lacks the bytes of photo.png, paper.pdf"
    assert result.err == f"warning: {text}\n"
    assert server.connections == []


def test_curl_without_attachments_warns_of_nothing(home: Home, server: FaultServer) -> None:
    result = run_newapi("chat", "--curl", "hi", home=home)
    assert (result.code, result.err) == (0, "")
