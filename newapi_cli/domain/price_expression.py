"""The price expressions of New API's tiered models: a parser and an evaluator of a subset.

    len <= 200000 ? tier("standard", p * 3 + c * 15) : tier("long", p * 6 + c * 22.5)

The variables are token counts and the value is in millionths of a dollar, before the ratio of the
group (QuantumNous/new-api pkg/billingexpr). Supported are arithmetic, comparisons, conditions,
`tier`, `fixed`, `max`, `min`, `abs`, `ceil` and `floor`; anything else raises
`UnsupportedExpression`, as an expression may depend on the clock or on headers. A server chooses
the text, so nothing of it is executed and its length and depth are limited.

Values are floats, as the gateway's are: both then round the same way.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

MAX_LENGTH, MAX_TOKENS, MAX_DEPTH = 4_000, 600, 40  # characters, tokens, nested parts
VARIABLES = ("p", "c", "len", "cr", "cc", "cc1h", "img", "img_o", "ai", "ao")
VERSION = "v1:"
MILLION = 1_000_000.0
TOKEN = r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<text>"[^"\\]*"|'[^'\\]*')
      | (?P<mark>\|\||&&|<=|>=|==|!=|[-+*/<>!?:(),])
    )"""
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {  # with the number of arguments
    "max": (2, max),
    "min": (2, min),
    "abs": (1, abs),
    "ceil": (1, lambda value: float(math.ceil(value))),
    "floor": (1, lambda value: float(math.floor(value))),
    "fixed": (1, lambda dollars: dollars * MILLION),
}

Tokens = Mapping[str, float]
Node = Callable[[Tokens], float | bool]


class UnsupportedExpression(Exception):
    """An expression is invalid, or it uses what only the gateway can evaluate."""


class PriceExpression(NamedTuple):
    """A parsed expression. `variables` are those that it mentions."""

    node: Node
    variables: frozenset[str]
    has_conditions: bool

    def value(self, tokens: Tokens) -> float:
        """Return the millionths of a dollar for token counts by variable; missing ones are 0.

        Raises `UnsupportedExpression` if there is no finite value.

        >>> parse_expression('tier("a", p * 3 + c * 15)').value({"p": 1234, "c": 567})
        12207.0
        """
        try:
            value = _number(self.node({name: float(tokens.get(name, 0)) for name in VARIABLES}))
        except (ArithmeticError, ValueError) as error:  # `ceil` of an infinite number
            raise UnsupportedExpression(str(error)) from error
        if not math.isfinite(value) or value < 0:
            raise UnsupportedExpression("not a price")
        return value


def parse_expression(text: str) -> PriceExpression:
    """Return a parsed expression. Raises `UnsupportedExpression`."""
    if len(text) > MAX_LENGTH:
        raise UnsupportedExpression("too long")
    parser = _Parser(_tokens(text.strip().removeprefix(VERSION)))
    node = parser.condition(0)
    parser.expect("")  # the end
    return PriceExpression(node, frozenset(parser.variables), parser.has_conditions)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return the kind and the text of each token, and an end."""
    tokens: list[tuple[str, str]] = []
    position = 0
    text, token = text.rstrip(), re.compile(TOKEN, re.VERBOSE)  # not at import: 0.5 ms
    while position < len(text):
        match = token.match(text, position)
        if match is None or match.lastgroup is None:
            raise UnsupportedExpression(text[position : position + 20])
        if len(tokens) >= MAX_TOKENS:  # a long sum is nested as deeply as it is long
            raise UnsupportedExpression("too many parts")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return [*tokens, ("end", "")]


class _Parser:
    """A recursive descent parser: one method for each level of precedence, lowest first."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0
        self.variables: set[str] = set()
        self.has_conditions = False

    def condition(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise UnsupportedExpression("nested too deeply")
        test = self._any_of(depth)
        if not self._accept("?"):
            return test
        self.has_conditions = True
        then = self.condition(depth + 1)
        self.expect(":")
        otherwise = self.condition(depth + 1)
        return lambda tokens: then(tokens) if _truth(test(tokens)) else otherwise(tokens)

    def _any_of(self, depth: int) -> Node:
        node = self._all_of(depth)
        while self._accept("||", "or"):
            node = _either(node, self._all_of(depth))
        return node

    def _all_of(self, depth: int) -> Node:
        node = self._comparison(depth)
        while self._accept("&&", "and"):
            node = _both(node, self._comparison(depth))
        return node

    def _comparison(self, depth: int) -> Node:
        node = self._sum(depth)
        if mark := self._accept(*COMPARISONS):
            node = _applied(COMPARISONS[mark], node, self._sum(depth))
        return node

    def _sum(self, depth: int) -> Node:
        node = self._product(depth)
        while mark := self._accept("+", "-"):
            node = _applied(OPERATORS[mark], node, self._product(depth))
        return node

    def _product(self, depth: int) -> Node:
        node = self._unary(depth)
        while mark := self._accept("*", "/"):
            node = _applied(OPERATORS[mark], node, self._unary(depth))
        return node

    def _unary(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise UnsupportedExpression("nested too deeply")
        mark = self._accept("-", "+", "!", "not")
        if not mark:
            return self._primary(depth)
        operand = self._unary(depth + 1)
        if mark in ("!", "not"):
            return lambda tokens: not _truth(operand(tokens))
        sign = -1.0 if mark == "-" else 1.0
        return lambda tokens: sign * _number(operand(tokens))

    def _primary(self, depth: int) -> Node:
        kind, text = self._next()
        if kind == "number":
            number = float(text)
            return lambda _: number
        if kind == "name":
            return self._call(text, depth) if self._accept("(") else self._variable(text)
        if text != "(":
            raise UnsupportedExpression(text)
        node = self.condition(depth + 1)
        self.expect(")")
        return node

    def _variable(self, name: str) -> Node:
        if name in ("true", "false"):
            return lambda _: name == "true"
        if name not in VARIABLES:
            raise UnsupportedExpression(name)
        self.variables.add(name)
        return lambda tokens: tokens[name]

    def _call(self, name: str, depth: int) -> Node:
        if name == "tier":  # its name is for the gateway's log
            if self._next()[0] != "text":
                raise UnsupportedExpression("a tier without a name")
            self.expect(",")
            value = self.condition(depth + 1)
            self.expect(")")
            return lambda tokens: _number(value(tokens))
        if name not in FUNCTIONS:
            raise UnsupportedExpression(name)
        count, function = FUNCTIONS[name]
        arguments = [self.condition(depth + 1)]
        while self._accept(","):
            arguments.append(self.condition(depth + 1))
        self.expect(")")
        if len(arguments) != count:
            raise UnsupportedExpression(name)
        return lambda tokens: function(*(_number(each(tokens)) for each in arguments))

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _accept(self, *texts: str) -> str:
        """Return the next token and move on if it is one of these; else return an empty text."""
        kind, text = self._tokens[self._position]
        if text not in texts or kind == "text":
            return ""
        self._position += 1
        return text

    def expect(self, text: str) -> None:
        """Move on. Raises `UnsupportedExpression` if the next token is another one."""
        kind, found = self._tokens[self._position]
        if found != text or kind == "text":
            raise UnsupportedExpression(found)
        self._position += 1


def _applied(function: Callable[[float, float], float], left: Node, right: Node) -> Node:
    return lambda tokens: function(_number(left(tokens)), _number(right(tokens)))


def _either(left: Node, right: Node) -> Node:
    return lambda tokens: _truth(left(tokens)) or _truth(right(tokens))


def _both(left: Node, right: Node) -> Node:
    return lambda tokens: _truth(left(tokens)) and _truth(right(tokens))


def _number(value: float | bool) -> float:
    if isinstance(value, bool):
        raise UnsupportedExpression("a condition in place of a number")
    return value


def _truth(value: float | bool) -> bool:
    if not isinstance(value, bool):
        raise UnsupportedExpression("a number in place of a condition")
    return value
