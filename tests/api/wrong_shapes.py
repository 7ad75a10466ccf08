"""JSON values with one member of another type, as servers may send them."""

from __future__ import annotations

from typing import Any

WRONG: list[Any] = [
    None, True, False, 0, 1, -1, 2.5, float("nan"), float("inf"), 10**400, "", "x", "\ud800", [],
    [None], [1], ["x"], [[]], [{}], {}, {"x": 1}, {"error": 1}, {"message": []}, [{"text": 5}],
]  # fmt: skip


def places(value: Any) -> list[tuple[str | int, ...]]:
    """Return the path of every member of a JSON value, beginning with its own, the empty path."""
    found: list[tuple[str | int, ...]] = [()]
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    for name, member in members:
        found += [(name, *path) for path in places(member)]
    return found


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy with one member replaced."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def name_of(path: tuple[str | int, ...]) -> str:
    """Return a path as the id of a test."""
    return ".".join(map(str, path)) or "all of it"
