"""K9: what comes beside the text: sources, pictures, and a count of what cannot be shown.

sigoden/aichat#1028, pydantic/pydantic-ai#7338, BerriAI/litellm#13983.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from newapi_cli.domain.completion import Source
from tests.cases.answers import ask, case, choices, deltas, folded, json_of, same, stream, whole
from tests.sessions.helpers import only_session
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import sse
from tests.support.terminal import Terminal

END = choices({}, "stop")
BOIL, STEAM = "https://a.example/boil", "https://b.example/steam"
BOTH = (Source(BOIL, "Boiling"), Source(STEAM))
DOT = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
        "kJggg=="
    )
).decode()
PICTURE = f"![image](data:image/png;base64,{DOT})"


# -- sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected", "text"),
    [
        ("cite.sse", BOTH, "Water boils at 100 °C [1][2]."),
        ("annot.sse", BOTH[:1], "Water boils at 100 °C."),
    ],
)
def test_sources_are_in_json_and_not_in_a_pipe(
    home: Home, name: str, expected: tuple[Source, ...], text: str
) -> None:
    assert json_of(home, case(name))["sources"] == [source._asdict() for source in expected]
    result = ask(home, case(name))
    assert (result.code, result.text, result.err) == (0, f"{text}\n", "")
    assert same(case(name)).completion.sources == expected


def test_sources_are_in_the_session_and_in_its_export(home: Home) -> None:
    with FaultServer(sse(case("cite.sse"))) as server:
        home.configure(server.url)
        assert run_newapi("chat", "hi", home=home).code == 0
    assert only_session(home).turns[0].sources == BOTH
    shown = run_newapi("sessions", "show", home=home).text
    assert f"1. Boiling · {BOIL}" in shown
    assert f"2. {STEAM}" in shown
    exported = run_newapi("sessions", "export", home=home).text
    assert f"Sources:\n\n1. Boiling · {BOIL}\n2. {STEAM}\n" in exported
    as_json = run_newapi("sessions", "export", "--json", home=home).text
    assert json.loads(as_json)["turns"][0]["sources"][1] == {"url": STEAM, "title": ""}
    assert run_newapi("sessions", "import", "-", home=home, stdin=as_json.encode()).code == 0
    assert run_newapi("sessions", "export", home=home).text == exported


@pytest.mark.parametrize("args", [(), ("--raw",)])
def test_a_terminal_lists_the_sources_below_the_answer(home: Home, args: tuple[str, ...]) -> None:
    with FaultServer(sse(case("cite.sse"))) as server:
        home.configure(server.url)
        with Terminal(newapi_command("chat", "-n", *args, "hi"), home=home) as terminal:
            assert terminal.wait_exit() == 0
    text = terminal.all_text()
    expected = ("Water boils", f"1. Boiling · {BOIL}", f"2. {STEAM}", "test-model")
    places = [text.index(each) for each in expected]
    assert places == sorted(places)


SOURCES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # of the object, of the delta
    "Perplexity": ({"citations": [BOIL, STEAM], "search_results": [
        {"title": "Boiling", "url": BOIL, "date": "2026-01-01"}]}, {}),
    "OpenAI": ({}, {"annotations": [
        {"type": "url_citation", "url_citation": {"url": BOIL, "title": "Boiling"}},
        {"type": "url_citation", "url_citation": {"url": STEAM}}]}),
    "flat annotations": ({}, {"annotations": [
        {"type": "url_citation", "url": BOIL, "title": "Boiling", "start_index": 0},
        {"type": "url_citation", "url": STEAM}]}),
    "Zhipu": ({"web_search": [
        {"title": "Boiling", "link": BOIL, "media": "A", "content": "Water…", "refer": "ref_1"},
        {"link": STEAM, "content": "…"}]}, {}),
    "DashScope": ({"search_info": {"search_results": [
        {"index": 1, "title": "Boiling", "url": BOIL, "icon": "https://a.example/icon"},
        {"index": 2, "url": STEAM}]}}, {}),
    "Gemini": ({}, {"groundingMetadata": {
        "webSearchQueries": ["boil"], "searchEntryPoint": {"renderedContent": "<div>"},
        "groundingChunks": [{"web": {"uri": BOIL, "title": "Boiling"}}, {"web": {"uri": STEAM}}]}}),
    "Gemini behind LiteLLM": ({"vertex_ai_grounding_metadata": [{
        "groundingChunks": [{"web": {"uri": BOIL, "title": "Boiling"}}, {"web": {"uri": STEAM}}],
    }]}, {}),
    "Volcengine": ({"references": [{"url": BOIL, "title": "Boiling", "site_name": "A"},
                                   {"url": STEAM}]}, {}),
    "Azure": ({}, {"context": {"citations": [
        {"title": "Boiling", "url": BOIL, "filepath": "a.md", "content": "…"}, {"url": STEAM}]}}),
    "Anthropic behind LiteLLM": ({}, {"provider_specific_fields": {"citations": [[
        {"type": "web_search_result_location", "url": BOIL, "title": "Boiling"},
        {"type": "web_search_result_location", "url": STEAM}]]}}),
    "Open WebUI": ({"sources": [{"source": {"name": "Boiling", "url": BOIL}, "document": ["…"]},
                                {"source": {"url": STEAM}}]}, {}),
    "texts with numbers": ({"citations": [f"[1] Boiling - {BOIL}", f"[2] {STEAM}"]}, {}),
}  # fmt: skip


@each(("beside", "inside"), SOURCES.values(), ids=SOURCES)
def test_the_sources_of_every_provider_are_read(
    beside: dict[str, Any], inside: dict[str, Any]
) -> None:
    first = {**choices({"content": "Water "}), **beside}
    in_delta = [first, choices({"content": "boils.", **inside}), END]
    at_the_end = [*deltas("Water ", "boils."), {**choices(inside, "stop"), **beside}]
    in_choice = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **inside}]}
    for objects in (in_delta, at_the_end, [*in_delta[:2], *at_the_end[2:]], [first, in_choice]):
        found = same(stream(*objects))
        assert found.completion.sources == BOTH
        assert (found.skipped, found.malformed) == ({}, 0)
        assert found.text.startswith("Water ")
    assert same(whole({"content": "Water boils.", **inside}, **beside)).completion.sources == BOTH


def test_sources_of_a_part_of_the_content_are_read() -> None:
    cited = {"type": "text", "text": "It boils.", "citations": [{"url": BOIL, "title": "Boiling"}]}
    found = same(whole({"content": [{"type": "text", "text": "Well. "}, cited]}))
    assert (found.text, found.completion.sources) == ("Well. It boils.", BOTH[:1])


def test_numbers_in_the_text_fit_a_list_in_which_a_page_stands_twice() -> None:
    urls = [BOIL, STEAM, BOIL]
    objects = [{**choices({"content": "x"}), "citations": urls}] * 3
    sources = same(stream(*objects, END)).completion.sources
    assert [source.url for source in sources] == urls


def test_a_page_that_is_cited_twice_is_one_source() -> None:
    cited = [choices({"annotations": [{"url_citation": {"url": url}}]}) for url in (BOIL, STEAM)]
    sources = same(stream(*deltas("x"), *cited, *cited, END)).completion.sources
    assert [source.url for source in sources] == [BOIL, STEAM]


def test_a_document_without_a_url_is_a_source() -> None:
    chunks = [{"content": "…", "document_name": "notes.pdf"}, {"document_name": "notes.pdf"}]
    found = same(stream(*deltas("x"), choices({"reference": {"chunks": chunks}}, "stop")))
    assert found.completion.sources == (Source("", "notes.pdf"),)


def test_what_names_no_source_is_counted(home: Home) -> None:
    bad = {"citations": [BOIL, {"start": 1}, {"id": 5}]}
    body = stream({**choices({"content": "x"}), **bad}, END)
    assert same(body).completion.sources == (Source(BOIL),)
    assert "skipped 2 parts of the answer that cannot be shown: source" in ask(home, body).err


@each("value", [None, [], {}, "", 5, True, [None], [5], [[]], {"x": {}}, [{"url": 5, "title": []}]])
def test_members_of_a_wrong_type_are_no_sources(value: object) -> None:
    for name in ("citations", "search_results", "search_info", "web_search", "groundingMetadata"):
        found = folded(stream({**choices({"content": "x"}), name: value}, END))
        assert (found.text, found.completion.sources) == ("x", ())


def test_hostile_sources_are_harmless(home: Home) -> None:
    titles = [f"\x1b[31mred {CANARY}", "a\nb", "x" * 10_000, "\u202ex"]
    entries = [{"url": f"https://a.example/{i}", "title": title} for i, title in enumerate(titles)]
    many = [{"url": f"https://b.example/{i}"} for i in range(1000)]
    other = [{"url": "javascript:alert(1)", "title": "x"}, {"url": "https://c.example/ \n"}]
    objects = [{**choices({"content": "Yes."}), "search_results": [*entries, *many, *other]}, END]
    sources = json_of(home, stream(*objects))["sources"]
    assert len(sources) == 200
    assert all(len(each["title"]) < 300 for each in sources)
    with FaultServer(sse(stream(*objects))) as server:
        home.configure(server.url)
        with Terminal(newapi_command("chat", "hi"), home=home, rows=40) as terminal:
            assert terminal.wait_exit() == 0
    assert b"\x1b[31mred" not in terminal.raw
    assert CANARY.encode() not in terminal.raw
    assert not home.files_holding()


# -- pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["img_single.json", "img_b64.json"])
def test_a_picture_is_a_markdown_image_in_a_pipe(home: Home, name: str) -> None:
    result = ask(home, case(name))
    assert (result.code, result.text, result.err) == (0, f"A dot.{PICTURE}\n", "")


@pytest.mark.parametrize("name", ["img_single.json", "img_b64.json"])
def test_a_picture_is_saved_on_a_terminal(home: Home, name: str) -> None:
    with FaultServer(sse(b"data: " + case(name).strip() + b"\n\n")) as server:
        home.configure(server.url)
        with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
            assert terminal.wait_exit() == 0
    [path] = (home.newapi_home / "data" / "pictures").iterdir()
    assert path.read_bytes() == base64.b64decode(DOT)
    assert path.suffix == ".png"
    assert "A dot." in terminal.all_text()


@pytest.mark.parametrize(
    ("args", "why"), [(("-n",), "this run saves nothing"), ((), "File exists")]
)
def test_an_answer_whose_picture_cannot_be_saved_is_complete(
    home: Home, args: tuple[str, ...], why: str
) -> None:
    with FaultServer(sse(b"data: " + case("img_b64.json").strip() + b"\n\n")) as server:
        home.configure(server.url)
        (home.newapi_home / "data").write_text("a file in place of the folder")
        with Terminal(newapi_command("chat", *args, "hi"), home=home) as terminal:
            assert terminal.wait_exit() == 0
    text = " ".join(terminal.all_text().split())
    assert "A dot." in text
    assert f"not saved: {why}" in text


URL = f"data:image/png;base64,{DOT}"
IN_MEMBERS: dict[str, dict[str, Any]] = {
    "a list of objects": {"images": [{"type": "image_url", "image_url": {"url": URL}}]},
    "a list of URLs": {"images": [URL]},
    "a list of base64": {"images": [DOT]},
    "a list with b64_json": {"images": [{"b64_json": DOT}]},
    "one object": {"images": {"url": URL}},
    "image": {"image": {"url": URL, "detail": "auto"}},
    "image as text": {"image": URL},
    "image as base64": {"image": DOT},
    "image_url": {"image_url": {"url": URL}},
    "the same twice": {"images": [{"url": URL}], "image": {"url": URL}},
}
IN_PARTS: dict[str, dict[str, Any]] = {
    "image_url": {"type": "image_url", "image_url": {"url": URL}},
    "image_url as text": {"type": "image_url", "image_url": URL},
    "output_image": {"type": "output_image", "image_url": URL},
    "b64_json": {"type": "image", "b64_json": DOT},
    "b64_json with its type": {"type": "image", "b64_json": DOT, "mime_type": "image/png"},
    "base64 in lines": {"type": "image", "b64_json": DOT[:40] + "\n" + DOT[40:]},
    "data and its type": {"type": "image", "data": DOT, "mimeType": "image/png"},
    "Anthropic": {"type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": DOT}},
    "Gemini": {"inlineData": {"mimeType": "image/png", "data": DOT}},
    "Gemini in Python": {"inline_data": {"mime_type": "image/png", "data": DOT}},
    "Responses": {"type": "image_generation_call", "result": DOT, "output_format": "png"},
    "a URL": {"type": "image", "url": URL},
    "no type": {"image": {"url": URL}},
}  # fmt: skip


@each("members", IN_MEMBERS.values(), ids=IN_MEMBERS)
def test_pictures_beside_the_text_are_markdown_images(members: dict[str, Any]) -> None:
    expected = f"A dot.{PICTURE}"
    assert same(whole({"content": "A dot.", **members})).text == expected
    assert folded(stream(*deltas("A dot."), choices(members), END)).text == expected
    repeated = {"choices": [{"index": 0, "message": {"content": "A dot.", **members}}]}
    assert folded(stream(*deltas("A dot."), choices(members), repeated, END)).text == expected


@each("part", IN_PARTS.values(), ids=IN_PARTS)
def test_pictures_in_parts_of_the_content_are_markdown_images(part: dict[str, Any]) -> None:
    content = [{"type": "text", "text": "A dot."}, part]
    found = same(whole({"content": content}))
    assert (found.text, found.skipped) == (f"A dot.{PICTURE}", {})
    assert folded(stream(choices({"content": content}), END)).text == f"A dot.{PICTURE}"


@each(
    ("data", "subtype"),
    [
        ("/9j/4AAQSkZJRg==", "jpeg"),
        ("R0lGODlhAQABAAAAACw=", "gif"),
        ("UklGRiQAAABXRUJQ", "webp"),
        ("PHN2ZyB4bWxucz0=", "svg+xml"),
    ],
)
def test_the_type_of_a_picture_is_known_by_its_first_bytes(data: str, subtype: str) -> None:
    part = {"type": "image", "b64_json": data}
    assert folded(whole({"content": [part]})).text == (
        f"![image](data:image/{subtype};base64,{data})"
    )


def test_a_picture_elsewhere_is_a_link() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://a.example/a_(b).png"}}
    assert folded(whole({"content": [part]})).text == "![image](https://a.example/a_(b%29.png)"


# -- everything else ----------------------------------------------------------------------------


def test_what_cannot_be_shown_is_counted_in_one_notice(home: Home) -> None:
    content = [
        {"type": "text", "text": "Listen."},
        {"type": "audio", "audio": {"data": "AAAA"}},
        {"type": "video_url", "video_url": {"url": "https://a.example/a.mp4"}},
        {"type": "file", "file": {"file_id": "f"}},
    ]
    body = stream(choices({"content": content}), choices({"images": [{"x": 1}]}), END)
    result = ask(home, body.replace(b"data: [DONE]", b"data: {broken\n\ndata: [DONE]"))
    assert (result.code, result.text) == (0, "Listen.\n")
    assert result.err == (
        "skipped 1 malformed event of the stream;"
        " skipped 4 parts of the answer that cannot be shown: audio, video_url, file, image\n"
    )
    assert ask(home, body, "-q").err == ""


def test_sound_in_many_pieces_is_one_part(home: Home) -> None:
    pieces = [choices({"audio": {"id": "a", "data": "AAAA"}})] * 5
    text = choices({"audio": {"id": "a", "transcript": "Hi"}})
    result = ask(home, stream(text, *pieces, END))
    assert (result.code, result.text) == (0, "Hi\n")
    assert result.err == "skipped 1 part of the answer that cannot be shown: audio\n"
