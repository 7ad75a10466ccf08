"""The keys of the input line. They do not apply to the Ctrl+R search, which has its own."""

from __future__ import annotations

from prompt_toolkit.application.current import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, completion_is_selected, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from newapi_cli.render.sanitizer import safe_text

QUOTES = '"""'


def key_bindings(*, is_dumb: bool) -> KeyBindings:
    """Return the keys of the input line.

    The shell buffer of an editor sends LF for Enter. A real terminal sends it for Ctrl+J, and for
    an Enter that was typed while an answer streamed.
    """
    keys = KeyBindings()
    in_line = has_focus(DEFAULT_BUFFER)
    keys.add("enter", filter=in_line & ~completion_is_selected)(_send)
    keys.add("enter", filter=in_line & completion_is_selected)(_accept_completion)
    keys.add("escape", "enter", filter=in_line)(_insert_line_break)
    keys.add("c-j", filter=in_line)(_send if is_dumb else _insert_line_break)
    keys.add("c-d", filter=in_line & Condition(_is_blank))(_leave)
    keys.add("c-c", filter=in_line)(_clear)
    keys.add(Keys.Vt100MouseEvent)(_insert_raw_sequence)
    return keys


def _send(event: KeyPressEvent) -> None:
    """Send the text, unless a trailing backslash or an open quote continues it."""
    buffer = event.current_buffer
    stripped = buffer.text.strip()
    if buffer.document.text_before_cursor.endswith("\\"):
        buffer.delete_before_cursor(1)
        buffer.insert_text("\n")
    elif stripped.startswith(QUOTES) and stripped.count(QUOTES) % 2:
        buffer.insert_text("\n")
    else:
        buffer.validate_and_handle()


def _accept_completion(event: KeyPressEvent) -> None:
    event.current_buffer.complete_state = None


def _insert_line_break(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")


def _is_blank() -> bool:
    """Return whether nothing is typed, or only Enters from while an answer streamed."""
    return not get_app().current_buffer.text.strip()


def _leave(event: KeyPressEvent) -> None:
    event.app.exit(exception=EOFError, style="class:exiting")


def _clear(event: KeyPressEvent) -> None:
    """Clear the line; on an empty line, raise KeyboardInterrupt from the prompt."""
    if event.current_buffer.text:
        event.current_buffer.append_to_history()  # Up brings it back
        event.current_buffer.reset()
    else:
        event.app.exit(exception=KeyboardInterrupt, style="class:aborting")


def _insert_raw_sequence(event: KeyPressEvent) -> None:
    """Insert a sequence that was pasted as keys: prompt-toolkit would take it for a mouse event."""
    event.current_buffer.insert_text(safe_text(event.data))
