"""A conversation in memory: what was said, and how to ask on."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.domain.attachment import Attachment
from newapi_cli.domain.message import Message, Role
from newapi_cli.domain.session import TurnRecord


class Conversation(NamedTuple):
    """The turns so far, oldest first, and the system prompt, which may change between them.

    The first `left_out` turns are no longer sent to the model.
    """

    system: str = ""
    turns: tuple[TurnRecord, ...] = ()
    left_out: int = 0

    def asking(self, prompt: str, attachments: tuple[Attachment, ...] = ()) -> tuple[Message, ...]:
        """Give the messages to send for a new prompt.

        A turn without an answer is not among them: servers refuse empty messages.
        """
        messages = [Message(Role.SYSTEM, self.system)] if self.system else []
        for turn in self.sent_turns:
            messages.append(Message(Role.USER, turn.prompt, turn.attachments))
            messages.append(Message(Role.ASSISTANT, turn.answer))
        return (*messages, Message(Role.USER, prompt, attachments))

    @property
    def sent_turns(self) -> tuple[TurnRecord, ...]:
        """Give the turns that are sent with the next prompt."""
        return tuple(turn for turn in self.turns[self.left_out :] if turn.answer)
