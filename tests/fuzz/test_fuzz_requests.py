"""The body of a request is exactly what was requested, for any conversation and parameters."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.api.chat.request import encode_chat
from newapi_cli.domain.completion import ChatRequest, Sampling
from newapi_cli.domain.messages import Attachment, Message, Role
from tests.fuzz.fuzzing import fuzzed

TEXTS = st.text(st.characters(codec=None), max_size=12)
NUMBERS = st.one_of(st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False))
VALUES: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=5,
)
FILES = st.lists(
    st.tuples(TEXTS, st.sampled_from(["image/png", "image/webp", "application/pdf"]), st.binary()),
    max_size=2,
)
SAID = st.lists(st.tuples(st.sampled_from(list(Role)), TEXTS, FILES), max_size=4)
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    max_tokens=st.none() | st.integers(1),
    frequency_penalty=st.none() | st.floats(-2, 2),
    presence_penalty=st.none() | st.floats(-2, 2),
    stop=st.lists(TEXTS, max_size=3).map(tuple),
    seed=st.none() | st.integers(),
    effort=st.none() | TEXTS,
    options=st.dictionaries(TEXTS, VALUES, max_size=2),
)
NAMES = {"effort": "reasoning_effort"}


def sent(value: object) -> object:
    """Return a value as it must arrive: lone surrogates become question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {sent(name): sent(each) for name, each in value.items()}
    return list(map(sent, value)) if isinstance(value, list | tuple) else value


def content_of(text: str, files: list[tuple[str, str, bytes]]) -> object:
    """Return the content of a message by the documentation of the protocol."""
    if not files:
        return text
    parts: list[object] = [{"type": "text", "text": text}] if text else []
    for name, kind, data in files:
        url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        if kind == "application/pdf":
            parts.append({"type": "file", "file": {"filename": name, "file_data": url}})
        else:
            parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


@fuzzed(200)
@given(TEXTS, SAID, SAMPLINGS, st.booleans(), st.booleans())
def test_what_is_encoded_decodes_to_what_was_asked(
    model: str,
    said: list[tuple[Role, str, list[tuple[str, str, bytes]]]],
    sampling: Sampling,
    is_stream: bool,
    with_usage: bool,
) -> None:
    attached = {sha256(data).hexdigest(): data for _, _, files in said for _, _, data in files}
    messages = tuple(
        Message(
            role,
            text,
            tuple(
                Attachment(name, f"/{name}", kind, len(data), sha256(data).hexdigest())
                for name, kind, data in files
            ),
        )
        for role, text, files in said
    )
    wanted: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": role.value, "content": content_of(text, files)} for role, text, files in said
        ],
        "stream": is_stream,
    }
    for name, value in sampling._asdict().items():
        if name != "options" and value not in (None, ()):
            wanted[NAMES.get(name, name)] = value
    if is_stream and with_usage:
        wanted["stream_options"] = {"include_usage": True}
    wanted.update(sampling.options)
    request = ChatRequest(model, messages, sampling, is_stream, attached)
    body = encode_chat(request, with_usage=with_usage)
    assert json.loads(body.decode("utf-8")) == sent(wanted)
