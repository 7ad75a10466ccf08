"""How an answer is written, as a truth table."""

from __future__ import annotations

from itertools import product

import pytest

from newapi_cli.render.output_options import OutputOptions, Target, choose_target

FLAGS = (False, True)


@pytest.mark.parametrize(
    ("options", "is_terminal", "is_dumb", "target"),
    [
        (OutputOptions(), True, False, Target.MARKDOWN),
        (OutputOptions(), True, True, Target.PLAIN),
        (OutputOptions(), False, False, Target.RAW),
        (OutputOptions(), False, True, Target.RAW),
        (OutputOptions(raw=True), True, False, Target.PLAIN),
        (OutputOptions(raw=True), False, False, Target.RAW),
        (OutputOptions(markdown=False), True, False, Target.PLAIN),
        (OutputOptions(markdown=False), False, False, Target.RAW),
        (OutputOptions(extract=True), True, False, Target.EXTRACT),
        (OutputOptions(extract=True), False, False, Target.EXTRACT),
        (OutputOptions(json=True), True, False, Target.JSON),
        (OutputOptions(json=True), False, False, Target.JSON),
        (OutputOptions(json=True, stream=True), True, False, Target.JSON_LINES),
        (OutputOptions(json=True, stream=True), False, False, Target.JSON_LINES),
        (OutputOptions(json=True, stream=False), False, False, Target.JSON),
        (OutputOptions(stream=True), False, False, Target.RAW),
        (OutputOptions(stream=False), True, False, Target.MARKDOWN),
    ],
)
def test_the_target_is_chosen_by_the_table(
    options: OutputOptions, is_terminal: bool, is_dumb: bool, target: Target
) -> None:
    assert choose_target(options, is_terminal=is_terminal, is_dumb=is_dumb) is target


def by_the_rules(options: OutputOptions, *, is_terminal: bool, is_dumb: bool) -> Target:
    """Decide by the rules: a flag, else a terminal, else plain."""
    if options.json:
        return Target.JSON_LINES if options.stream is True else Target.JSON
    if options.extract:
        return Target.EXTRACT
    is_rendered = is_terminal and options.markdown and not (options.raw or is_dumb)
    if is_rendered:
        return Target.MARKDOWN
    return Target.PLAIN if is_terminal else Target.RAW


def test_every_combination_follows_the_rules() -> None:
    for raw, extract, json, stream, markdown in product(FLAGS, FLAGS, FLAGS, (None, *FLAGS), FLAGS):
        options = OutputOptions(raw, extract, json, stream, markdown)
        for is_terminal, is_dumb in product(FLAGS, FLAGS):
            found = choose_target(options, is_terminal=is_terminal, is_dumb=is_dumb)
            assert found is by_the_rules(options, is_terminal=is_terminal, is_dumb=is_dumb), options
