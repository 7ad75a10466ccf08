"""A home written by newapi 0.1.0 (tests/data/0.1.0): this version prints what 0.1.0 printed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.repl.conversation import CTRL_C, CTRL_D, UP, conversation
from tests.support.demo import chats
from tests.support.home import Home
from tests.support.process import run_newapi

DATA = Path(__file__).parents[1] / "data" / "0.1.0"
HOSTS = ("127.0.0.1", "localhost")
PORT = 8765
ENTRIES = ["/continue", "up to the token limit", "/model demo-length", "slowly, and stopped"]
REQUESTS = json.loads((DATA / "expected" / "requests.json").read_text("utf-8"))


@pytest.fixture
def written(home: Home) -> Home:
    """Return a home with the files of 0.1.0, cached a minute ago, whose gateway is not running."""
    return write_home(home, PORT)


def write_home(home: Home, port: int) -> Home:
    """Write the files of 0.1.0 to a home, for a gateway at another port."""
    shutil.copytree(DATA / "home", home.path, dirs_exist_ok=True)
    for folder in (home.newapi_home, home.newapi_home / "data", home.newapi_home / "cache"):
        folder.chmod(0o700)
    for path in filter(Path.is_file, home.newapi_home.rglob("*")):
        path.write_text(at_home(path.read_text("utf-8"), home, port), "utf-8")
        path.chmod(0o600)
    for path in (home.newapi_home / "cache").glob("*.json"):
        # 0.1.0 did not know that a site in self-use mode charges the placeholder price.
        text = path.read_text("utf-8")
        cache = json.loads(text.replace('"self_use_mode_enabled": true', '"unknown": true'))
        for entry in cache["entries"].values():
            entry["at"] = time.time() - 60
        path.write_text(json.dumps(cache), "utf-8")
    database = home.newapi_home / "data" / "sessions.db"
    dump = database.with_suffix(".sql")
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(dump.read_text("utf-8"))
    database.chmod(0o600)
    dump.unlink()
    return home


def at_home(text: str, home: Home, port: int) -> str:
    """Return a text of 0.1.0 with this home's path and the port in it."""
    for host in HOSTS:
        text = text.replace(f"{host}:{PORT}", f"{host}:{port}")
    return text.replace("/home/me", str(home.path))


def expected(name: str, home: Home, port: int = PORT) -> str:
    """Return what 0.1.0 printed."""
    return at_home((DATA / "expected" / name).read_text("utf-8"), home, port)


def output(home: Home, *args: str) -> str:
    """Run `newapi` and return its standard output."""
    result = run_newapi(*args, home=home)
    assert result.code == 0, result
    return result.text


def recorded_part(value: object, recorded: object) -> object:
    """Return a JSON value without the members that 0.1.0 did not know."""
    if isinstance(value, dict) and isinstance(recorded, dict):
        return {
            name: recorded_part(value[name], recorded[name]) for name in recorded if name in value
        }
    if isinstance(value, list) and isinstance(recorded, list) and len(value) == len(recorded):
        return [recorded_part(*each) for each in zip(value, recorded, strict=True)]
    return value


def without_origins(settings: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the values of `config list --json`: how an origin is worded may change."""
    return {name: setting["value"] for name, setting in settings.items()}


def test_every_session_is_exported_the_same(written: Home) -> None:
    recorded = json.loads(expected("sessions.json", written))
    assert len(recorded) == 21
    exported = json.loads(output(written, "sessions", "export", "--all", "--json"))
    assert recorded_part(exported, recorded) == recorded
    lines = output(written, "sessions", "export", "--all", "--jsonl").split("\n")
    turns = [turn for session in recorded for turn in session["turns"]]
    read = [json.loads(line) for line in lines if line]
    assert recorded_part([each for each in read if each["type"] == "turn"], turns) == turns


def test_an_export_is_imported_the_same(home: Home) -> None:
    path = DATA / "expected" / "sessions.json"
    recorded = without_ids(json.loads(path.read_text("utf-8")))
    assert len(output(home, "sessions", "import", str(path)).split()) == len(recorded)
    exported = without_ids(json.loads(output(home, "sessions", "export", "--all", "--json")))
    assert recorded_part(exported, recorded) == recorded


def without_ids(sessions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return exported sessions in the order of their titles, with places in place of ids.

    An answer that is being written when it is exported is interrupted where it is imported.
    """
    found = []
    for session in sessions:
        places = {turn["id"]: place for place, turn in enumerate(session["turns"])} | {None: None}
        turns = [
            turn
            | {"id": places[turn["id"]], "parent_id": places[turn["parent_id"]]}
            | ({"status": "interrupted"} if turn["status"] == "open" else {})
            for turn in session["turns"]
        ]
        found.append(session | {"id": "", "leaf": places[session["leaf"]], "turns": turns})
    return sorted(found, key=lambda session: str(session["title"]))


def test_commands_print_the_same_json(written: Home) -> None:
    recorded = json.loads(expected("json.json", written))
    found = {command: json.loads(output(written, *command.split())) for command in recorded}
    for command in recorded:
        if command.startswith("config list"):
            recorded[command] = without_origins(recorded[command])
            found[command] = without_origins(found[command])
        elif command.startswith("models"):  # listed as the server sent them, now by name
            recorded[command].sort(key=lambda model: model["id"])
    assert recorded_part(found, recorded) == recorded


def test_commands_print_the_same_lines(written: Home) -> None:
    recorded = json.loads(expected("lines.json", written))
    found = {command: output(written, *command.split()).splitlines() for command in recorded}
    for command in recorded:
        if command.startswith("models"):
            recorded[command].sort(key=lambda line: line.split("\t")[0])
    assert found == recorded


def test_sessions_are_shown_with_their_prompts_and_answers(written: Home) -> None:
    [session] = [
        each
        for each in json.loads(expected("sessions.json", written))
        if each["title"] == "work notes"
    ]
    texts = [text for turn in session["turns"] for text in (turn["prompt"], turn["answer"])]
    assert len(texts) == 4
    for command in ("show", "export"):
        shown = output(written, "sessions", command, "work notes")
        assert [shown.find(text.strip().splitlines()[0]) >= 0 for text in texts] == [True] * 4, (
            shown
        )


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: " ".join(each["arguments"][1:3]))
def test_sessions_are_continued_with_the_same_messages(
    home: Home, request_: dict[str, object]
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        port = int(gateway.base_url.rpartition(":")[2])
        recorded = json.loads(at_home(json.dumps(request_), home, port))
        write_home(home, port)
        output(home, *recorded["arguments"])
        [sent] = chats(gateway)
    assert json.loads(sent.body) == recorded["body"]
    found = (sent.headers["host"], sent.headers["authorization"])
    assert found == (recorded["host"], recorded["authorization"])


def test_an_answer_of_a_killed_process_is_closed_by_the_next_run(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        write_home(home, int(gateway.base_url.rpartition(":")[2]))
        assert [turn["status"] for turn in last_session(home)] == ["open"]
        output(home, "chat", "-c", "-m", "demo-echo", "What is next?")
    turns = last_session(home)
    assert [turn["status"] for turn in turns] == ["interrupted", "complete"]
    assert [turn["answer"] for turn in turns] == ["Good thin", "What is next?"]


def last_session(home: Home) -> list[dict[str, Any]]:
    """Return the turns of the session that was used last."""
    session: dict[str, Any] = json.loads(output(home, "sessions", "export", "--json"))
    turns: list[dict[str, Any]] = session["turns"]
    return turns


def test_the_input_history_is_recalled(written: Home) -> None:
    with conversation(written, "chat", "-m", "demo-echo") as repl:
        for entry in ENTRIES:
            repl.type(UP)
            repl.terminal.wait_for(f"> {entry}")
        repl.type(CTRL_C + CTRL_D)
        assert repl.terminal.wait_exit() == 0


def test_what_was_typed_in_a_deleted_session_leaves_the_history(written: Home) -> None:
    history = written.newapi_home / "data" / "history"
    assert "on a second line" in history.read_text("utf-8")
    output(written, "sessions", "rm", "a talk with branches", "--yes")
    assert history.read_text("utf-8") == expected("history-after-rm.txt", written)


def test_a_setting_is_changed_and_all_else_in_the_file_stays(written: Home) -> None:
    before = written.config_file.read_text("utf-8")
    output(written, "config", "set", "model", "demo-echo")
    assert written.config_file.read_text("utf-8") == before.replace(
        'model = "demo"\n', 'model = "demo-echo"\n'
    )


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("newapi chat -m demo-t", ["demo-think", "demo-tiered"]),
        ("newapi chat -S ta", ["taxes"]),
        ("newapi chat -S 6", ["618685a2", "6db12265", "614dac81", "64ad51a1"]),
    ],
)
def test_names_are_completed(written: Home, words: str, names: list[str]) -> None:
    env = {"_NEWAPI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    assert run_newapi(home=written, env=env).text.split() == names
