"""The price expressions of tiered models: what is evaluated, and that nothing else is."""

from __future__ import annotations

import pytest

from newapi_cli.domain.price_expression import UnsupportedExpression, parse_expression
from tests.support.cases import each

TOKENS = {"p": 1000.0, "c": 200.0, "len": 1500.0, "cr": 500.0, "cc": 40.0}
TIERS = (
    'len <= 200000 ? tier("standard", p * 3 + c * 15 + cr * 0.3)'
    ' : tier("long_context", p * 6 + c * 22.5 + cr * 0.6)'
)


@each(
    ("text", "value"),
    [
        ("p * 3 + c * 15", 6000.0),
        ("p*3+c*15", 6000.0),
        ('tier("base", p * 2.5 + c * 15 + cr * 0.25)', 5625.0),
        ("tier('base', p)", 1000.0),
        (TIERS, 6150.0),
        ('v1:tier("a", p)', 1000.0),
        ("  \n tier ( 'a' ,\n p )\t", 1000.0),
        ("(p + c) * 2 - c / 4", 2350.0),
        ("2 + 3 * 4", 14.0),
        ("-p + 2 * p", 1000.0),
        ("p - c - c", 600.0),
        ("p / c / 5", 1.0),
        (".5 * p + 1e3", 1500.0),
        ("max(p, len) + min(c, 1)", 1501.0),
        ("ceil(p / 300) + floor(c / 300) + abs(0 - 1)", 5.0),
        ('tier("call", fixed(0.01))', 10_000.0),
        ("len > 1000 && c < 100 ? 1 : 2", 2.0),
        ("len > 1000 and c < 300 ? 1 : 2", 1.0),
        ("len > 9000 || c == 200 ? 1 : 2", 1.0),
        ("!(p >= 1000) ? 1 : 2", 2.0),
        ("not (p != 1000) ? 1 : 2", 1.0),
        ("len < 100 ? 1 : len < 1000 ? 2 : len < 2000 ? 3 : 4", 3.0),
        ("true ? p : c", 1000.0),
        ("ai + ao + img + img_o + cc1h", 0.0),
    ],
)
def test_arithmetic_and_conditions_are_evaluated(text: str, value: float) -> None:
    assert parse_expression(text).value(TOKENS) == value


@each(
    "text",
    [
        "",
        "p *",
        "p 3",
        "(p",
        "p)",
        "p ? c",
        "p ? 1 : 2",  # a number in place of a condition
        "(p > 1) * 2",
        "p > 1",
        "tier(p)",
        "tier('a' p)",
        "tier('a', p",
        "'a'",
        "max(p)",
        "min(p, c, 1)",
        "p ** 2",
        "p % 2",
        "p; c",
        "p end * 2",
        "x * 3",
        "__import__('os').system('true')",
        "p.__class__",
        "[p][0]",
        "lambda: p",
        'hour("UTC") > 5 ? p : c',
        'header("a") == "b" ? p : c',
        'param("service_tier") == "fast" ? 2 : 1',
        'tier("a", p)|||when(header("x") has "y") * 6',
        "u('seconds') * 2",
        "p / 0",
        "0 - p",
        "1e308 * p",
        "ceil(1e308 * 1e308)",
        "-" * 50 + "p",
        "(" * 50 + "p" + ")" * 50,
        "p > 1 ? p : " * 50 + "p",
        "p > 1 ? " * 50 + "p" + " : p" * 50,
        "p + " * 2000 + "p",
        "p+" * 1500 + "p",
        "p\x00",
        "ｐ * 3",
    ],
    ids=lambda text: text[:30],
)
def test_anything_else_is_unsupported(text: str) -> None:
    with pytest.raises(UnsupportedExpression):
        parse_expression(text).value(TOKENS)


def test_the_variables_and_conditions_of_an_expression_are_known() -> None:
    tiers, flat = parse_expression(TIERS), parse_expression('tier("c", p * 3)')
    assert tiers.variables == frozenset(("len", "p", "c", "cr"))
    assert flat.variables == frozenset("p")
    assert (tiers.has_conditions, flat.has_conditions) == (True, False)


def test_a_long_sum_is_evaluated() -> None:
    assert parse_expression("p+" * 290 + "p").value({"p": 1}) == 291.0


def test_only_the_branch_that_applies_is_evaluated() -> None:
    assert parse_expression("p > 0 ? p : p / 0").value({"p": 5}) == 5.0
