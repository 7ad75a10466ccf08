"""Saved and copied text contains no API key, even if a key was typed or answered."""

from __future__ import annotations

from tests.repl.conversation import answers, conversation, stored_sessions
from tests.repl.test_repl_copy import osc_52
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi

KEY = "mykeyA1b2C3d4E5f6G7h8I9j0"  # of no known shape: only who knows it can take it out
LEFT_OUT = "your API key is redacted (****)"


def test_files_and_the_clipboard_contain_no_key(home: Home, server: FaultServer) -> None:
    server.answer_with(lambda _: answers(f"Do not show {KEY}!")[0])
    home.configure(server.url, api_key=f"sk-{KEY}", retries=0)
    files = ["answer.md", "all.md", "all.json", "all.jsonl"]
    with conversation(home, columns=120) as repl:
        repl.enter(f"/system You know sk-{KEY}.")
        repl.enter(f"What is {KEY}?")
        for name in files:
            command = f"/save all {name}" if name.startswith("all") else f"/save {name}"
            assert repl.output_of(command) == f"{LEFT_OUT} saved to {name}"
        repl.enter(f"/rename of {KEY}")
        assert LEFT_OUT in repl.output_of("/copy")
        repl.enter("/fork")
        repl.leave()
    for name in files:
        text = (home.path / name).read_text()
        assert (KEY in text, "Do not show ****!" in text) == (False, True)
    for name in files[1:]:
        text = (home.path / name).read_text()
        assert ("You know ****." in text, "What is ****?" in text) == (True, True)
    assert osc_52(repl.terminal.raw) == ["Do not show ****!"]
    assert home.files_holding(KEY.encode()) == []


def test_no_command_prints_a_key_that_was_typed(home: Home, server: FaultServer) -> None:
    home.configure(server.url, api_key=f"sk-{KEY}", retries=0)
    for args in (("-s", f"You know {KEY}."), ("-c",)):
        run_newapi("chat", *args, f"What is sk-{KEY}?", home=home)
    for command in (
        ("list",), ("list", "--json"), ("show",), ("show", "--json"), ("show", "--all"),
        ("search", "What"), ("search", "--json", "What"),
        ("export",), ("export", "--json"), ("export", "--jsonl"), ("export", "--all"),
    ):  # fmt: skip
        result = run_newapi("sessions", *command, home=home)
        assert result.code == 0
        assert "****" in result.text
        assert KEY not in result.text + result.err


def test_names_and_imported_sessions_are_stored_without_the_key(
    home: Home, server: FaultServer
) -> None:
    home.configure(server.url, api_key=f"sk-{KEY}", retries=0)
    run_newapi("chat", "hi", home=home)
    exported = run_newapi("sessions", "export", "--json", home=home).text
    said = exported.replace('"hi"', f'"hi {KEY}"').encode()
    assert KEY.encode() in said
    assert run_newapi("sessions", "import", "-", home=home, stdin=said).code == 0
    result = run_newapi("sessions", "rename", "hi", f"of sk-{KEY}", home=home)
    assert (result.code, 'to "of ****"' in result.err) == (0, True)
    titles = sorted(stored.session.title for stored in stored_sessions(home))
    assert titles == ["hi ****", "of ****"]
    assert home.files_holding(KEY.encode()) == []


def test_text_without_a_key_is_saved_unchanged(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert repl.output_of("/save all talk.md") == "saved to talk.md"
        repl.leave()
