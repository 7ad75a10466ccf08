"""A conversation in memory: what was said, and how to ask on."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.domain.message import Message, Role


class Conversation(NamedTuple):
    """The turns so far, without the system prompt, which may change between them."""

    system: str = ""
    messages: tuple[Message, ...] = ()

    def asking(self, prompt: str) -> tuple[Message, ...]:
        """Give the messages to send for a new prompt."""
        system = (Message(Role.SYSTEM, self.system),) if self.system else ()
        return (*system, *self.messages, Message(Role.USER, prompt))

    def with_turn(self, prompt: str, answer: str) -> Conversation:
        """Add a turn. One without an answer leaves no trace: servers refuse empty messages."""
        if not answer:
            return self
        turn = (Message(Role.USER, prompt), Message(Role.ASSISTANT, answer))
        return self._replace(messages=(*self.messages, *turn))

    def without_last_turn(self) -> Conversation:
        """Drop the last prompt and its answer."""
        return self._replace(messages=self.messages[:-2])
