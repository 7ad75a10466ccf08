"""The rows of a streamed answer are exactly the rows of the complete answer."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import chain

import pytest

from newapi_cli.render.live.layout import Layout, Row
from tests.render.live.documents import (
    ANSWERS,
    LATE_DEFINITIONS,
    NASTY,
    TAIL_LIMITS,
    WIDTHS,
    Document,
    Pieces,
    all_examples,
    answers,
    at_random,
    by_character,
    definitions_of,
    differences,
    examples,
    in_bytes,
    layout_for,
    new_answer,
    random_document,
    reference_rows,
    streamed_rows,
)
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

EXAMPLES = all_examples()
# Examples of CommonMark whose definition follows its use: the use is permanent by then, so
# it stays as it was written. Nothing else may differ, also of GFM.
DEFINED_AFTER_USE = [
    23, 33, 203, 204, 214, 218, *range(527, 537), 539, 540, 542, 543, 549, *range(553, 563), 565,
    566, *range(568, 572), 573, 576, 577, *range(582, 590), 591, 593,
]  # fmt: skip
DEFINED_AFTER_USE_IN_GFM = [543, 548]  # other examples of the same
DOCUMENTS = scaled(600, 20_000)
USUAL_LIMIT = 10  # rows of the tail in a window of usual height
COLORS = re.compile(r"\x1b\[[\d;]*m")
CUTS: dict[str, Callable[[int], Callable[[str], Pieces]]] = {
    "characters": lambda _: by_character,
    "small pieces": lambda seed: at_random(random.Random(seed), 8),
    "pieces": lambda seed: at_random(random.Random(seed), 16),
    "large pieces": lambda seed: at_random(random.Random(seed), 60),
    "bytes": lambda seed: in_bytes(random.Random(seed), 12),
}


def layouts() -> dict[int, Layout]:
    return {width: layout_for(width) for width in WIDTHS}


def failures(
    documents: list[Document], cut: Callable[[str], Pieces], layout: Layout, *, known: bool
) -> dict[str, list[str]]:
    """Return the documents whose streamed rows differ, with these rows."""
    found = {}
    for index, document in enumerate(documents):
        definitions = definitions_of(document.source) if known else None
        limit = TAIL_LIMITS[index % len(TAIL_LIMITS)]
        wanted = reference_rows(document.source, layout)
        rows = streamed_rows(cut(document.source), layout, limit, definitions)
        if rows != wanted:
            found[document.name] = list(differences(wanted, rows))
    return found


@each("width", WIDTHS)
@each("cut", CUTS)
def test_streamed_examples_equal_complete_ones(cut: str, width: int) -> None:
    documents = EXAMPLES or NASTY
    assert failures(documents, CUTS[cut](width), layout_for(width), known=True) == {}


@pytest.mark.parametrize("cut", CUTS)
def test_only_definitions_that_follow_their_use_are_exceptions(cut: str) -> None:
    found = failures(EXAMPLES or LATE_DEFINITIONS, CUTS[cut](1), layout_for(80), known=False)
    known = [f"CommonMark {number}" for number in DEFINED_AFTER_USE]
    known += [f"GFM {number}" for number in DEFINED_AFTER_USE_IN_GFM]
    late = known if EXAMPLES else [document.name for document in LATE_DEFINITIONS]
    if cut == "characters":
        assert sorted(found) == sorted(late)
    else:  # use and definition may arrive in one piece
        assert [name for name in found if name not in late] == []


def test_the_examples_are_all_of_the_specification() -> None:
    found = (len(examples("CommonMark")), len(examples("GFM")))
    assert found in ((0, 0), (652, 673)), "set NEWAPI_TEST_SPECS to the folder of both, or to none"
    assert len(NASTY) >= 60
    assert len(ANSWERS) == 12


@pytest.mark.parametrize("cut", CUTS)
def test_difficult_documents_need_no_definitions_in_advance(cut: str) -> None:
    assert failures(NASTY, CUTS[cut](2), layout_for(80), known=False) == {}


@pytest.mark.parametrize("document", LATE_DEFINITIONS, ids=lambda each: each.name)
def test_a_definition_that_follows_its_use_is_shown(document: Document) -> None:
    layout = layout_for(80)
    wanted = reference_rows(document.source, layout)
    assert streamed_rows(by_character(document.source), layout, 10) != wanted
    known = definitions_of(document.source)
    assert streamed_rows(by_character(document.source), layout, 10, known) == wanted
    shown = "\n".join(row.text for row in streamed_rows(by_character(document.source), layout, 10))
    assert [label for label, found in known.items() if str(found["href"]) not in shown] == []
    assert [label for label, found in known.items() if str(found["title"]) not in shown] == []


def test_a_definition_is_shown_with_its_label_as_it_is_used_and_its_title() -> None:
    source = "see [`Foo.f()`][] and [`g`]\n\n[`Foo.f()`]: /f 'The title'\n[`g`]: /g\n"
    rows = texts(streamed_rows(by_character(source), layout_for(80), 10))
    assert rows[2:] == ['[`Foo.f()`]: /f "The title"', "", "[`g`]: /g"]


# -- realistic answers ----------------------------------------------------------------------------


def texts(rows: list[Row]) -> list[str]:
    return [COLORS.sub("", row.text) for row in rows]


@each("width", WIDTHS)
@each("cut", [name for name in CUTS if name != "characters"])
def test_streamed_answers_equal_complete_ones(cut: str, width: int) -> None:
    layout = layout_for(width)
    for document in answers():
        rows = streamed_rows(CUTS[cut](width)(document.source), layout, USUAL_LIMIT)
        wanted = reference_rows(document.source, layout)
        assert rows == wanted, "\n".join(differences(wanted, rows))


@pytest.mark.parametrize(
    ("document", "width"),
    [
        pytest.param(document, WIDTHS[index % len(WIDTHS)], id=document.name)
        for index, document in enumerate(answers())
    ],
)
def test_an_answer_streamed_by_characters_equals_the_complete_one(
    document: Document, width: int
) -> None:
    layout = layout_for(width)
    rows = streamed_rows(by_character(document.source), layout, USUAL_LIMIT)
    wanted = reference_rows(document.source, layout)
    assert rows == wanted, "\n".join(differences(wanted, rows))


@pytest.mark.parametrize("limit", TAIL_LIMITS)
def test_an_answer_in_a_low_window_has_the_same_text(limit: int) -> None:
    """Only colors may differ there: a lexer may look further ahead than the tail is high."""
    layout = layout_for(80)
    for document in answers():
        pieces = at_random(random.Random(limit))(document.source)
        wanted = texts(reference_rows(document.source, layout))
        assert texts(streamed_rows(pieces, layout, limit)) == wanted, document.name


@pytest.mark.parametrize("limit", TAIL_LIMITS)
def test_skipped_frames_change_nothing(limit: int) -> None:
    layout = layout_for(80)
    for document in answers():
        answer = new_answer(layout, {})
        rows: list[Row] = []
        for index, piece in enumerate(at_random(random.Random(limit))(document.source)):
            answer.feed(piece)
            rows += answer.take_permanent() if index % 3 else answer.frame(limit).permanent
        rows += answer.end()
        assert texts(rows) == texts(reference_rows(document.source, layout)), document.name


@pytest.mark.parametrize("width", WIDTHS)
def test_a_layout_of_another_width_changes_only_what_is_still_open(width: int) -> None:
    """Permanent rows keep the old width; the others have the new one."""
    source = "".join(f"paragraph {n} {'word ' * 30}\n\n" for n in range(4))
    old, new = layout_for(40), layout_for(width)
    answer = new_answer(old, {})
    answer.feed(source[: len(source) // 2])
    before = answer.frame(USUAL_LIMIT).permanent
    answer.layout = new
    answer.feed(source[len(source) // 2 :])
    after = answer.end()
    assert before == reference_rows(source, old)[: len(before)]
    assert after == reference_rows(source, new)[-len(after) :]
    words = " ".join(row.text for row in before + after).split()
    assert words == source.split()


# -- random documents -----------------------------------------------------------------------------


def test_streamed_random_documents_equal_complete_ones() -> None:
    rnd = random.Random(SEED)
    by_width = layouts()
    spliced = EXAMPLES or NASTY
    for number in range(DOCUMENTS):
        source = random_document(rnd, spliced)
        pieces = rnd.choice([by_character, at_random(rnd, 9), at_random(rnd), in_bytes(rnd)])(
            source
        )
        layout, limit = by_width[rnd.choice(WIDTHS)], rnd.choice(TAIL_LIMITS)
        wanted = reference_rows(source, layout)
        found = streamed_rows(pieces, layout, limit, definitions_of(source))
        assert found == wanted, "\n".join(
            chain(
                [f"{REPEAT}, document {number}, limit {limit}: {source!r}"],
                [f"pieces {pieces!r}"],
                differences(wanted, found),
            )
        )
