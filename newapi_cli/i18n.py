"""Messages as templates with named values, so that they can be translated where they are displayed.

`tr` and `ntr` return the English sentence. No catalog exists yet: `translate` returns it unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping


class Translatable(str):
    """An English sentence that keeps the template and the values that it was made from."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]


def tr(template: str, /, **values: object) -> Translatable:
    """Return the template filled in with its values.

    >>> tr("cannot read {path}", path="notes.md")
    'cannot read notes.md'
    """
    message = Translatable(template.format(**values) if values else template)
    message.template, message.values = template, values
    return message


def ntr(one: str, other: str, n: int, /, **values: object) -> Translatable:
    """Return the singular or the plural of a message, in which `{n}` is the number.

    >>> ntr("{n} model", "{n:,} models", 1), ntr("{n} model", "{n:,} models", 1200)
    ('1 model', '1,200 models')
    """
    return tr(one if n == 1 else other, n=n, **values)


def translate(text: str) -> str:
    """Return a message in the user's language; text that is not a message stays as it is."""
    return text


def reword(text: str, words: Mapping[object, str]) -> str:
    """Return a message with some of its values replaced by other words, or the words for the text.

    A value that is a message itself is reworded too.

    >>> reword(tr("try {what}", what="-m NAME"), {"-m NAME": "/model NAME"})
    'try /model NAME'
    >>> reword("-m NAME", {"-m NAME": "/model NAME"})
    '/model NAME'
    """
    if not isinstance(text, Translatable):
        return words.get(text, text)
    values = {
        name: reword(value, words) if isinstance(value, str) else words.get(value, value)
        for name, value in text.values.items()
    }
    return tr(text.template, **values)
