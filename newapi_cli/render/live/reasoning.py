"""Reasoning while it streams: its last rows, dim; one line when the answer begins."""

from __future__ import annotations

from rich.style import Style

from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.sanitizer import Sanitizer
from newapi_cli.render.units import seconds

ROWS = 5
KEPT_CHARACTERS = 4000
DIM = Style(dim=True)


class Thinking:
    """What the model reasons, as far as it is shown. Times are the caller's clock, in seconds."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._sanitizer = Sanitizer()
        self._text = ""
        self._began_at: float | None = None

    @property
    def is_under_way(self) -> bool:
        """Say whether reasoning came and was not folded yet."""
        return self._began_at is not None

    def feed(self, text: str, now: float) -> None:
        """Take a piece of reasoning."""
        if self._began_at is None:
            self._began_at = now
        self._text = (self._text + self._sanitizer.feed(text))[-KEPT_CHARACTERS:]

    def rows(self, layout: Layout, now: float) -> list[Row]:
        """Give the rows to be shown for now."""
        if self._began_at is None or not self._is_shown:
            return []
        head = f"thinking {seconds(now - self._began_at)}"
        return [layout.line(head, DIM), *layout.paragraph(self._text.strip("\n"), DIM)[-ROWS:]]

    def fold(self, layout: Layout, now: float) -> list[Row]:
        """Give what stays of it for good: one line and an empty one. Begins anew."""
        if self._began_at is None:
            return []
        took = seconds(now - self._began_at)
        self._began_at, self._text = None, ""
        if not self._is_shown:
            return []
        return [layout.line(f"thought for {took}", DIM), Row("", 0)]
