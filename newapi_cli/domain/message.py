"""One message of a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who speaks. `system` is sent for instructions, never `developer`: some channels refuse it."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """What one role said, as text. Reasoning is never part of it: vendors refuse it in history."""

    role: Role
    content: str
