"""Documents that are difficult to stream, and the rows that they must have in the end.

The reference here parses a whole document once. It shares the parser's settings, the leaves and the
layout with the program, and nothing with what decides when a row is final.
"""

from __future__ import annotations

import codecs
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.live.leaves import leaves_of
from newapi_cli.render.live.markdown import markdown_parser
from newapi_cli.render.live.theme import theme_named
from newapi_cli.render.sanitizer import Sanitizer, safe_text
from newapi_cli.signals import Interrupts

ROOT = Path(__file__).parents[3]
# The examples of the specifications are not part of the project: they have another license.
SPEC_DATA = Path(os.environ.get("NEWAPI_TEST_SPECS") or ROOT.parent / "shared" / "data")
SPECIFICATIONS = {"CommonMark": "commonmark-0.31.2.json", "GFM": "gfm-examples.json"}
ANSWERS = sorted((ROOT / "tests" / "data" / "answers").glob("*.md"))
THEME = theme_named("ansi")
WIDTHS = (20, 80, 300)
TAIL_LIMITS = (0, 1, 3, 10)

Pieces = list[str]


class Document(NamedTuple):
    """A Markdown source, and its name in a failure."""

    name: str
    source: str


# -- documents ------------------------------------------------------------------------------------


def examples(specification: str) -> list[Document]:
    """Return the examples of a specification, none if the file does not exist."""
    path = SPEC_DATA / SPECIFICATIONS[specification]
    found = json.loads(path.read_text("utf-8")) if path.exists() else []
    return [Document(f"{specification} {each['example']}", each["markdown"]) for each in found]


def all_examples() -> list[Document]:
    """Return the examples of CommonMark, and those of GFM that are not the same."""
    found = {each.source: each for each in examples("GFM")}
    found |= {each.source: each for each in examples("CommonMark")}
    return list(found.values())


def answers() -> list[Document]:
    """Return the realistic answers."""
    return [Document(path.stem, path.read_text("utf-8")) for path in ANSWERS]


# Each of these was rendered incorrectly by some client, or by a draft of this one.
NASTY = [
    Document(f"own {number}", source)
    for number, source in enumerate(
        [
            "text\n\n2\n\n2. two\n",
            "text\n2. two\n1. one\n",
            "a\n-\n",
            "a\n- b\n--\n",
            "a\n=\nb\n===\n",
            "- a\n- b\n\n  c\n- d\n",
            "- a\n\n\n- b\n   - c\n      - d\n",
            "-\n\n  foo\n",
            "- \n  foo\n",
            "-   \n\n- a\n",
            "1. a\n2. b\n3) c\n4) d\n",
            "".join(f"{n}. item\n" for n in range(1, 13)),
            "99. a\n100. b\n101. c\n",
            "0. a\n1. b\n",
            "1986. A great year\n",
            "- a\n * b\n  + c\n",
            "* * *\n- - -\n_ _ _\n",
            "- a\n- * * *\n- b\n",
            "- a\n\n      code\n\n  text\n",
            "    code\n\n\n    more\n\ntext\n",
            "    code\n\n\n\n",
            "\tcode\n\ttab\tinside\n",
            "```\na\n\n\n```\nb\n",
            "```py\nx = 1\n\n\n",
            "````\n```\nnot closed\n```\n````\n",
            "~~~\n```\n~~~ \nafter\n",
            "``` py `\nno fence\n```\n",
            "```\n",
            "```\n```\n```\n```\n",
            "   ```\n  indented\n     more\n   ```\n",
            "- ```\n  in a list\n\n  blank before\n  ```\n- b\n",
            "- ```\n  never closed\nb\n",
            "> ```\n> quoted\nlazy\n",
            "> a\nlazy\n> b\n\n> c\n",
            "> - a\n>   > b\n> c\n\n- > d\n  e\n",
            ">\n>\n\n> \n",
            "> a\n>\n> b\n---\n",
            "| a | b |\n|---|--:|\n| 1 | 2 |\n",
            "a | b\n--|--\n1\n2 | 3 | 4\n\nafter\n",
            "text\n| a | b |\n|---|---|\n| 1 | 2 |\ntext\n",
            "| a |\n| - |\n| `x \\| y` |\n",
            "| a | b |\n|---|\n| no | table |\n",
            "- | a | b |\n  |---|---|\n  | 1 | 2 |\n- c\n",
            "# h\n## h2 ##\n### \n#nope\n####### seven\n",
            "# h\ntext\n# h\n",
            "a  \nb\\\nc\n",
            "**bold\nstill** *em `code*`\n",
            "~~struck~~ ~one~ ~~~\nfence\n",
            "<div>\n*text*\n</div>\n\n<b>x</b></kbd>\n",
            "&amp; &#x202e;spoof &#27;[31m &#0; &nbsp;|\n",
            "a\u2028b\u0085c\fd\n",
            "你好，世界。" * 30 + "\n",
            "👨\u200d👩\u200d👧 ❤\ufe0f 🇩🇪 1\ufe0f\u20e3 e\u0301\n" * 4,
            "x" * 700 + "\n\n" + "word " * 200 + "\n",
            "- [ ] task\n- [x] done\n- [l](u)\n- [l\n  m](u)\n",
            "![alt](i.png 'title') [t](<a b> \"q\") <mailto:a@b.c> <http://x>\n",
            "\r\nwindows\r\n\r\n- a\r\n- b\r\n",
            "a\n\u3000\nb\n\u00a0\n\nc\n",
            "- a\n\u3000\nb\n\n> c\n\u3000\nd\n",
            "\u3000\nb\n\n- \u3000\n\u2003\nc\n",
            "$$\nx\n\u3000\ny\n$$\n\n- $$\n\u3000\nz\n",
            "| a |\n|---|\n| b |\n\u3000\n| c |\n",
            "[a]: /u 'tit\n\u3000\nle'\n\n[a]\n",
            "[a]: /u 'tit\n#\u3000\nle'\n\n[a]\n",
            "\n\n\n  \n\t\ntext after nothing\n\n\n",
            "no line break at the end",
            "- a\n  ```\n  x\n  ```\n  1. b\n     - c\n\n       d\n  2. e\n",
            "[a]: /u\n\n[a] and [a][] and [x][a]\n",
            "[a]: /u 'tit\nle'\n\n[a]\n",
            "[a]:\n/u\n'title' junk\n\n[a]\n",
            "[c\\]]: /v\n'\n==\nle'\n",
            "[c\\]: /v\n'\n==\nle'\n",
            "[c\\\n]: /v\n'\n==\nle'\n",
            "[a]: /u 'never closed\n--\n\ntext\n",
            "[a]: /u 'tit\n--\nle'\n\n[a]\n",
            "[a\n--\nb]: /u\n\n[a\nb]\n",
            "> [a]: /u 't\n> --\n> le'\n>\n> [a]\n",
            "- [a]: /u 't\n  ==\n  le'\n\n- [a]\n",
            "[a]: /u 'tit\n- x\nle'\n\n[a]\n",
            "[a]: /u 'tit\n[b]: /v\n--\nle'\n\n[a] [b]\n",
            "> [a]: /u\n\n[a]\n\n- [b]: /v\n- [b]\n",
            "[a]: /u\n# [a]\n[b]: /v\n===\n[b]\n",
        ],
        1,
    )
]
# A definition that follows its use: the use is permanent already, and not a link.
LATE_DEFINITIONS = [
    Document(f"late {number}", source)
    for number, source in enumerate(
        [
            "[a]\n\n[a]: /u\n",
            "# see [a]\n\ntext\n\n[a]: /u 'title'\n",
            "- [x][a]\n- b\n\n[a]: /u\n",
            "> [a]\n\n[a]:\n/u\n",
            "![img][a]\n\n> [a]: /u\n",
            "| [a] |\n|-----|\n| b |\n\n[A]: <x y>\n",
            "[`Foo.f()`][] and [*b* `c`]\n\n[`Foo.f()`]: /f\n\n[*b* `c`]: /c\n",
            '`[a]`, then [a]\n\n\\[a] [b][a]\n\n[a]: /u "title"\n',
            "- [x] [a\\]b]\n\n[a\\]b]: /u\n[x]: /v\n",
            "# [**a** b](/w)\n\n[![`c`]][**a** b]\n\n[`c`]: /c.png\n[**a** b]: /u\n",
        ],
        1,
    )
]

WORDS = [
    "text", "- a", "- b", "  c", "    d", "* x", "1. one", "2. two", "10. ten", "> q", "> - qa",
    ">", "", "", "  - n", "    - nn", "```", "```py", "~~~", "x = 1", "---", "===", "***", "# h",
    "## h2 #", "| a | b |", "|---|--:|", "| 1 | 2 |", "a | b", "--|--", "[a]: /u", "[a]: /u 'tit",
    "le'", "[a]", "[x", "- [ ] t", "- [l](u)", "`code", "**b", "c**", "\\", "<div>", "</div>",
    "&#x202e;", "    code", "\tcode", "  ", "-", "+", "1.", "1)", "2) b", "> ```", "> x", "  ```",
    "[b]:", "/u2", "'t'", '"t', "foo [b] bar", "* * *", "- - -", "  > nq", "- > q", "* - k",
    "  1. k", "![i](u)", "1986. y", "- a\n\n  b", "=", "~~s~~", "٣. x", "你好", "é", "🎉",
    "a  ", "b\\", "````", "~~~ py", "   ```", "      x", "- ```", "  x = 2", "> > n", "#", "+ p",
    "`` a ` b ``", "3. ", "- ", ">   ", "\t- t", "|", "||", ":-:", "a" * 30, "你" * 25, "\u200b",
    "word " * 9, "def f(x): # y", '"""', "/* c", "*/", "\u3000", "\u3000 ", "\u00a0",
]  # fmt: skip
DEFINING = [
    "[a]: /u 'tit", "[a]: /u 'tit", "le'", "le'", "--", "==", "[a", "b]: /w",
    "[a]: /u", "[a]: /u 'tit", "le'", "'", "[b]: <x>", "[b]:", "/u2", '"t', 't"', "--", "==", "",
    "text", "[a]", "[a][b]", "> [a]: /q", "- [a]: /l", "  'k'", "# h", "```", "(t", "t)", "* x",
    "[a", "b]: /w", "[c\\]]: /v", "> ", "  [a]: /i", "    [a]: /code", "1. [b]: /n", "| [a] |",
    "|--|", "[^1]: foot", "\\[a]: /e", "[a]:/u \"t\" junk", "  ", "~~~",
]  # fmt: skip

GROWING = [  # tables and code, and what ends them, in containers too
    "| a | b |\n|---|--:|", "| a | b |\n|---|--:|", "- | a | b |\n  |---|---|", "| 1 | 2 |",
    "> | a | b |\n> |:-:|---|", "| 1 | 2 |", "  | 1 | 2 |", "> | 1 | 2 |", "1 | 2 | 3 | 4", "x",
    "| `a | b` | c |", "| [a] | [b]: /u |", "[a]: /u 'tit | b", "[b]: /v", "le'", "[x | y", "", "",
    "```py", "```", "  ```", "> ```", "- ```js", "  [", "[", "]", "    x = 1", "def f():",
    "> x = 1", "> [", "- b", "# h", "---", "===", "  y", "\t| t |", "| " + "word " * 9, "$$ | a",
    "~~~", "> - | a |\n>   |---|", ">   | 1 |", "text", "||", "| | |", "| a<br>b | \\[ x |",
]  # fmt: skip
# What models write besides: formulas, tasks, tags, footnotes, URLs, CJK emphasis, much nesting.
MODELS = [
    "$$", "$$", "\\[", "\\]", "$$ x", "x $$", "= d $$ so", "\\(a_1 * b\\)", "\\(a", "b\\)",
    "$x_i$ * $y_i$", "cost $5 and $6", "+ b", "- c", "= d", "\\begin{aligned}", "\\end{aligned}",
    "a &= b \\\\", "\\{x\\} \\\\", "text $$", "we get \\[", "\\] so *it*", "$$a$$", "> $$", "> \\]",
    "  $$", "- $$", "- $$ + b", "\\[1] t", "see \\[1\\]", "\\[t](u)", "`$$`", "$$ `", "$a", "b$ c",
    "- [ ] t", "- [x] **t**", "1. [X] t", "* [ ]", "- [x]", "  - [ ] n", "[x]: /done", "a<br>b",
    "<br>", "- c <br/>", "> q<BR />r", "<kbd>x</kbd>", "<!-- c", "d -->", "[^1]: foot",
    "see[^1] it", "[^n]", "    more", "**注意：**请", "~~删除~~，", "**「b」**c", "*重要。*后",
    "**강조(x)**는", "http://x.y/a_b_", "www.a.b, c", "__init__ __a b__", "[`f()`][]",
    "[`f()`]: /f 'title'",
    "| " + " | ".join(map(str, range(12))) + " |", "|" + "--|" * 12, "|$a$|b<br>c|", "|--|--|",
    ">" * 70 + " deep", "- " * 40 + "deep", "```", "```", "text", "", "", "", "# h", "===", "---",
    "\tcode\tx ", "\tx", "roses are red", "**Name:** x", "1. one", "  two", "| a |",
]  # fmt: skip


def random_document(rnd: random.Random, spliced: list[Document]) -> str:
    """Return a document of difficult lines, sometimes with a truncated example among them."""
    vocabulary, longest = rnd.choices(
        [(WORDS, 14), (MODELS, 12), ([*WORDS, *MODELS], 14), (DEFINING, 8), (GROWING, 16)],
        (3, 3, 1, 3, 2),
    )[0]
    lines = [rnd.choice(vocabulary) for _ in range(rnd.randint(1, longest))]
    if rnd.random() < 0.3:
        source = rnd.choice(spliced).source
        lines.insert(rnd.randint(0, len(lines)), source[: rnd.randint(1, len(source))])
    return "\n".join(lines) + ("\n" if rnd.random() < 0.8 else "")


# -- how a document arrives ------------------------------------------------------------------------


def by_character(source: str) -> Pieces:
    """Split into characters."""
    return list(source)


def at_random(rnd: random.Random, longest: int = 24) -> Callable[[str], Pieces]:
    """Return a function that splits into pieces of random lengths."""

    def cut(source: str) -> Pieces:
        pieces = []
        begin = 0
        while begin < len(source):
            end = begin + rnd.randint(1, longest)
            pieces.append(source[begin:end])
            begin = end
        return pieces

    return cut


def in_bytes(rnd: random.Random, longest: int = 5) -> Callable[[str], Pieces]:
    """Return a function that splits UTF-8 anywhere and decodes it incrementally."""

    def cut(source: str) -> Pieces:
        data, decoder = source.encode(), codecs.getincrementaldecoder("utf-8")()
        pieces = []
        begin = 0
        while begin < len(data):
            end = begin + rnd.randint(1, longest)
            pieces.append(decoder.decode(data[begin:end]))
            begin = end
        return [*pieces, decoder.decode(b"", final=True)]

    return cut


# -- rows -----------------------------------------------------------------------------------------


def layout_for(width: int) -> Layout:
    """Return a layout with all colors."""
    console = Console(width=width, force_terminal=True, color_system="truecolor", _environ={})
    return Layout(console, THEME)


def reference_rows(source: str, layout: Layout) -> list[Row]:
    """Return the rows of a complete document."""
    tokens = markdown_parser().parse(safe_text(source))
    leaves = leaves_of(tokens, THEME, follows_block=False)
    return [row for leaf in leaves for row in layout.rows(leaf)]


def definitions_of(source: str) -> dict[str, dict[str, object]]:
    """Return the link definitions of a document."""
    environment: dict[str, dict[str, dict[str, object]]] = {}
    markdown_parser().parse(safe_text(source), environment)
    return environment.get("references", {})


def new_answer(
    layout: Layout,
    definitions: dict[str, dict[str, object]],
    interrupts: Interrupts | None = None,
) -> StreamedAnswer:
    """Return an empty answer that has these definitions from the start."""
    answer = StreamedAnswer(layout, THEME, interrupts)
    answer._blocks._definitions.add(definitions, {})
    return answer


def streamed_rows(
    pieces: Pieces,
    layout: Layout,
    max_tail_rows: int,
    definitions: dict[str, dict[str, object]] | None = None,
) -> list[Row]:
    """Return the permanent rows, with a frame after each piece."""
    answer = new_answer(layout, definitions or {})
    sanitizer = Sanitizer()
    rows: list[Row] = []
    for piece in pieces:
        answer.feed(sanitizer.feed(piece))
        rows += answer.frame(max_tail_rows).permanent
    answer.feed(sanitizer.end())
    return rows + answer.end()


def differences(wanted: list[Row], found: list[Row]) -> Iterator[str]:
    """Yield the rows that differ, as a diff."""
    for index in range(max(len(wanted), len(found))):
        one, two = wanted[index : index + 1], found[index : index + 1]
        if one != two:
            yield from (f"row {index + 1} - {row.text!r}" for row in one)
            yield from (f"row {index + 1} + {row.text!r}" for row in two)
