"""The keys of the input line.

They hold for the line alone: a search by Ctrl+R has its own Enter and Ctrl-C.
"""

from __future__ import annotations

from prompt_toolkit.application.current import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, completion_is_selected, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from newapi_cli.render.sanitizer import safe_text

QUOTES = '"""'


def line_keys(*, is_dumb: bool) -> KeyBindings:
    """Give the keys. The shell of an editor sends LF for Enter; a real terminal does for Ctrl+J,
    and for an Enter that was typed while an answer streamed.
    """
    keys = KeyBindings()
    in_line = has_focus(DEFAULT_BUFFER)
    keys.add("enter", filter=in_line & ~completion_is_selected)(_send)
    keys.add("enter", filter=in_line & completion_is_selected)(_take)
    keys.add("escape", "enter", filter=in_line)(_begin_line)
    keys.add("c-j", filter=in_line)(_send if is_dumb else _begin_line)
    keys.add("c-d", filter=in_line & Condition(_is_blank))(_leave)
    keys.add("c-c", filter=in_line)(_clear)
    keys.add(Keys.Vt100MouseEvent)(_show)
    return keys


def _send(event: KeyPressEvent) -> None:
    """Send, unless the text says that it goes on."""
    buffer = event.current_buffer
    bare = buffer.text.strip()
    if buffer.document.text_before_cursor.endswith("\\"):
        buffer.delete_before_cursor(1)
        buffer.insert_text("\n")
    elif bare.startswith(QUOTES) and bare.count(QUOTES) % 2:
        buffer.insert_text("\n")
    else:
        buffer.validate_and_handle()


def _take(event: KeyPressEvent) -> None:
    """Take what is selected of the list that Tab has opened."""
    event.current_buffer.complete_state = None


def _begin_line(event: KeyPressEvent) -> None:
    """Begin a new line."""
    event.current_buffer.insert_text("\n")


def _is_blank() -> bool:
    """Say whether nothing is typed, or nothing but the Enters of somebody who could not wait."""
    return not get_app().current_buffer.text.strip()


def _leave(event: KeyPressEvent) -> None:
    """Leave the conversation."""
    event.app.exit(exception=EOFError, style="class:exiting")


def _clear(event: KeyPressEvent) -> None:
    """Clear the line; on an empty one tell the loop."""
    if event.current_buffer.text:
        event.current_buffer.append_to_history()  # Up brings it back
        event.current_buffer.reset()
    else:
        event.app.exit(exception=KeyboardInterrupt, style="class:aborting")


def _show(event: KeyPressEvent) -> None:
    """Show a sequence that came as keys; prompt-toolkit takes a color for the mouse."""
    event.current_buffer.insert_text(safe_text(event.data))
