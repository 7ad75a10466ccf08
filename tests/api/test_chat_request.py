"""The body of a chat request: the documented fields with the documented types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from newapi_cli.api.chat.request import encode_chat
from newapi_cli.domain.completion import ChatRequest, Sampling
from newapi_cli.domain.messages import Attachment, Message, Role

HELLO = (Message(Role.USER, "Hello!"),)

# The documented table of the request body, with the types of JSON in Python.
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


def test_a_request_without_parameters_has_no_optional_field() -> None:
    assert body_of(ChatRequest("gpt-4", HELLO, stream=False)) == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": False,
    }


def test_a_stream_requests_its_usage_and_nothing_else() -> None:
    assert body_of(ChatRequest("gpt-4", HELLO)) == {
        "model": "gpt-4",
        "messages": [{"role": "user", "content": "Hello!"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_stream_options_can_be_left_out() -> None:
    assert "stream_options" not in body_of(ChatRequest("gpt-4", HELLO), with_usage=False)


def test_parameters_of_zero_are_sent() -> None:
    sampling = Sampling(
        temperature=0.0, top_p=0.0, frequency_penalty=0.0, presence_penalty=0.0, seed=0
    )
    body = body_of(ChatRequest("m", HELLO, sampling))
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"):
        assert body[name] == 0, name


def test_the_other_parameters_have_their_wire_names() -> None:
    body = body_of(ChatRequest("m", HELLO, Sampling(stop=("a", "b"), seed=7, effort="low")))
    assert (body["stop"], body["seed"], body["reasoning_effort"]) == (["a", "b"], 7, "low")


def test_options_are_sent_unchanged_and_override_parameters() -> None:
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


def test_text_outside_ascii_is_sent_as_utf_8() -> None:
    encoded = encode_chat(ChatRequest("m", (Message(Role.USER, "你好 👋"),)))
    assert "你好 👋".encode() in encoded


@pytest.mark.parametrize("text", ['"\\\n\t\0\x1b\x7f', "\u2028\u0085", "</script>", "\ufeff"])
def test_every_character_of_a_prompt_arrives(text: str) -> None:
    assert body_of(ChatRequest("m", (Message(Role.USER, text),)))["messages"][0]["content"] == text


def test_a_lone_surrogate_in_a_prompt_does_not_stop_the_request() -> None:
    body = body_of(ChatRequest("m", (Message(Role.USER, "a\ud800b"),)))
    assert body["messages"][0]["content"] in ("a?b", "a\ufffdb")


# -- attachments --------------------------------------------------------------------------------

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


def test_a_body_for_display_has_no_attachment_data() -> None:
    request = asked_with(PICTURE, PAPER)._replace(attached={})
    content = json.loads(encode_chat(request, without_data=True))["messages"][0]["content"]
    assert content[1]["image_url"]["url"] == "data:image/png;base64,(3 bytes left out)"
    assert content[2]["file"]["file_data"] == "data:application/pdf;base64,(1.2 MB left out)"


def test_an_attachment_without_its_bytes_is_never_sent() -> None:
    with pytest.raises(KeyError):
        encode_chat(asked_with(PICTURE)._replace(attached={}))
