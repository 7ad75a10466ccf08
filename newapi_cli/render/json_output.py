"""An answer as JSON: one object, or a line per delta and the object as the last line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import (
    COUNTS,
    Chunk,
    Completion,
    Notice,
    ReasoningEnded,
    TurnEvent,
    Usage,
)
from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.streams import Streams

if TYPE_CHECKING:
    from newapi_cli.domain.money import Cost


def completion_json(completion: Completion, model: str, session: str = "") -> dict[str, object]:
    """Return a completion as a JSON value. Its members are documented, and scripts use them."""
    return {
        "content": completion.content,
        "reasoning": completion.reasoning or None,
        "tool_calls": [call._asdict() for call in completion.tool_calls],
        "sources": [source._asdict() for source in completion.sources],
        "model": completion.model or completion.requested_model or model,
        "finish_reason": completion.finish_reason,
        "status": str(completion.status),
        "usage": usage_json(completion.usage),
        **cost_json(completion.cost),
        "tried": [list(each) for each in completion.tried],
        "id": completion.id or None,
        "request_id": completion.request_id or None,
        "first_token_s": _rounded(completion.first_token_s),
        "duration_s": _rounded(completion.duration_s),
        "session": session or None,
    }


def usage_json(usage: Usage | None) -> dict[str, int | None] | None:
    """Return token counts as a JSON value."""
    return None if usage is None else {name: getattr(usage, name) for name in COUNTS}


def cost_json(cost: Cost | None) -> dict[str, str | None]:
    """Return a cost as JSON members: exact dollars as text, and how precise they are."""
    usd = None if cost is None or cost.usd is None else format(cost.usd, "f")
    return {"cost_usd": usd, "cost_kind": None if cost is None else str(cost.kind)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


class JsonRenderer:
    """Writes one object at the end; with `lines`, an object per delta before it."""

    def __init__(
        self, streams: Streams, status: StatusLines, options: StatusOptions, *, lines: bool
    ) -> None:
        self._stdout = streams.stdout
        self._redact = streams.redact
        self._status = status
        self._options = options
        self._lines = lines

    def start(self) -> None:
        """Do nothing: the terminal's modes stay as they are."""

    def show(self, event: TurnEvent) -> None:
        """Write a delta as a line, or a notice to stderr."""
        if isinstance(event, Notice):
            self._status.write_notice(event)
        elif isinstance(event, ReasoningEnded) and self._lines:
            self._status.write_reasoning_notice()
        elif isinstance(event, Chunk) and self._lines:
            for name in ("reasoning", "content"):
                if text := getattr(event, name):
                    self._write({"type": "delta", name: text})

    def finish(self, completion: Completion) -> None:
        """Write the object, also for an incomplete answer: its `status` shows that."""
        value = completion_json(completion, self._options.model, self._options.session)
        for name in ("model", "finish_reason", "id", "request_id"):  # untrusted text, but no answer
            if isinstance(text := value[name], str):
                value[name] = self._redact(text)
        value["sources"] = [
            {name: self._redact(text) for name, text in source._asdict().items()}
            for source in completion.sources
        ]
        value["tried"] = [list(map(self._redact, each)) for each in completion.tried]
        if self._lines:
            self._write({"type": "completion", **value})
        else:
            self._stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        self._status.write_summary(completion)

    def _write(self, value: dict[str, object]) -> None:
        self._stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
