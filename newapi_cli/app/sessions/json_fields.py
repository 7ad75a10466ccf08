"""A foreign JSON object, read field by field; what is wrong is told with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from newapi_cli.errors import UsageError
from newapi_cli.text import well_formed

MAX_WHOLE = 2**63 - 1  # what a database holds
MAX_DEPTH = 100


class JsonObject:
    """An object and what its fields' names are told with, such as `turns[3].` or `line 5: `.

    Absent is the same as null; a wrong type is a `UsageError`.
    """

    def __init__(self, value: object, prefix: str) -> None:
        if not isinstance(value, dict):
            raise problem_at(prefix.rstrip(".: "), "must be an object")
        self._prefix = prefix
        self._value = value

    def wrong(self, name: str, must: str) -> UsageError:
        """Give the problem of a field."""
        return problem_at(self._prefix + name, must)

    def require(self, *names: str) -> None:
        """Raise `UsageError` where one of these fields is absent."""
        for name in names:
            if name not in self._value:
                raise self.wrong(name, "is missing")

    def text(self, name: str) -> str:
        """Give a text, empty where there is none."""
        return self.optional_text(name) or ""

    def optional_text(self, name: str) -> str | None:
        """Give a text or None. What no UTF-8 can hold is replaced."""
        value = self._value.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "must be a text")
        return well_formed(value)

    def matching(self, name: str, pattern: re.Pattern[str], must: str) -> str:
        """Give a text of a form."""
        text = self.text(name)
        if not pattern.fullmatch(text):
            raise self.wrong(name, must)
        return text

    def whole(self, name: str, least: int = 0) -> int | None:
        """Give a whole number or None."""
        value = self._value.get(name)
        if value is None:
            return None
        if type(value) is not int or not least <= value <= MAX_WHOLE:  # a bool is an int too
            raise self.wrong(name, f"must be a whole number, {least} or more")
        return value

    def seconds(self, name: str) -> float | None:
        """Give a duration in seconds, or None."""
        value = self._value.get(name)
        if value is None:
            return None
        is_number = type(value) in (int, float) and 0 <= value <= MAX_WHOLE  # NaN is not in it
        if not is_number:
            raise self.wrong(name, "must be a number of seconds, 0 or more")
        return float(value)

    def flag(self, name: str) -> bool:
        """Give true or false; absent is false."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return bool(value)

    def time(self, name: str, default: datetime) -> datetime:
        """Give a time in UTC; one without an offset is taken as such."""
        text = self.optional_text(name)
        if text is None:
            return default
        try:
            time = datetime.fromisoformat(text)
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.wrong(name, "must be a time such as 2026-01-31T12:00:00Z") from None

    def table(self, name: str) -> dict[str, object]:
        """Give an object as it is, of plain JSON values."""
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        if not _is_shallow(value):
            raise self.wrong(name, f"must not be nested over {MAX_DEPTH} levels")
        if not _is_finite(value):
            raise self.wrong(name, "must not hold NaN or Infinity")
        return {well_formed(key): plain_json(each) for key, each in value.items()}

    def child(self, name: str) -> JsonObject | None:
        """Give an object to be read, or None."""
        value = self._value.get(name)
        return None if value is None else JsonObject(value, f"{self._prefix}{name}.")

    def children(self, name: str) -> list[JsonObject]:
        """Give a list of objects to be read, empty where there is none."""
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "must be a list")
        return [JsonObject(each, f"{self._prefix}{name}[{i}].") for i, each in enumerate(value)]


def problem_at(where: str, must: str) -> UsageError:
    """Give the problem of a place, which is empty for the whole."""
    return UsageError(f"cannot import this: {f'{where}:' if where else 'it'} {must}")


def plain_json(value: object, depth: int = 0) -> object:
    """Give a value as JSON can hold it: what it cannot, and what is nested too deeply, is null.

    >>> plain_json({"a": (1, float("nan"), "x")})
    {'a': [1, None, 'x']}
    """
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {well_formed(str(k)): plain_json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(each, depth + 1) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None


def _is_shallow(value: object) -> bool:
    """Say whether a value is nested within bounds, without nesting calls as deeply."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return True
    return False


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return all(_is_finite(each) for each in _inside(value))


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
