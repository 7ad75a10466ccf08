"""The rows and styles of each kind of block."""

from __future__ import annotations

import re

import pytest
from rich.console import Console
from rich.style import Style

from newapi_cli.errors import ConfigError
from newapi_cli.render.live.layout import Layout, Row
from newapi_cli.render.live.leaves import leaves_of
from newapi_cli.render.live.markdown import markdown_parser
from newapi_cli.render.live.theme import theme_named
from tests.render.live.documents import layout_for, reference_rows, streamed_rows
from tests.support.cases import each

WIDTH = 30
COLORS = re.compile(r"\x1b\[([\d;]*)m")
BOLD, DIM, ITALIC, UNDERLINE, STRUCK = "1", "2", "3", "4", "9"

TEXTS: dict[str, tuple[str, list[str]]] = {
    "nothing": ("", []),
    "words": ("one two three four five six seven\n", ["one two three four five six", "seven"]),
    "a long word": ("x" * 50, ["x" * 30, "x" * 20]),
    "wide characters": ("你好世界" * 5, ["你好世界" * 3 + "你好世", "界你好世界"]),
    "line breaks": ("a  \nb\\\nc\nd", ["a", "b", "c", "d"]),
    "headings": ("# A\n## B\n\nC\n===", ["A", "", "B", "", "C"]),
    "a rule": ("a\n\n---", ["a", "", "─" * 30]),
    "bullets": ("- a\n- b\n  - c\n    - d", [" • a", " • b", "    ◦ c", "       ▪ d"]),
    "numbers": ("9. a\n10. b\n100. c", [" 9. a", "10. b", "11. c"]),
    "a large number": ("100. a\n\n     more", ["100. a", "", "     more"]),
    "a loose list": ("- a\n\n  more\n- b", [" • a", "", "   more", " • b"]),
    "an empty item": ("-\n- b", [" •", " • b"]),
    "a poem": ("Roses are red,\nViolets are blue", ["Roses are red,", "Violets are blue"]),
    "an address": ("> 1 Way\n> Town\n\n1. A\n   B", ["▌ 1 Way", "▌ Town", "", " 1. A", "    B"]),
    "pairs": ("- **Name:** x\n  **City:** y\nz", [" • Name: x", "   City: y", "   z"]),
    "Chinese lines": ("床前明月光\n疑是地上霜", ["床前明月光", "疑是地上霜"]),
    "a wrapped line": ("a\n" + "word " * 7 + "\nb", ["a", "word " * 5 + "word", "word", "b"]),
    "tasks": ("- [ ] a\n- [x] b\n* [X] c", [" [ ] a", " [x] b", "", " [X] c"]),
    "tasks in lists": ("1. [x] a\n   b\n- [ ] `c`", [" 1. [x] a", "        b", "", " [ ] c"]),
    "no tasks": ("- [ ]\n- [x](u)\n- \\[ ] b", [" • [ ]", " • x (u)", " • [ ] b"]),
    "breaks": ("a<br>b<br/>\nc <BR /> d<br>", ["a", "b", "c", "d"]),
    "breaks in blocks": ("> a<br>b\n- c</br>d\n# e", ["▌ a", "▌ b", "", " • c", "   d", "", "e"]),
    "two breaks": ("a<br><br>b", ["a", "", "b"]),
    "no breaks": ("`a<br>b` &lt;br> \\<br> <brx>", ["a<br>b <br> <br> <brx>"]),
    "breaks in a table": ("|a|\n|-|\n|b<br>c|", ["a", "─", "b", "c"]),
    "footnotes": ("a[^1]\n\n[^1]: *b*\n[^x]: c", ["a[^1]", "", "[^1]: b", "[^x]: c"]),
    "tags": ("<p a='_b_'>\n*c* <!-- *d*\ne -->", ["<p a='_b_'>", "c <!-- *d*", "e -->"]),
    "special names": ("__init__.py __a__ a.__b__ __c_d__", ["__init__.py a a.__b__ __c_d__"]),
    "bare URLs": ("http://x/_a_, (www.y.z/b_(c)).", ["http://x/_a_, (www.y.z/b_(c))."]),
    "a formula in lines": ("$$\na \\\\\n+ b\n$$\nc", ["$$", "a \\\\", "+ b", "$$", "", "c"]),
    "a formula in a list": ("- a\n  $$\n   + b\n  $$", [" • a", "", "   $$", "    + b", "   $$"]),
    "a formula in a line": ("a \\[\n- b\n\\] *c*\n- d", ["a \\[", "- b", "\\] c", "", " • d"]),
    "a formula without an end": ("$$\n- a\n\n*b*", ["$$", "- a", "", "b"]),
    "a formula before code": ("$$ a\n```\nb\n```", ["$$ a", "", "b"]),
    "an item of rows": (
        "- " + "word " * 9,
        [" • word word word word word", "   word word word word"],
    ),
    "a quote": ("> q\n>\n> more\n\nafter", ["▌ q", "▌", "▌ more", "", "after"]),
    "a quote in a quote": ("> q\n> > r", ["▌ q", "▌", "▌ ▌ r"]),
    "a list in a quote": ("> - a\n>\n>   b", ["▌  • a", "▌", "▌    b"]),
    "a quote in a list": ("- > q\n  > r", [" • ▌ q", "   ▌ r"]),
    "code": ("```\na\n\n  b  \n```\nc", ["a", "", "  b  ", "", "c"]),
    "indented code": ("    a\n\n     b", ["a", "", " b"]),
    "code in a list": ("- a\n  ```\n  b\n  ```", [" • a", "", "   b"]),
    "long code stays one line": ("```\n" + "x" * 70 + "\n```", ["x" * 70]),
    "tabs": ("```\n\ta\tb\n```", ["\ta\tb"]),
    "a table": (
        "| a | b |\n|:--|--:|\n| 1 | 22 |\n| words | x |",
        ["a       b", "─────  ──", "1      22", "words   x"],
    ),
    "tags are text": ("<b>x</b> <div> &amp; &lt;", ["<b>x</b> <div> & <"]),
    "a link": ("[t](http://x/y)", ["t (http://x/y)"]),
    "a title": ("[t](/u 'T') [a]\n\n[a]: /v 'V'", ["t (/u, T) a (/v, V)"]),
    "a link that shows its target": ("<http://x> <m@x.y>", ["http://x m@x.y"]),
    "a link that shows another": ("[http://bank](http://evil)", ["http://bank (http://evil)"]),
    "a link that is none": ("[x](javascript:alert(1))", ["[x](javascript:alert(1))"]),
    "an image": ("![a](i.png) ![](j.png 'T')", ["a (i.png) image (j.png, T)"]),
    "a definition": ("[a]: /u\n\n[a]", ["a (/u)"]),
    "escapes": ("\\*no\\* `` a`b ``", ["*no* a`b"]),
}


def plain(row: Row) -> str:
    return COLORS.sub("", row.text)


def styles(source: str, width: int = WIDTH) -> dict[str, set[str]]:
    """Return each styled part of the rows with the numbers of its style."""
    found = {}
    for row in reference_rows(source, layout_for(width)):
        parts = COLORS.split(row.text)
        for numbers, text in zip(parts[1::2], parts[2::2], strict=True):
            if numbers != "0":
                found[text.strip()] = set(numbers.split(";"))
    return found


@each(("source", "wanted"), TEXTS.values(), ids=TEXTS)
def test_the_rows_of_a_block(source: str, wanted: list[str]) -> None:
    rows = reference_rows(source, layout_for(WIDTH))
    assert [plain(row) for row in rows] == wanted


@each("source", [source for source, _ in TEXTS.values()], ids=TEXTS)
@each("width", [10, 30, 80])
def test_a_row_has_its_width_and_no_trailing_blanks(source: str, width: int) -> None:
    for row in reference_rows(source, layout_for(width)):
        text = plain(row)
        wide = sum("\u4e00" <= character <= "\u9fff" for character in text)
        assert row.width == len(text.expandtabs(8)) + wide
        assert text == text.rstrip() or source.startswith("```")  # code is copied as it is
        assert row.width <= width or source.startswith("```")  # code is not wrapped
        if row.text != text:
            assert row.text.endswith("\x1b[0m") or text.endswith(row.text.rsplit("m", 1)[1])


@each(
    ("source", "piece", "wanted"),
    [
        ("**x**", "x", {BOLD}),
        ("*x*", "x", {ITALIC}),
        ("~~x~~", "x", {STRUCK}),
        ("***x***", "x", {BOLD, ITALIC}),
        ("# x", "x", {BOLD, UNDERLINE}),
        ("## x", "x", {BOLD}),
        ("### *x*", "x", {BOLD, ITALIC}),
        ("- x", "•", {BOLD}),
        ("> x", "▌", {DIM}),
        ("---", "─" * WIDTH, {DIM}),
        ("[x](/u)", "x", {UNDERLINE}),
        ("[x](/u)", "(/u)", {DIM}),
        ("| x |\n|---|\n| y |", "x", {BOLD}),
        ("- [ ] x", "[ ]", {DIM}),
        ("x[^1]", "[^1]", {DIM}),
        ("<b>x</b>", "<b>", {DIM}),
        ("http://x/y.", "http://x/y", {UNDERLINE}),
        ("a (www.x.y) b", "www.x.y", {UNDERLINE}),
        ("访问https://x.y/路。或", "https://x.y/路", {UNDERLINE}),
        ("[![x](i)](/u)", "x", {UNDERLINE}),
        ("[![x](i)](/u)", "(i)", {DIM}),
        ("[![x](i)](/u)", "(/u)", {DIM}),
    ],
)
def test_styles_need_no_colors(source: str, piece: str, wanted: set[str]) -> None:
    assert styles(source)[piece] == wanted


@each("source", ["[{}](/u)", "[![{}](/i)](/u)", "# {}", "~~{}~~", "http://x/y?{}"])
def test_underlines_end_with_the_words_of_a_row(source: str) -> None:
    text = source.format("some long text that needs more than one row")
    for row in reference_rows(text, layout_for(20)):
        parts = COLORS.split(row.text)
        styled = zip(parts[1::2], parts[2::2], strict=True)
        shown = [text for numbers, text in styled if {UNDERLINE, STRUCK} & {*numbers.split(";")}]
        assert shown == [text.strip() for text in shown], row


def test_a_formula_and_a_finished_task_have_a_color() -> None:
    assert styles("a $x$ \\(y\\)") == {"$x$": {"35"}, "\\(y\\)": {"35"}}
    assert styles("- [x] y")["[x]"] == {"32"}
    for name in ("dark", "light"):
        theme = theme_named(name)
        colors = (theme.math.color, theme.good.color, theme.faint.color)
        assert None not in colors
        assert theme.target == theme.rule == theme.quote == theme.faint


@each("depth", [29, 30, 31, 70])
@each("marker", ["> ", "- ", "1. ", "> - "])
def test_what_is_nested_too_deeply_is_shown_as_its_source(marker: str, depth: int) -> None:
    source = f"{marker * depth}one **two**\n\n{marker * depth}```\n\nafter\n"
    layout = layout_for(1000)
    rows = reference_rows(source, layout)
    assert streamed_rows(source.splitlines(keepends=True), layout, 10) == rows
    shown = plain(rows[0])
    levels = sum(shown.count(mark) for mark in ("▌ ", " • ", " ◦ ", " ▪ ", " 1. "))
    levels += shown.count(marker.strip())
    assert levels >= depth, shown
    assert shown.endswith(("one two", "one **two**"))
    assert plain(rows[-1]) == "after"


def test_a_line_is_truncated_and_a_paragraph_wrapped() -> None:
    layout = layout_for(10)
    line = layout.line("twelve words", Style(dim=True))
    assert (plain(line), line.width) == ("twelve wo…", 10)
    assert line.text.startswith("\x1b[2m")
    rows = layout.paragraph("two words\nand more words", Style(dim=True))
    assert [plain(row) for row in rows] == ["two words", "and more", "words"]
    assert all(row.text.startswith("\x1b[2m") for row in rows)


# -- themes ---------------------------------------------------------------------------------------

CODE = "```python\ndef f(x):  # comment\n    return 'text'\n```\n\n`code`"


def colors_of(name: str, style: str = "", *, no_color: bool = False) -> list[str]:
    """Return the sequences in some code in a theme."""
    theme = theme_named(name, style)
    console = Console(
        width=80, force_terminal=True, color_system="truecolor", no_color=no_color, _environ={}
    )
    layout = Layout(console, theme)
    leaves = leaves_of(markdown_parser().parse(CODE), theme, follows_block=False)
    rows = [row for leaf in leaves for row in layout.rows(leaf)]
    assert "def f(x):  # comment" in "\n".join(map(plain, rows))
    return COLORS.findall("".join(row.text for row in rows))


def test_the_default_theme_has_the_terminals_own_colors() -> None:
    found = colors_of("ansi")
    assert found
    assert not any(numbers.startswith(("38", "48")) for numbers in found)


@pytest.mark.parametrize(("name", "style"), [("dark", ""), ("light", ""), ("ansi", "monokai")])
def test_other_themes_have_their_own_colors(name: str, style: str) -> None:
    found = colors_of(name, style)
    assert any("38;2" in numbers for numbers in found)
    assert found != colors_of("ansi")


def test_without_colors_no_theme_has_any() -> None:
    for name in ("ansi", "dark", "light"):
        for numbers in colors_of(name, no_color=True):
            assert set(numbers.split(";")) <= {"", "0", BOLD, DIM, ITALIC, UNDERLINE}, name


def test_an_unknown_style_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        theme_named("ansi", "nonsense")
