"""`newapi sessions list`, `show`, `search`, `rename` and `path`, in pipes and on a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import CONTINUE_PROMPT, StoredSession, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.repl.conversation import CTRL_C
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    data_dir,
    only_session,
    sent_texts,
    sessions_file,
    stored_sessions,
)
from tests.store.stores import new_session
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, CANARY_TRACE, Home
from tests.support.process import Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\u202ed\te\nf"


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home)
    return fault_server


def put(
    home: Home, title: str, *turns: tuple[str, str], id_: str = "", **fields: object
) -> StoredSession:
    """Store a session without a request."""
    data_dir(home).mkdir(0o700, parents=True, exist_ok=True)
    session = new_session(title, model="m", **fields)
    session = session._replace(id=id_ or session.id)
    with SessionStore(sessions_file(home)) as store:
        for prompt, answer in turns or [("q", "a")]:
            session, turn = store.begin_turn(session, TurnRecord(prompt, model="m"), at_leaf=True)
            store.end_turn(turn._replace(answer=answer, status=Status.COMPLETE))
        stored = store.load(session.id)
    assert stored is not None
    return stored


def run(home: Home, *args: str, code: int = 0) -> Result:
    result = run_newapi("sessions", *args, home=home)
    assert result.code == code, result
    return result


def shown(home: Home, *args: str, columns: int = 100, rows: int = 30, **env: str) -> str:
    """Run a command on a terminal and return its text."""
    command = newapi_command("sessions", *args)
    with Terminal(command, home=home, columns=columns, rows=rows, env=env) as terminal:
        assert terminal.wait_exit() == 0, terminal.all_text()
        return terminal.all_text()


# -- list -------------------------------------------------------------------------------------


def test_in_a_pipe_the_list_is_tsv(home: Home, server: FaultServer) -> None:
    chat(home, "-S", "taxes", "first question")
    chat(home, "-c", "second")
    chat(home, "Why is the sky blue?\nTell me.")
    rows = [line.split("\t") for line in run(home, "list").text.splitlines()]
    newest, oldest = stored_sessions(home)
    assert [(r[0], r[1], r[2], *r[4:]) for r in rows] == [
        (newest.session.id, "Why is the sky blue?", "1", "test-model", "test"),
        (oldest.session.id, "taxes", "2", "test-model", "test"),
    ]
    assert all(TIME.fullmatch(row[3]) for row in rows)


def test_in_a_pipe_all_sessions_are_listed_up_to_the_limit(home: Home) -> None:
    for number in range(60):
        put(home, f"s{number}")
    assert len(run(home, "list").text.splitlines()) == 60
    assert len(run(home, "list", "-l", "7").text.splitlines()) == 7
    assert len(run(home, "list", "--limit", "0").text.splitlines()) == 60
    assert len(run(home, "list", "--limit", "9" * 20).text.splitlines()) == 60
    assert len(json.loads(run(home, "list", "--json").out)) == 60
    assert len(json.loads(run(home, "list", "--json", "-l", "2").out)) == 2
    assert run(home, "list", "-l", "-1", code=2).out == b""


def test_on_a_terminal_the_list_is_a_table_of_fifty(home: Home) -> None:
    for number in range(60):
        put(home, f"title{number:02}")
    text = shown(home, "list", rows=80)
    assert re.search(r"id +title +turns +used +model +profile", text)
    assert len(re.findall(r"title\d\d", text)) == 50
    assert "title59" in text
    assert "50 of 60; --limit 0 lists all" in text
    assert "ago" in text or "now" in text
    assert len(re.findall(r"title\d\d", shown(home, "list", "--limit", "0", rows=80))) == 60


def test_a_dumb_terminal_gets_a_table_without_control_sequences(home: Home) -> None:
    put(home, "taxes")
    put(home, "a longer title")
    with Terminal(newapi_command("sessions", "list"), home=home, env={"TERM": "dumb"}) as terminal:
        assert terminal.wait_exit() == 0
        text = terminal.raw.decode()
    head, *rows = text.splitlines()
    assert re.fullmatch(r"id +title +turns +used +model +profile", head)
    assert [row.index("just now") for row in rows] == [head.index("used")] * 2
    assert text.replace("\r\n", "").isprintable()


def test_json_has_all_fields(home: Home, server: FaultServer) -> None:
    chat(home, "-S", "taxes", "hi")
    [value] = json.loads(run(home, "list", "--json").out)
    session = only_session(home).session
    assert TIME.fullmatch(value.pop("created_at"))
    assert TIME.fullmatch(value.pop("used_at"))
    assert value == {
        "id": session.id,
        "title": "taxes",
        "is_named": True,
        "turns": 1,
        "model": "test-model",
        "profile": "test",
        "host": session.host,
    }


def test_the_profile_option_filters(home: Home, server: FaultServer) -> None:
    put(home, "mine", profile="test")
    put(home, "other", profile="work")
    assert [line.split("\t")[1] for line in run(home, "list", "-P", "test").text.splitlines()] == [
        "mine"
    ]
    assert len(run(home, "list").text.splitlines()) == 2


@pytest.mark.parametrize("command", ["list", "show", "export"])
def test_a_profile_that_does_not_exist_is_an_error(
    home: Home, server: FaultServer, command: str
) -> None:
    put(home, "mine", profile="test")
    result = run(home, command, "-P", "nope", code=3)
    assert (result.out, 'profile "nope" not found' in result.err) == (b"", True)


def test_the_sessions_of_a_profile_that_was_removed_are_listed(
    home: Home, server: FaultServer
) -> None:
    put(home, "other", profile="gone")
    assert "other" in run(home, "list", "-P", "gone").text


def test_the_hint_without_any_session_is_a_first_prompt(home: Home, server: FaultServer) -> None:
    put(home, "mine", profile="test")
    run(home, "rm", "--yes", "mine")
    assert 'try: newapi chat "Hello"' in run(home, "export", code=2).err


def test_the_help_of_export_names_its_default(home: Home) -> None:
    text = " ".join(run(home, "export", "--help").text.replace("│", "").split())
    assert "the most recent session if omitted" in text


def test_an_invalid_export_names_what_to_use(home: Home) -> None:
    path = home.path / "bad.json"
    path.write_text('{"format": "other"}')
    err = run(home, "import", str(path), code=2).err
    assert "try: use a file that `newapi sessions export --json` wrote" in err


def test_an_empty_list_is_reported_on_stderr(home: Home) -> None:
    result = run(home, "list")
    assert (result.out, "no session" in result.err) == (b"", True)
    assert json.loads(run(home, "list", "--json").out) == []
    assert shown(home, "list").strip() == "no sessions yet"
    assert run(home, "show", code=2).out == b""
    assert run(home, "export", code=2).out == b""


def test_a_terminal_shows_how_many_turns_are_current(home: Home) -> None:
    put(home, "whole", ("a", "a1"), ("b", "b1"))
    stored = put(home, "undone", ("a", "a1"), ("b", "b1"))
    with SessionStore(sessions_file(home)) as store:
        store.update_session(stored.session._replace(leaf_id=stored.turns[0].id))
    text = shown(home, "list")
    assert re.search(r"undone +1 of 2 +", text)
    assert re.search(r"whole +2 +", text)
    assert [line.split("\t")[2] for line in run(home, "list").text.splitlines()] == ["2", "2"]


def test_tabs_and_line_breaks_of_titles_are_escaped_in_tsv(home: Home) -> None:
    put(home, "a\tb\nc\\d\re", is_named=True)
    [line] = run(home, "list").text.split("\n")[:-1]
    assert line.split("\t")[1] == "a\\tb\\nc\\\\d\\re"


# -- show -------------------------------------------------------------------------------------


def test_the_last_used_session_is_shown_by_default(home: Home) -> None:
    put(home, "one", ("first prompt", "first answer"))
    put(home, "two", ("second prompt", "**second** answer"))
    text = run(home, "show").text
    assert "second prompt" in text
    assert "second answer" in text
    assert "first" not in text
    assert "first answer" in run(home, "show", "one").text
    assert "second answer" in shown(home, "show")


def test_undone_turns_and_reasoning_are_shown_on_request(home: Home) -> None:
    stored = put(home, "t", ("kept", "a1"), ("undone", "a2"))
    with SessionStore(sessions_file(home)) as store:
        store.update_session(stored.session._replace(leaf_id=stored.turns[0].id))
        store.database.execute("UPDATE turns SET reasoning = 'deep thought'")
    assert "undone" not in run(home, "show").text
    assert "undone" in run(home, "show", "--all").text
    assert "deep thought" not in run(home, "show").text
    assert "deep thought" in run(home, "show", "--reasoning").text


def test_the_prompt_of_continue_is_shown_as_the_command(home: Home) -> None:
    put(home, "t", ("count", "One,"), (CONTINUE_PROMPT, "two of them stopped"))
    assert "> /continue\n" in run(home, "show", "--all").text
    exported = run(home, "export").text
    assert "## You\n\n/continue\n" in exported
    assert "Go on" not in run(home, "show", "--all").text + exported
    assert json.loads(run(home, "show", "--json").out)["turns"][1]["prompt"] == CONTINUE_PROMPT


def test_the_prompt_of_continue_is_not_searched(home: Home) -> None:
    put(home, "t", ("count", "One,"), (CONTINUE_PROMPT, "two of them stopped"))
    assert run(home, "search", "exactly").out == b""
    [hit] = json.loads(run(home, "search", "stopped", "--json").out)
    assert hit["text"] == "two of them stopped"


@pytest.fixture
def pager(home: Home) -> Path:
    """Return a pager that prints its input."""
    script = home.path / "my pager"
    script.write_text('#!/bin/sh\necho "PAGED $1"\nwc -l\n')
    script.chmod(0o755)
    return script


def test_a_long_session_goes_through_the_pager(home: Home, pager: Path) -> None:
    put(home, "t", *((f"prompt {n}", f"line a\n\nline b {n}") for n in range(30)))
    text = shown(home, "show", PAGER=f"'{pager}' -x")
    assert "PAGED -x" in text
    assert "prompt" not in text
    [count] = re.findall(r"^\s*(\d+)$", text, re.MULTILINE)
    assert int(count) > 90


def test_a_short_session_and_a_pipe_use_no_pager(home: Home, pager: Path) -> None:
    put(home, "t", ("a prompt", "an answer"))
    assert "an answer" in shown(home, "show", PAGER=f"'{pager}'")
    put(home, "t", *((f"prompt {n}", "line a\n\nline b") for n in range(30)))
    result = run_newapi("sessions", "show", home=home, env={"PAGER": f"'{pager}'"})
    assert (result.code, "prompt 29" in result.text, "PAGED" in result.text) == (0, True, False)


@pytest.mark.parametrize("value", ["no-such-pager", "false", "", "cat", "'"])
def test_a_pager_never_fails_the_command(home: Home, value: str) -> None:
    put(home, "t", *((f"prompt {n}", "line a\n\nline b") for n in range(30)))
    text = shown(home, "show", rows=200, PAGER=value)
    assert ("prompt 29" in text) == (value != "false")


def test_ctrl_c_in_the_pager_goes_to_the_pager(home: Home) -> None:
    put(home, "t", *((f"prompt {n}", "line a\n\nline b") for n in range(30)))
    script = "trap 'echo got it; exit 0' INT; echo waits; cat >/dev/null; sleep 60 & wait"
    env = {"PAGER": f'sh -c "{script}"'}
    with Terminal(newapi_command("sessions", "show"), home=home, env=env) as terminal:
        terminal.wait_for("waits")
        terminal.send(CTRL_C.encode())
        terminal.wait_for("got it")
        assert terminal.wait_exit() == 0


# -- ids and names ----------------------------------------------------------------------------


def test_any_unique_beginning_of_an_id_selects_a_session(home: Home) -> None:
    put(home, "one", ("p1", "a1"), id_="1a2b00000000")
    put(home, "two", ("p2", "a2"), id_="1a2c00000000")
    for reference in ("1a2b", "1a2b0000", "1A2B00000000", "one"):
        assert "p1" in run(home, "show", reference).text
        assert "a1" in run(home, "export", reference).text


@pytest.mark.parametrize("command", [["show"], ["export"], ["rm", "--yes"], ["rename"]])
@pytest.mark.parametrize(
    ("reference", "message"), [("1a2", "2 sessions"), ("nobody", 'session "nobody" not found')]
)
def test_an_ambiguous_or_unknown_beginning_is_refused(
    home: Home, command: list[str], reference: str, message: str
) -> None:
    put(home, "one", id_="1a2b00000000")
    put(home, "two", id_="1a2c00000000")
    name = ["new name"] if command == ["rename"] else []
    result = run(home, *command, reference, *name, code=2)
    assert message in result.err
    assert result.out == b""
    assert ("1a2b0000" in result.err) == (reference == "1a2")
    assert sorted(each.session.title for each in stored_sessions(home)) == ["one", "two"]


def test_a_renamed_session_is_continued_by_its_new_name(home: Home, server: FaultServer) -> None:
    chat(home, "first")
    id_ = only_session(home).session.id
    assert "taxes 2026" in run(home, "rename", id_[:6], "  taxes   2026 ").err
    chat(home, "-S", "taxes 2026", "second")
    assert sent_texts(server) == ["first", "Answer 1.", "second"]
    run(home, "rename", "taxes 2026", "税")
    assert only_session(home).session.title == "税"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "two"])
def test_an_invalid_name_is_refused(home: Home, name: str) -> None:
    put(home, "one", id_="100000000000")
    put(home, "two", id_="200000000000", is_named=True)
    result = run(home, "rename", "1000", name, code=2)
    assert "20000000" in result.err if name == "two" else "80" in result.err
    assert sorted(each.session.title for each in stored_sessions(home)) == ["one", "two"]


def test_renaming_does_not_make_a_session_the_last_used(home: Home, server: FaultServer) -> None:
    put(home, "old", ("p-old", "a"), profile="test")
    put(home, "new", ("p-new", "a"), profile="test")
    run(home, "rename", "old", "older")
    chat(home, "-c", "more")
    assert sent_texts(server) == ["p-new", "a", "more"]


def test_the_path_is_printed_even_without_a_file(home: Home) -> None:
    assert run(home, "path").text == f"{sessions_file(home)}\n"
    put(home, "t")
    assert run(home, "path").text == f"{sessions_file(home)}\n"


# -- search -----------------------------------------------------------------------------------


def test_in_a_pipe_hits_are_tsv_newest_first(home: Home) -> None:
    one = put(home, "one", ("about Rust", "lifetimes\tand\nborrows"), ("other", "x"))
    two = put(home, "two", ("more RUST here", "yes"))
    rows = [line.split("\t") for line in run(home, "search", "rust").text.splitlines()]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (two.session.id, "two", "more RUST here"),
        (one.session.id, "one", "about Rust"),
    ]
    assert all(TIME.fullmatch(row[2]) for row in rows)
    assert run(home, "search", "rust", "borrows").text.count("\n") == 1
    assert run(home, "search", "-l", "1", "rust").text.startswith(two.session.id)
    [hit] = json.loads(run(home, "search", "--json", "lifetimes").out)
    assert TIME.fullmatch(hit.pop("created_at"))
    assert hit == {
        "session": one.session.id,
        "title": "one",
        "turn": one.turns[0].id,
        "text": "lifetimes and borrows",
    }


def test_on_a_terminal_hits_are_a_table(home: Home) -> None:
    put(home, "one", ("about Rust", "lifetimes"))
    text = shown(home, "search", "LIFETIMES")
    assert re.search(r"id +title +when +text", text)
    assert "lifetimes" in text


def test_no_hit_is_reported_and_not_an_error(home: Home) -> None:
    put(home, "one")
    result = run(home, "search", "zebra")
    assert (result.out, "no turn" in result.err) == (b"", True)
    assert json.loads(run(home, "search", "--json", "zebra").out) == []
    assert run(home, "search", " ", code=2).out == b""
    assert run(home, "search", code=2).out == b""


# -- control characters and keys --------------------------------------------------------------


COMMANDS = [
    *(["list"], ["show"], ["search", "q"], ["export"]),
    *([*words, "--json"] for words in (["list"], ["show"], ["search", "q"], ["export"])),
    ["export", "--jsonl"],
]


@pytest.mark.parametrize("args", [*COMMANDS, ["rename", "1000", "new"], ["rm", "1000"]], ids=str)
def test_control_characters_do_not_reach_a_terminal(home: Home, args: list[str]) -> None:
    put(home, HOSTILE, (f"q {HOSTILE}", f"a {HOSTILE}"), id_="100000000000", is_named=True)
    command = newapi_command("sessions", *args)
    with Terminal(command, home=home, columns=100, rows=40) as terminal:
        if args[0] == "rm":
            terminal.wait_for("Delete this session permanently?")
            terminal.send(b"n\r")
        assert terminal.wait_exit() == 0
        raw = terminal.raw
    assert b"\x1b]0;" not in raw
    assert b"\x07" not in raw
    assert b"\x1b[2J" not in raw
    assert "\u202e".encode() not in raw


@pytest.mark.parametrize("args", [["1"], ["rm", "--yes", "1"], ["rename", "1", "x"]])
def test_control_characters_of_titles_are_escaped_in_errors(home: Home, args: list[str]) -> None:
    reference = f"x{HOSTILE}"
    words = [reference if word == "1" else word for word in args]
    command = ["show", *words] if len(words) == 1 else words
    put(home, "t")
    result = run(home, *command, code=2)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.err)


@pytest.mark.parametrize("args", [["list"], ["list", "--json"], ["search", "q"],
                                  ["search", "--json", "q"]], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_keys_in_titles_and_snippets_are_redacted(
    home: Home, args: list[str], terminal: bool
) -> None:
    put(home, f"my key {CANARY}", (f"q {CANARY}", f"a {CANARY}"))
    put(home, "harmless", ("q", "a"))
    text = shown(home, *args) if terminal else run(home, *args).text
    assert CANARY_TRACE not in text.encode()
    assert "****" in text
    assert "harmless" in text
