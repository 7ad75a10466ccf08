"""Streamed code has the text of complete code, and its colors."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from pygments.lexer import Lexer

from newapi_cli.render.live.highlight import StreamedCode
from newapi_cli.render.live.layout import Row
from tests.render.live.documents import (
    TAIL_LIMITS,
    THEME,
    Pieces,
    at_random,
    by_character,
    differences,
    layout_for,
    reference_rows,
    streamed_rows,
)
from tests.support.cases import each

USUAL_LIMIT = 10
COLORS = re.compile(r"\x1b\[([\d;]*)m")
SNIPPETS = {
    "python": '''"""What this is for,
in two lines."""
import asyncio
from dataclasses import dataclass, field

PATTERN = r"""raw \\d+
text"""


@dataclass(frozen=True)
class Job:
    name: str  # a comment
    steps: list[str] = field(default_factory=list)

    async def run(self, times: int = 3) -> None:
        """Run it."""
        for number in range(times):
            await asyncio.sleep(0.1 * number)
            print(f"{self.name!r}: {number:>3} of {times}", *self.steps)
''',
    "js": """/**
 * Waits for silence.
 * @param {number} wait
 */
export const debounce = (fn, wait = 100) => {
  let timer = null; // the last call wins
  const text = `several
    lines of ${wait} ms`;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args, /a+b/g), wait);
  };
};
""",
    "ts": """/* A type
   with a comment */
type Health<T extends string> = { ok: boolean; name?: T };

export abstract class Server {
  private readonly all: Map<string, Health<"a" | "b">> = new Map();

  public get size(): number {
    return this.all.size as number;
  }
}
""",
    "go": """/*
Package main serves.
*/
package main

import "fmt"

const page = `<html>
  <body>%s</body>
</html>`

// Serve does it.
func Serve(names ...string) (count int, err error) {
	for i, name := range names {
		fmt.Printf("%d: %q\\n", i, name)
		count++
	}
	return
}
""",
    "rust": """/* A comment
   /* nested */ of lines */
use std::collections::HashMap;

/// Counts words.
pub fn count<'a>(text: &'a str) -> HashMap<&'a str, usize> {
    let mut all = HashMap::new();
    for word in text.split_whitespace() {
        *all.entry(word).or_insert(0) += 1; // one more
    }
    println!("{all:?} {}", r#"raw "text""#);
    all
}
""",
    "c": """#include <stdio.h>
#define MAX(a, b) \\
    ((a) > (b) ? (a) : (b))

/* Adds,
   and tells. */
static int add(const int *values, size_t count) {
    int sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i]; // no check
    printf("sum: %d\\n", MAX(sum, 0x1F));
    return sum;
}
""",
    "bash": """#!/usr/bin/env bash
set -euo pipefail
readonly target="${1:?usage}"

backup() {
  local name=$1 # the database
  pg_dump "$name" | gzip > "$target/$name-$(date +%F).gz"
  echo "two
lines"
}

cat <<EOF
done: $target
EOF
for each in a b c; do backup "$each" && echo ok || exit 1; done
""",
    "sql": """-- databases without a backup
/* since
   yesterday */
SELECT d.name, max(b.finished_at) AS last, 'a ''quoted'' text'
FROM databases AS d
LEFT JOIN backups AS b ON b.database_id = d.id
WHERE d.size > 10.5 AND d.name LIKE '%x%'
GROUP BY d.name
HAVING max(b.finished_at) IS NULL;
""",
    "json": """{
  "name": "newapi",
  "versions": [1, 2.5, -3e10],
  "nested": {"ok": true, "none": null, "text": "a \\"b\\" \\u00e9"},
  "empty": {},
  "last": []
}
""",
    "yaml": """# configuration
backup:
  target: /srv/backup  # must exist
  keep: 14
  text: |
    several
    lines
  folded: >
    one
    line
  notify: [ops@example.org, "#alerts", 'x']
  anchors: &a {b: 1.5, c: ~}
  same: *a
""",
}
REPEATS = 9  # long enough for lexing to start after the first line


def cells(row: Row) -> list[tuple[str, str]]:
    """Return the characters of a row with their colors."""
    found = []
    color = ""
    for index, part in enumerate(COLORS.split(row.text)):
        if index % 2:
            color = "" if part in ("", "0") else part
        else:
            found += [(character, color) for character in part]
    return found


def text_of(row: Row) -> str:
    return COLORS.sub("", row.text)


def long_code(language: str) -> str:
    return "\n".join([SNIPPETS[language]] * REPEATS)


def cuts(source: str) -> Iterator[Pieces]:
    yield source.splitlines(keepends=True)
    yield at_random(random.Random(1), 40)(source)


@each("repeats", [1, REPEATS])
@each("language", SNIPPETS)
def test_a_streamed_fence_has_the_colors_of_a_complete_one(language: str, repeats: int) -> None:
    layout = layout_for(80)
    source = f"```{language}\n" + "\n".join([SNIPPETS[language]] * repeats) + "```\n"
    wanted = reference_rows(source, layout)
    for pieces in cuts(source):
        found = streamed_rows(pieces, layout, USUAL_LIMIT)
        assert [*map(cells, found)] == [*map(cells, wanted)], "\n".join(differences(wanted, found))


@each("limit", [0, 3])
@each("language", SNIPPETS)
def test_a_streamed_fence_always_has_its_text(language: str, limit: int) -> None:
    layout = layout_for(80)
    source = f"```{language}\n{long_code(language)}```\n"
    wanted = [*map(text_of, reference_rows(source, layout))]
    pieces = at_random(random.Random(limit), 40)(source)
    assert [*map(text_of, streamed_rows(pieces, layout, limit))] == wanted


@pytest.mark.parametrize("limit", TAIL_LIMITS)
def test_an_open_docstring_has_the_rows_of_a_closed_one(limit: int) -> None:
    """Until its end is known, Pygments splits a docstring at quotes; after that it is one token."""
    layout = layout_for(80)
    source = '~~~ py\n"""\none\nit\'s "two"\n\\\n\n# three\n  four\nfive\nsix\n"""\nx = 1\n~~~\n'
    found = streamed_rows(by_character(source), layout, limit)
    wanted = reference_rows(source, layout)
    assert found == wanted, "\n".join(differences(wanted, found))


@each("language", SNIPPETS)
def test_an_incomplete_line_has_its_text(language: str) -> None:
    code = StreamedCode(language, THEME)
    for line in SNIPPETS[language].splitlines():
        for end in range(len(line) + 1):
            assert code.partial(line[:end]).plain == line[:end]
        code.extend([line])
        assert code.line(len(code) - 1).plain == line


@pytest.mark.parametrize(
    "language", ["", "nonsense", "text", "py\x1b", "../x", "console", "Python"]
)
def test_any_language_name_keeps_the_text(language: str) -> None:
    code = StreamedCode(language, THEME)
    lines = ["a = 'b", "", "\tc  ", "$ d"]
    code.extend(lines)
    assert [code.line(number).plain for number in range(4)] == lines


def test_an_incomplete_language_name_is_harmless() -> None:
    layout = layout_for(80)
    for info in ("python", "js title=x.js", "{.rust}", "C++", "json5 // c", "c"):
        source = f"```{info}\nint x = 1; // {{}}\nlet y = 'z';\n```\n"
        found = streamed_rows(by_character(source), layout, USUAL_LIMIT)
        assert found == reference_rows(source, layout), info


def test_code_without_colors_is_not_lexed() -> None:
    code = StreamedCode("", THEME)
    code.extend(["x"] * 3)
    assert [code.line(number).spans for number in range(3)] == [[], [], []]
    assert code.partial("half").spans == []


def test_long_code_is_not_lexed_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of a line does not depend on the number of lines before it."""
    from newapi_cli.render.live import highlight

    lexed = 0
    original = highlight._by_line

    def counted(lexer: Lexer, source: str) -> list[highlight.Tokens]:
        nonlocal lexed
        lexed += len(source)
        return original(lexer, source)

    monkeypatch.setattr(highlight, "_by_line", counted)
    costs = []
    for repeats in (20, 40):
        lexed = 0
        code = StreamedCode("python", THEME)
        for line in "\n".join([SNIPPETS["python"]] * repeats).splitlines():
            code.extend([line])
        costs.append(lexed)
    assert costs[1] < 2.5 * costs[0]
