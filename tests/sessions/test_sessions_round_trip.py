"""A session in Chinese, with emoji and code: continued, searched, exported, imported unchanged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import StoredSession, TurnRecord
from tests.repl.conversation import conversation
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    only_session,
    sent_texts,
    sessions_file,
    stored_sessions,
    tree,
)
from tests.store.stores import change_raw
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_command, run_newapi
from tests.support.steps import Reset, Step, sse
from tests.support.wire import DONE, chunk, event, usage_chunk

CODE = 'def 问候(名: str) -> None:\n\tprint(f"你好，{名}！")  # 👋\n'
PROMPTS = [
    "天空为什么是蓝色的？",
    f"请解释这段代码：\n\n```python\n{CODE}```\n",
    "用表情符号回答 👩‍👩‍👧‍👦🏳️‍🌈",
    "混合 English 和中文，𠜎字",
    "反斜杠 \\ 引号 \" ' 百分号 % 下划线 _",
    "全角ＡＢＣ，顿号、书名号《》",
    "# 标题\n\n- 列表\n- 列表",
    "阿拉伯文 مرحبا 与希伯来文 שלום",
    "行分隔\u2028段分隔\u2029次行\u0085完",
    "最后一个问题 琥珀",
]


# The whole command for each prompt, in one process: ten starts of Python would take seconds.
ASKS_ALL = """
import sys
from newapi_cli.cli.main import run
from newapi_cli.streams import streams_of_process
for prompt in sys.argv[1:]:
    code = run(["chat", "-q", "-S", "中文 会话", "-t", "0.5", "--", prompt], streams_of_process())
    if code:
        raise SystemExit(code)
"""


def answer_to(prompt: str) -> str:
    return f"关于“{prompt[:6]}”：\n\n```go\nfmt.Println(`你好`)\n```\n\n完 ✅ 琥珀色"


def answer(request: Request) -> list[Step]:
    """Answer in chunks that split no character, with reasoning and usage."""
    text = answer_to(request.json["messages"][-1]["content"])
    pieces = [text[begin : begin + 7] for begin in range(0, len(text), 7)]
    return sse(
        event(chunk(reasoning="让我想想🤔")),
        *(event(chunk(piece)) for piece in pieces),
        event(chunk(finish="stop")),
        event(usage_chunk(11, 22)),
        DONE,
    )


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a server that has answered the ten prompts in one session."""
    fault_server.answer_with(answer)
    home.configure(fault_server.url, system="用中文回答。", retries=0)
    result = run_command([sys.executable, "-c", ASKS_ALL, *PROMPTS], home=home, stdin=None)
    assert (result.code, result.err) == (0, ""), result
    return fault_server


@pytest.fixture
def other_home(tmp_path: Path) -> Home:
    """Return a second home, as on another machine."""
    path = tmp_path / "other"
    path.mkdir(0o700)
    return Home(path)


def exported(home: Home, *args: str) -> bytes:
    result = run_newapi("sessions", "export", *args, home=home)
    assert (result.code, result.err) == (0, ""), result
    return result.out


def imported(home: Home, data: bytes) -> list[str]:
    """Import from standard input and return the printed ids."""
    result = run_newapi("sessions", "import", "-", home=home, stdin=data)
    assert (result.code, result.err) == (0, ""), result
    return result.text.split()


def without_ids(stored: StoredSession) -> tuple[object, list[TurnRecord], list[str]]:
    """Return a session without its new ids, and its path as prompts."""
    session = stored.session._replace(id="", leaf_id=None)
    turns = [turn._replace(id=0, parent_id=None) for turn in stored.turns]
    return session, turns, [turn.prompt for turn in stored.path]


# -- continuing -------------------------------------------------------------------------------


def test_every_message_is_sent_again_unchanged(home: Home, server: FaultServer) -> None:
    wanted = ["用中文回答。"]
    for number, prompt in enumerate(PROMPTS):
        wanted.append(prompt)
        assert sent_texts(server, number) == wanted
        wanted.append(answer_to(prompt))


def test_every_turn_is_stored_unchanged(home: Home, server: FaultServer) -> None:
    stored = only_session(home)
    assert [turn.prompt for turn in stored.path] == PROMPTS
    for turn in stored.path:
        assert (turn.answer, turn.reasoning) == (answer_to(turn.prompt), "让我想想🤔")
        assert (turn.status, turn.request) == (Status.COMPLETE, {"temperature": 0.5})
        assert turn.usage is not None
        assert (turn.usage.prompt_tokens, turn.usage.completion_tokens) == (11, 22)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["琥珀"], 10),
        (["问题", "琥珀"], 1),
        (["👩‍👩‍👧‍👦"], 1),
        (["ENGLISH"], 1),
        (["\\"], 1),
        (["100%"], 0),
        (["书名号《》"], 1),
        (["مرحبا"], 1),
        (["问候"], 1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_its_words_are_found(home: Home, server: FaultServer, words: list[str], count: int) -> None:
    result = run_newapi("sessions", "search", *words, home=home)
    assert (result.code, len(result.text.splitlines())) == (0, count), result
    as_json = run_newapi("sessions", "search", "--json", *words, home=home)
    assert len(json.loads(as_json.out)) == count


# -- out and in -------------------------------------------------------------------------------


FORMS: dict[str, Callable[[Home], bytes]] = {
    "json": lambda home: exported(home, "--json"),
    "jsonl": lambda home: exported(home, "--jsonl"),
    "json of all": lambda home: exported(home, "--all", "--json"),
    "jsonl of all": lambda home: exported(home, "-a", "--jsonl"),
    "by name": lambda home: exported(home, "--json", "中文 会话"),
    "shown": lambda home: run_newapi("sessions", "show", "--json", home=home).out,
    "with a BOM": lambda home: b"\xef\xbb\xbf" + exported(home, "--json"),
    "with CRLF": lambda home: exported(home, "--jsonl").replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_imported_unchanged(
    home: Home, server: FaultServer, other_home: Home, form: str
) -> None:
    with conversation(home, "chat", "-S", "中文 会话") as repl:
        server.add(*sse(event(chunk("断")), end=False), Reset())
        repl.enter("会断")
        repl.enter("/retry")
        repl.leave()
    before = only_session(home)
    assert len(before.turns) == len(before.path) + 1
    [id_] = imported(other_home, FORMS[form](home))
    after = only_session(other_home)
    assert (after.session.id, without_ids(after)) == (id_, without_ids(before))
    assert id_ != before.session.id


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_costs_and_tried_models_are_imported(
    home: Home, server: FaultServer, other_home: Home, form: str
) -> None:
    tried = [["gpt-big", "503 无可用渠道"], ["gpt-new", "no such model"]]
    change_raw(
        sessions_file(home),
        "UPDATE turns SET cost = '0.00' || id, cost_kind = 'exact', tried = ? WHERE id > 1",
        json.dumps(tried),
    )
    before = only_session(home)
    assert [turn.cost for turn in before.path[:3]] == [None, "0.002", "0.003"]
    imported(other_home, FORMS[form](home))
    after = only_session(other_home)
    assert without_ids(after) == without_ids(before)
    assert after.path[1].tried == tuple((model, why) for model, why in tried)
    assert (after.path[1].cost, after.path[1].cost_kind) == ("0.002", "exact")


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_an_imported_session_can_be_continued(
    home: Home, server: FaultServer, other_home: Home, form: str
) -> None:
    other_home.configure(server.url)
    imported(other_home, FORMS[form](home))
    chat(other_home, "-c", "继续")
    assert sent_texts(server)[-3:] == [PROMPTS[-1], answer_to(PROMPTS[-1]), "继续"]
    assert sent_texts(server)[0] == "用中文回答。"


def test_an_import_beside_the_original_is_another_session(home: Home, server: FaultServer) -> None:
    imported(home, exported(home, "--json"))
    copy, original = stored_sessions(home)
    assert [(s.session.title, s.session.is_named) for s in (original, copy)] == [
        ("中文 会话", True),
        ("中文 会话", False),
    ]
    assert {t.id for t in copy.turns}.isdisjoint(t.id for t in original.turns)
    chat(home, "-S", "中文 会话", "再来")
    assert [len(each.path) for each in stored_sessions(home)] == [11, 10]


def test_several_sessions_are_imported_in_order(
    home: Home, server: FaultServer, other_home: Home
) -> None:
    chat(home, "-S", "second", "hi")
    for form in ("--json", "--jsonl"):
        imported(other_home, exported(home, "--all", form))
    titles = [each.session.title for each in stored_sessions(home)]
    assert titles == ["second", "中文 会话"]
    assert sorted(each.session.title for each in stored_sessions(other_home)) == sorted(titles * 2)


def test_markdown_contains_every_text_unchanged(home: Home, server: FaultServer) -> None:
    text = exported(home).decode("utf-8")
    assert text.startswith("# 中文 会话\n")
    position = 0
    for prompt in PROMPTS:
        for part in (prompt, answer_to(prompt)):
            position = text.index(part, position)
    assert "用中文回答。" in text
    assert exported(home, "中文 会话") == text.encode()


def test_a_file_is_imported_like_standard_input(
    home: Home, server: FaultServer, other_home: Home, tmp_path: Path
) -> None:
    path = tmp_path / "备份 1.json"
    path.write_bytes(exported(home, "--json"))
    result = run_newapi("sessions", "import", str(path), home=other_home)
    assert result.code == 0, result
    assert without_ids(only_session(other_home)) == without_ids(only_session(home))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"not json", b"[1]", b"\xff\xfe", b'{"format": "newapi-session", "version": 2}',
     b"GOOD\n{}", b"GOOD\n{\"type\": \"turn\"}"],
)  # fmt: skip
def test_an_invalid_import_adds_nothing(
    home: Home, server: FaultServer, other_home: Home, data: bytes
) -> None:
    data = data.replace(b"GOOD\n", exported(home, "--jsonl"))
    before = tree(other_home.path)
    result = run_newapi("sessions", "import", "-", home=other_home, stdin=data)
    assert (result.code, result.out) == (2, b""), result
    assert tree(other_home.path) == before


def test_an_invalid_cost_adds_nothing_and_is_reported(
    home: Home, server: FaultServer, other_home: Home
) -> None:
    value = json.loads(exported(home, "--json"))
    value["turns"][3]["cost"] = "$0.10"
    result = run_newapi(
        "sessions", "import", "-", home=other_home, stdin=json.dumps(value).encode()
    )
    assert (result.code, result.out) == (2, b"")
    assert "turns[3].cost" in result.err
    assert not sessions_file(other_home).exists()


def test_an_empty_import_is_reported(home: Home, other_home: Home) -> None:
    result = run_newapi("sessions", "import", "-", home=other_home, stdin=b"[]")
    assert (result.code, result.out, result.err) == (0, b"", "no sessions in -\n")


def test_an_empty_file_name_is_refused(home: Home) -> None:
    result = run_newapi("sessions", "import", "", home=home)
    assert (result.code, result.err.split("\n")[0]) == (2, "error: no file name given")


def test_a_missing_file_is_a_usage_error(home: Home) -> None:
    result = run_newapi("sessions", "import", "missing.json", home=home)
    assert (result.code, "missing.json" in result.err) == (2, True)


def test_answers_with_unusual_characters_are_exported_and_imported_unchanged(
    home: Home, fault_server: FaultServer, other_home: Home
) -> None:
    answer_numbered(fault_server, home)
    odd = "a\0b\x1b[31m\u202e\ufeff\ufffe"
    lone = b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d|"}}]}\n\n'
    fault_server.add(*sse(event(chunk(odd)), lone, event(chunk(finish="stop")), DONE))
    chat(home, "hi")
    assert only_session(home).path[0].answer == f"{odd}\ufffd|"
    for form in ("--json", "--jsonl"):
        imported(other_home, exported(home, form))
    for stored in stored_sessions(other_home):
        assert stored.path[0].answer == f"{odd}\ufffd|"
