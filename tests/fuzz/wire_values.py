"""JSON as a server may send it: similar to the protocol, and wrong anywhere."""

from __future__ import annotations

import json

from hypothesis import strategies as st

Json = st.SearchStrategy[object]

TEXTS = st.one_of(
    st.sampled_from(["", "hi", "stop", "length", "<think>", "</think>", "a</th", "你好", "[DONE]"]),
    st.text(st.characters(codec=None), max_size=8),  # surrogates are among these
    st.lists(st.sampled_from(["\ud83d", "\ude00", "a", "<think>", "</think>", "\n"])).map("".join),
)
NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, -(2**63), 2**63, 10**18, 10**400, 1e15, -0.0, 1e308, 5e-324]),
    st.floats(),  # NaN and the infinities are among these
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
ODD: Json = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["message", "error", "code", "text", "type", "url"]), TEXTS),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def mostly(good: Json) -> Json:
    """Return the expected value in three of four cases, else anything."""
    return st.integers(0, 3).flatmap(lambda chance: good if chance else ODD)


def members(**expected: Json) -> Json:
    """Return an object with any of these members, mostly valid, and sometimes an unknown one."""
    known = {name: mostly(value) for name, value in expected.items()}
    unknown = st.dictionaries(TEXTS, ODD, max_size=1)
    shape = st.fixed_dictionaries({}, optional=known)
    return st.tuples(shape, unknown).map(lambda both: {**both[1], **both[0]})


COUNTS = st.integers(0, 10**6)
DETAILS = members(
    cached_tokens=COUNTS, reasoning_tokens=COUNTS, audio_tokens=COUNTS, image_tokens=COUNTS,
    cached_creation_tokens=COUNTS, cache_write_tokens=COUNTS,
)  # fmt: skip
USAGE = members(
    prompt_tokens=COUNTS, completion_tokens=COUNTS, total_tokens=COUNTS,
    prompt_tokens_details=DETAILS, completion_tokens_details=DETAILS,
    claude_cache_creation_5_m_tokens=COUNTS, claude_cache_creation_1_h_tokens=COUNTS,
    usage_semantic=TEXTS, usage_source=TEXTS,
)  # fmt: skip
PARTS = st.lists(
    members(
        type=st.sampled_from(["text", "image_url", "output_text"]), text=TEXTS,
        image_url=members(url=TEXTS),
    ),
    max_size=3,
)  # fmt: skip
FUNCTION = members(name=TEXTS, arguments=TEXTS)
CALLS = st.lists(
    members(index=st.integers(-1, 3), id=TEXTS, type=st.just("function"), function=FUNCTION),
    max_size=3,
)
DELTA = members(
    role=st.just("assistant"), content=st.one_of(TEXTS, PARTS), reasoning_content=TEXTS,
    reasoning=TEXTS, tool_calls=CALLS,
)  # fmt: skip
CHOICE = members(
    index=st.integers(0, 1), delta=DELTA, message=DELTA,
    finish_reason=st.sampled_from([None, "stop", "length", "content_filter", "tool_calls"]),
)  # fmt: skip
ERROR = members(
    message=st.one_of(TEXTS, TEXTS.map(lambda text: f"{text} (request id: {text}x)")),
    type=st.sampled_from(["new_api_error", "upstream_error", "", "\ud800"]),
    code=st.one_of(TEXTS, NUMBERS), param=TEXTS,
)  # fmt: skip
REFUSAL = st.one_of(
    members(error=st.one_of(ERROR, TEXTS)),
    members(
        success=st.just(False), message=TEXTS, msg=TEXTS, err=TEXTS, detail=TEXTS, title=TEXTS,
        header=members(message=TEXTS), response=members(error=ERROR), code=TEXTS, type=TEXTS,
    ),
)  # fmt: skip
CHUNK = members(
    id=TEXTS, object=TEXTS, model=TEXTS, choices=st.lists(mostly(CHOICE), max_size=2), usage=USAGE
)
MODELS = members(
    data=st.lists(
        mostly(members(id=TEXTS, owned_by=TEXTS, supported_endpoint_types=st.lists(TEXTS))),
        max_size=3,
    ),
    success=st.booleans(),
)
RATIO = st.one_of(st.floats(0, 100), st.integers(0, 100))
STATUS = members(
    data=members(
        quota_per_unit=RATIO,
        quota_display_type=st.sampled_from(["USD", "CNY", "CUSTOM", "TOKENS"]),
        usd_exchange_rate=RATIO, custom_currency_symbol=TEXTS, display_in_currency=st.booleans(),
        custom_currency_exchange_rate=RATIO,
    )
)  # fmt: skip
PRICE = members(
    model_name=TEXTS, model_ratio=RATIO, model_price=RATIO, quota_type=st.integers(0, 1),
    completion_ratio=RATIO, cache_ratio=RATIO, create_cache_ratio=RATIO, image_ratio=RATIO,
    billing_mode=st.sampled_from(["", "tiered_expr"]), enable_groups=st.lists(TEXTS),
)  # fmt: skip
PRICING = members(
    data=st.lists(mostly(PRICE), max_size=3), group_ratio=st.dictionaries(TEXTS, RATIO, max_size=2)
)
KEY_USAGE = members(
    data=members(
        name=TEXTS, total_granted=COUNTS, total_used=COUNTS, total_available=COUNTS,
        unlimited_quota=st.booleans(), model_limits_enabled=st.booleans(),
        model_limits=st.dictionaries(TEXTS, st.booleans(), max_size=2), expires_at=COUNTS,
    )
)  # fmt: skip
OTHER = members(
    group_ratio=COUNTS, model_ratio=COUNTS, completion_ratio=COUNTS, cache_ratio=COUNTS,
    model_price=COUNTS, cache_tokens=COUNTS, cache_creation_tokens=COUNTS, claude=st.booleans(),
    tool_surcharges=st.lists(mostly(members(count=COUNTS, price=COUNTS)), max_size=2),
    web_search_call_count=COUNTS, billing_mode=TEXTS,
)  # fmt: skip
LOG = members(
    data=st.lists(
        mostly(
            members(
                type=st.integers(1, 3), request_id=TEXTS, model_name=TEXTS, group=TEXTS,
                quota=COUNTS, prompt_tokens=COUNTS, completion_tokens=COUNTS, created_at=COUNTS,
                use_time=COUNTS, other=st.one_of(OTHER.map(json.dumps), OTHER),
            )
        ),
        max_size=3,
    )
)  # fmt: skip
RATES = members(
    group=TEXTS, alternates=st.booleans(), ratios=st.dictionaries(st.text(max_size=3), TEXTS),
    models=st.dictionaries(
        st.text(max_size=3),
        mostly(members(group=TEXTS, at=COUNTS, difference=COUNTS, cache_ratio=TEXTS)),
        max_size=2,
    ),
)  # fmt: skip


def _twice(value: object, text: str) -> str:
    """Write each member twice, first as null: the last one counts."""
    if not isinstance(value, dict) or not value:
        return text
    nulls = ",".join(f"{json.dumps(name)}:null" for name in value)
    return f"{{{nulls},{text[1:]}"


def _text(drawn: tuple[object, str]) -> str:
    value, kind = drawn
    text = json.dumps(value, ensure_ascii=kind != "raw")
    return {
        "twice": _twice(value, text),
        "deep": f'{{"choices":{"[" * 3000}',
        "deep and whole": f'{{"x":{"[" * 1500}{"]" * 1500},"choices":[]}}',
        "long number": f'{{"usage":{{"prompt_tokens":{"9" * 5000}}},"choices":[]}}',
        "cut": text[: len(text) * 2 // 3],
        "two": f"{text} {text}",
    }.get(kind, text)


def texts_of(*values: Json) -> st.SearchStrategy[str]:
    """Return values as JSON text: escaped or raw, with duplicates, truncated, or too deep."""
    kinds = ["escaped"] * 4 + ["raw"] * 3 + ["twice", "two", "cut", "deep", "deep and whole"]
    value = st.one_of(*values)
    return st.tuples(value, st.sampled_from([*kinds, "long number"])).map(_text)


def as_bytes(text: str) -> bytes:
    """Encode with lone surrogates unchanged, as some servers do: invalid UTF-8."""
    return text.encode("utf-8", "surrogatepass")
