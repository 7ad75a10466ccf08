"""One message of a conversation."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.attachment import Attachment


class Role(StrEnum):
    """Who speaks. `system` is sent for instructions, never `developer`: some channels refuse it."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Message(NamedTuple):
    """What one role said. Reasoning is never part of it: vendors refuse it in history."""

    role: Role
    content: str
    attachments: tuple[Attachment, ...] = ()
