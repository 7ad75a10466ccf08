"""JSON to values and back: the documented fields, and everything else that servers send."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from newapi_cli.api.codec import (
    Refusal,
    decode_json,
    encode_chat,
    models_from_json,
    refusal_from_body,
    refusal_in,
    request_id_in,
)
from newapi_cli.domain.completion import (
    ChatRequest,
    Sampling,
)
from newapi_cli.domain.messages import Attachment, Message, Role
from newapi_cli.domain.models import ModelInfo
from newapi_cli.text import well_formed
from tests.api.wrong_shapes import WRONG, name_of, places, replaced
from tests.support.wire import completion

HELLO = (Message(Role.USER, "Hello!"),)

# The table of the request body in the documentation of the interface, with what JSON makes of it.
DOCUMENTED: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "messages": list,
    "stream": bool,
    "temperature": float,
    "max_tokens": int,
    "top_p": float,
    "frequency_penalty": float,
    "presence_penalty": float,
}


def body_of(request: ChatRequest, *, with_usage: bool = True) -> dict[str, Any]:
    body = json.loads(encode_chat(request, with_usage=with_usage))
    assert isinstance(body, dict)
    return body


# -- requests ---------------------------------------------------------------------------------


def test_a_request_has_the_documented_fields_with_the_documented_types() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        max_tokens=100,
        frequency_penalty=-0.5,
        presence_penalty=1.5,
    )
    body = body_of(ChatRequest("gpt-4", HELLO, sampling, stream=False))
    assert list(body) == list(DOCUMENTED)
    assert {name: type(value) for name, value in body.items()} == DOCUMENTED
    assert body == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": False,
        "temperature": 0.5,
        "max_tokens": 100,
        "top_p": 0.9,
        "frequency_penalty": -0.5,
        "presence_penalty": 1.5,
    }


def test_a_request_without_parameters_has_nothing_that_was_not_asked_for() -> None:
    assert body_of(ChatRequest("gpt-4", HELLO, stream=False)) == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": False,
    }


def test_a_stream_asks_for_its_usage_and_for_nothing_else() -> None:
    assert body_of(ChatRequest("gpt-4", HELLO)) == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_stream_can_be_asked_for_without_stream_options() -> None:
    assert "stream_options" not in body_of(ChatRequest("gpt-4", HELLO), with_usage=False)


def test_parameters_of_zero_are_sent() -> None:
    sampling = Sampling(
        temperature=0.0, top_p=0.0, frequency_penalty=0.0, presence_penalty=0.0, seed=0
    )
    body = body_of(ChatRequest("m", HELLO, sampling))
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"):
        assert body[name] == 0, name


def test_the_further_parameters_have_their_wire_names() -> None:
    body = body_of(ChatRequest("m", HELLO, Sampling(stop=("a", "b"), seed=7, effort="low")))
    assert (body["stop"], body["seed"], body["reasoning_effort"]) == (["a", "b"], 7, "low")


def test_options_are_sent_as_they_are_and_win() -> None:
    options = {"enable_thinking": False, "logit_bias": {"50256": -100}, "temperature": 2, "x": None}
    body = body_of(ChatRequest("m", HELLO, Sampling(temperature=0.5, options=options)))
    assert {name: body[name] for name in options} == options


def test_the_documented_conversation_keeps_its_order_and_roles() -> None:
    said = [
        ("system", "You are a helpful assistant."),
        ("user", "Hello!"),
        ("assistant", "Hi there! How can I help you today?"),
        ("user", "What's the weather like?"),
    ]
    messages = tuple(Message(Role(role), content) for role, content in said)
    body = body_of(ChatRequest("gpt-4", messages))
    assert [(m["role"], m["content"]) for m in body["messages"]] == said
    assert {frozenset(m) for m in body["messages"]} == {frozenset(("role", "content"))}


def test_text_outside_ascii_travels_as_utf_8() -> None:
    encoded = encode_chat(ChatRequest("m", (Message(Role.USER, "你好 👋"),)))
    assert "你好 👋".encode() in encoded


@pytest.mark.parametrize("text", ['"\\\n\t\0\x1b\x7f', "\u2028\u0085", "</script>", "\ufeff"])
def test_every_character_of_a_prompt_arrives(text: str) -> None:
    assert body_of(ChatRequest("m", (Message(Role.USER, text),)))["messages"][0]["content"] == text


def test_a_lone_surrogate_in_a_prompt_does_not_stop_the_request() -> None:
    body = body_of(ChatRequest("m", (Message(Role.USER, "a\ud800b"),)))
    assert body["messages"][0]["content"] in ("a?b", "a\ufffdb")


# -- JSON -------------------------------------------------------------------------------------

NO_JSON = {
    "nothing": "",
    "white space": " \n",
    "a word": "hello",
    "half an object": '{"a":',
    "a whole number of 5,000 digits": "9" * 5000,
    "such a number inside": '{"a":' + "9" * 5000 + "}",
    "a deep list": "[" * 100_000,
    "a deep list that closes": "[" * 100_000 + "]" * 100_000,
    "a deep object": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "single quotes": "{'a':1}",
}


@pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode_json(text)
    with pytest.raises(ValueError):
        decode_json(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"a":1e999}', {"a": float("inf")}),
        ('{"a":"\\ud800"}', {"a": "\ud800"}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (' \r\n\t{"a":1}\n', {"a": 1}),
        ('\ufeff{"a":1}', {"a": 1}),
        ('\ufeff\n {"a":1}', {"a": 1}),
        ('{"a":1}{"b":2}', {"a": 1}),
        ('{"a":1}\n{"b":2}', {"a": 1}),
        ("null", None),
        ("5", 5),
    ],
)
def test_odd_json_is_read(text: str, value: object) -> None:
    assert decode_json(text) == value
    assert decode_json(text.encode("utf-8", "surrogatepass")) == value


def test_bytes_are_read_as_utf_8_and_never_guessed() -> None:
    assert decode_json(b'{"a":"\xff\xe4\xbd\xa0"}') == {"a": "\ufffd你"}
    with pytest.raises(ValueError):
        decode_json('{"a":1}'.encode("utf-16"))


# -- wrong shapes, everywhere ------------------------------------------------------------------

MODELS = {
    "object": "list",
    "data": [{"id": "m", "owned_by": "o", "supported_endpoint_types": ["openai"]}],
}
REFUSALS = {
    "error": {"message": "m", "type": "t", "param": "", "code": "c"},
    "message": "m",
    "msg": "m",
    "err": "m",
    "error_msg": "m",
    "detail": "m",
    "title": "m",
    "success": False,
    "header": {"message": "m", "error": {"message": "m"}},
    "response": {"error": {"message": "m", "response": {"error": {"message": "m"}}}},
}


@pytest.mark.parametrize("path", places(MODELS), ids=name_of)
def test_a_list_of_models_with_a_wrong_member_is_read_as_far_as_it_goes(
    path: tuple[str | int, ...],
) -> None:
    for wrong in WRONG:
        models = models_from_json(replaced(MODELS, path, wrong))
        for model in models or ():
            assert isinstance(model, ModelInfo), wrong
            assert model.id, wrong
            assert all(isinstance(kind, str) for kind in model.endpoint_types), wrong


@pytest.mark.parametrize("path", places(REFUSALS), ids=name_of)
def test_an_error_with_a_wrong_member_is_still_a_refusal(path: tuple[str | int, ...]) -> None:
    for wrong in WRONG:
        refusal = refusal_from_body(replaced(REFUSALS, path, wrong))
        assert all(isinstance(text, str) for text in refusal), wrong


@pytest.mark.parametrize("name", ["error", *REFUSALS])
def test_an_error_with_one_member_of_any_kind_is_still_a_refusal(name: str) -> None:
    for wrong in WRONG:
        for value in ({name: wrong}, {"error": {name: wrong}}, {"response": {name: wrong}}):
            assert all(isinstance(text, str) for text in refusal_from_body(value)), value


@pytest.mark.parametrize("name", ["response", "header"])
def test_an_error_nested_more_deeply_than_the_stack_is_a_refusal(name: str) -> None:
    value: object = 1
    for _ in range(5000):  # Python 3.12 and later read so much JSON
        value = {name: value}
    assert refusal_from_body(value) == Refusal("")


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, Refusal("m", "t", "c")),
        ({"error": {"message": "m", "type": "t", "code": 429}}, Refusal("m", "t", "429")),
        ({"error": {"message": "m", "code": None}}, Refusal("m")),
        ({"error": {"message": "m", "code": True}}, Refusal("m")),
        ({"error": {"code": "c"}}, Refusal("", "", "c")),
        ({"error": "plain"}, Refusal("plain")),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, Refusal("m", "t")),
        ({"success": False, "message": "m", "code": "AUTH_X"}, Refusal("m", "", "AUTH_X")),
        ({"error": {"msg": "m"}}, Refusal("m")),
        ({"error": {}, "success": False, "message": "m"}, Refusal("m")),
        ({"error": [{"message": "m"}, {"message": "n"}]}, Refusal("m")),
        ({"error": [None, "m"], "code": 3}, Refusal("m", "", "3")),
        ({"error": True, "message": "m"}, Refusal("m")),
        ({"error": 5}, Refusal("")),
        ([{"error": {"message": "m", "code": 400}}], Refusal("m", "", "400")),
        ([None, {"id": 1}, {"error": "m"}, {"error": "n"}], Refusal("m")),
    ],
)
def test_each_envelope_of_an_error_is_read(value: object, refusal: Refusal) -> None:
    assert refusal_in(value) == refusal


@pytest.mark.parametrize(
    "value",
    [
        {"message": "m"},
        {"msg": "m"},
        {"err": "m"},
        {"error_msg": "m"},
        {"detail": "m"},
        {"title": "m", "type": ""},
        {"header": {"message": "m"}},
        {"response": {"error": {"message": "m"}}},
    ],
)
def test_words_of_other_servers_are_found_in_the_body_of_an_error(value: object) -> None:
    assert refusal_in(value) is None
    assert refusal_from_body(value) == Refusal("m")


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "x",
        [],
        [[{"error": "m"}]],
        [{"id": "a"}],
        {},
        {"error": None},
        {"error": {}},
        {"success": True},
        completion("a"),
    ],
)
def test_what_is_no_error_is_none(value: object) -> None:
    assert refusal_in(value) is None


@pytest.mark.parametrize(
    ("message", "words", "request_id"),
    [
        ("bad (request id: 2025AbC)", "bad", "2025AbC"),
        ("bad (request id: 1) (request id: 2)", "bad (request id: 1)", "2"),
        ("bad (request id: 2)\n", "bad", "2"),
        ("(request id: 2) bad", "(request id: 2) bad", ""),
        ("无效的令牌 (request id: 2)", "无效的令牌", "2"),
        ("half a pair \ud83d (request id: 2)", "half a pair \ufffd", "2"),
    ],
)
def test_the_request_id_is_taken_off_the_message(message: str, words: str, request_id: str) -> None:
    assert refusal_in({"error": {"message": message}}) == Refusal(words, request_id=request_id)


@pytest.mark.parametrize("message", [" " * 60_000 + "x", "(request id: " * 20_000])
def test_looking_for_a_request_id_takes_no_more_time_than_the_message_is_long(
    message: str,
) -> None:
    started = time.process_time()
    assert refusal_in({"error": {"message": message}}) == Refusal(message)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({"x-oneapi-request-id": "a", "x-request-id": "b"}, "a"),
        ({"x-oneapi-request-id": "", "x-request-id": "b"}, "b"),
        ({"cf-ray": "c"}, "c"),
        ({"date": "today"}, ""),
    ],
)
def test_the_gateways_own_request_id_comes_first(headers: dict[str, str], request_id: str) -> None:
    assert request_id_in(headers) == request_id


# -- models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 5, "x", {}, {"data": None}, {"data": {}}, {"error": {}}])
def test_what_is_no_list_of_models_is_none(value: object) -> None:
    assert models_from_json(value) is None


def test_models_of_both_generations_are_read() -> None:
    new = {"success": True, **MODELS}
    old: dict[str, Any] = {
        "data": [{"id": "m", "owned_by": "o", "permission": [], "root": "m", "parent": None}]
    }
    assert models_from_json(new) == [ModelInfo("m", "o", ("openai",))]
    assert models_from_json(old) == [ModelInfo("m", "o")]


def test_entries_without_a_name_are_passed_over() -> None:
    entries = [None, {}, {"id": ""}, {"id": 5}, {"id": "m", "supported_endpoint_types": None}]
    assert models_from_json({"data": entries}) == [ModelInfo("m")]


# -- surrogates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("a", "a"),
        ("é你👋", "é你👋"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("a\ud83d\ud83d\ude00b", "a\ufffd😀b"),
    ],
)
def test_surrogates_are_joined_or_replaced(text: str, whole: str) -> None:
    assert well_formed(text) == whole
    assert well_formed(text).encode("utf-8").decode("utf-8") == whole


PICTURE = Attachment("photo.png", "/tmp/photo.png", "image/png", 3, "aa")
PAPER = Attachment('pa"per 你.pdf', "https://a.example/x", "application/pdf", 1_234_567, "bb")
DATA = {"aa": b"\xfb\xff\xfe", "bb": b"%PDF"}


def asked_with(*attachments: Attachment, text: str = "what?") -> ChatRequest:
    message = Message(Role.USER, text, attachments)
    return ChatRequest("m", (message, Message(Role.ASSISTANT, "a dot")), attached=DATA)


def test_attachments_become_content_parts_after_the_text() -> None:
    assert body_of(asked_with(PICTURE, PAPER, PICTURE))["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,+//+"}},
                {
                    "type": "file",
                    "file": {
                        "filename": 'pa"per 你.pdf',
                        "file_data": "data:application/pdf;base64,JVBERg==",
                    },
                },
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,+//+"}},
            ],
        },
        {"role": "assistant", "content": "a dot"},
    ]


def test_a_message_of_attachments_alone_has_no_empty_text() -> None:
    content = body_of(asked_with(PICTURE, text=""))["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url"]


def test_a_body_to_be_looked_at_holds_no_data() -> None:
    request = asked_with(PICTURE, PAPER)._replace(attached={})
    content = json.loads(encode_chat(request, without_data=True))["messages"][0]["content"]
    assert content[1]["image_url"]["url"] == "data:image/png;base64,(3 bytes left out)"
    assert content[2]["file"]["file_data"] == "data:application/pdf;base64,(1.2 MB left out)"


def test_an_attachment_without_its_bytes_is_never_sent() -> None:
    with pytest.raises(KeyError):
        encode_chat(asked_with(PICTURE)._replace(attached={}))
