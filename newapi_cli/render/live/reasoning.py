"""Reasoning while it streams: its last rows, dim, and one line when the answer begins."""

from __future__ import annotations

from rich.style import Style

from newapi_cli.i18n import tr
from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.sanitizer import Sanitizer
from newapi_cli.render.units import seconds

MAX_ROWS = 5
KEPT_CHARACTERS = 4000
DIM = Style(dim=True)


class Reasoning:
    """The model's reasoning as far as it is displayed. `now` is the caller's clock in seconds."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._sanitizer = Sanitizer()
        self._text = ""
        self._began_at: float | None = None

    @property
    def is_active(self) -> bool:
        """Return whether reasoning has arrived since the last `fold`."""
        return self._began_at is not None

    def feed(self, text: str, now: float) -> None:
        """Take a part of the reasoning."""
        if self._began_at is None:
            self._began_at = now
        self._text = (self._text + self._sanitizer.feed(text))[-KEPT_CHARACTERS:]

    def rows(self, layout: Layout, now: float) -> list[Row]:
        """Return the rows to display in this frame."""
        if self._began_at is None or not self._is_shown:
            return []
        title = tr("thinking {time}", time=seconds(now - self._began_at))
        last_rows = layout.paragraph(self._text.strip("\n"), DIM)[-MAX_ROWS:]
        return [layout.line(title, DIM), *last_rows]

    def fold(self, layout: Layout, now: float) -> list[Row]:
        """End this reasoning and return its permanent rows: one line and an empty one."""
        if self._began_at is None:
            return []
        time = seconds(now - self._began_at)
        self._began_at, self._text = None, ""
        if not self._is_shown:
            return []
        return [layout.line(tr("thought for {time}", time=time), DIM), Row("", 0)]
