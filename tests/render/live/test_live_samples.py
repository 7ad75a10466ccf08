"""Emphasis in CJK text, formulas, lines, tasks, tags, footnotes, URLs and names in answers."""

from __future__ import annotations

import random
import re
import time
from itertools import pairwise

from rich.cells import cell_len

from newapi_cli.render.live.layout import Row
from newapi_cli.render.live.markdown import markdown_parser
from newapi_cli.render.live.wrapping import paragraph_breaks
from tests.render.live.documents import (
    definitions_of,
    differences,
    layout_for,
    reference_rows,
    streamed_rows,
)
from tests.render.live.samples import EMPHASIS, FORMULAS, SAMPLES, Emphasis, random_formulas
from tests.render.live.screens import Screen
from tests.render.live.test_live_exactness import CUTS
from tests.render.live.test_live_painter import assert_painted_as_printed
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

WIDTHS = (24, 80, 140)
SGR = re.compile(r"\x1b\[([\d;]*)m")
BOLD, DIM, ITALIC, UNDERLINE, STRUCK, MAGENTA, GREEN = "1", "2", "3", "4", "9", "35", "32"


def parts(row: Row) -> list[tuple[str, set[str]]]:
    """Return the parts of a row with the numbers of their styles."""
    pieces = SGR.split(row.text)
    return [(pieces[0], set())] + [
        (text, set(numbers.split(";")))
        for numbers, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def spans(source: str, number: str, width: int = 80) -> list[str]:
    """Return the runs of text with a style, in order, without the marks of lists."""
    found: list[str] = []
    for row in reference_rows(source, layout_for(width)):
        run = ""
        for text, numbers in [*parts(row), ("", {"end"})]:
            if number in numbers:
                run += text
            elif run and (text or "end" in numbers):
                found.append(run.strip())
                run = ""
    return [text for span in found if (text := span.removeprefix("• "))]


def plain(source: str, width: int = 80) -> list[str]:
    return [SGR.sub("", row.text) for row in reference_rows(source, layout_for(width))]


# -- streams --------------------------------------------------------------------------------------


@each(("width", "cut"), zip(WIDTHS, ["characters", "small pieces", "bytes"], strict=True))
def test_streamed_samples_equal_complete_ones(width: int, cut: str) -> None:
    layout = layout_for(width)
    for document in SAMPLES:
        wanted = reference_rows(document.source, layout)
        pieces = CUTS[cut](width)(document.source)
        rows = streamed_rows(pieces, layout, 10, definitions_of(document.source))
        assert rows == wanted, "\n".join([document.source, *differences(wanted, rows)])


@each("width", WIDTHS)
def test_painted_samples_equal_printed_ones(width: int) -> None:
    rnd = random.Random(SEED)
    for document in SAMPLES:
        assert_painted_as_printed(document.source, rnd, (width, 8), Screen)


# -- emphasis in CJK text -------------------------------------------------------------------------


@each("sample", EMPHASIS, ids=lambda sample: sample.source)
def test_emphasis_is_where_people_mean_it(sample: Emphasis) -> None:
    assert spans(sample.source, BOLD) == list(sample.bold)
    assert spans(sample.source, ITALIC) == list(sample.italic)
    assert spans(sample.source, STRUCK) == list(sample.struck)


def test_there_are_enough_samples() -> None:
    assert len(EMPHASIS) >= 40
    assert len(FORMULAS) >= 20


# -- formulas -------------------------------------------------------------------------------------


def cells(source: str, width: int) -> str:
    """Return the cells of a screen on which a text is streamed and painted, joined."""
    layout = layout_for(width)
    screen = Screen(width, 24)
    screen.write("".join(f"{row.text}\n" for row in streamed_rows([source], layout, 10)))
    return "".join(cell.data for row in screen.all_rows() for cell in row)


@each("width", [20, 80, 140])
def test_the_cells_of_a_formula_are_its_source(width: int) -> None:
    for formula in random_formulas(random.Random(SEED), 200):
        text = cells(f"We *get*\n\n{formula}\n\nand so on.\n", width)
        missing = [line for line in formula.split("\n") if line not in text]
        assert missing == [], (formula, REPEAT)


@each(
    "place", ["We get {} so *it* holds.", "- {}", "> {}", "1. a\n   - {}", "# {}", "**a** {} *b*"]
)
def test_a_formula_is_shown_as_it_was_written_in_any_place(place: str) -> None:
    formulas = random_formulas(random.Random(SEED), scaled(60, 2000))
    for formula in (formula for formula in formulas if "\n" not in formula):
        assert formula in cells(place.format(formula) + "\n", 200), (formula, REPEAT)


@each(
    ("source", "wanted"),
    [
        ("cost $5 and $6", []),
        ("$5-$10, (≈$3), US$5 or A$", []),
        ('$HOME and $PATH, $HOME/$PATH, "$HOME" "$PATH"', []),
        ("**$HOME** and **$PATH**", []),
        (r"\$5 and \$6", []),
        ("A$AP Rocky and Ke$ha", []),
        ("`$x` and y$, $x and `y$`", []),
        ("$ x $ and $x $y", []),
        ("the $n$th and $x$s, 设$x_1$为", ["$n$", "$x$", "$x_1$"]),
        ("$a$b $f(x)$, $x$.", ["$a$", "$f(x)$", "$x$"]),
        (r"$a \$ b$ and $\text{$c$}$", [r"$a \$ b$", "$c$"]),
        ("$a ** b$ $V^{**}$", ["$a ** b$", "$V^{**}$"]),
        (r"see \[1\], \[2, 3\] and [\[4\]](/u)", []),
        (r"\[1] Title, \[t](u) \( \) \[ \]", []),
        (r"\[ x \in ]0, 1[ \] \[y \in (0, 1]\]", [r"\[ x \in ]0, 1[ \]", r"\[y \in (0, 1]\]"]),
        (r"\(a\) \(1\) \[b\]", [r"\(a\)", r"\(1\)", r"\[b\]"]),
        ("$$a$$ b $$ c_1 * d_1 $$.", ["$$a$$", "$$ c_1 * d_1 $$"]),
        (r"\begin{a}b\end{a} \begin{b}\begin{b}\end{b}", [r"\begin{a}b\end{a}"]),
        ("| $P(A|B)$ | b |\n|---|---|\n| $\\|x\\|$ | $5 |", ["$P(A|B)$", "$\\|x\\|$"]),
        ("|$A|$B|\n|--|--|\n|$1|$c|", []),
        ("H$_2$SO$_4$ 和 CO$_2$，x$^2$y，5$和10$，A$和B$", ["$_2$", "$_4$", "$_2$", "$^2$"]),
        ("变量$var1和$var2的，$A_B$C_D，awk '{print $1, $2}' 与 's/a$/b/'", []),
        (
            r"设$\{x\}$为$\text{速度}$的，$速度$与$k$近邻",
            [r"$\{x\}$", r"$\text{速度}$", "$速度$", "$k$"],
        ),
        ("never $closed and \\(closed", []),
    ],
)
def test_what_is_a_formula(source: str, wanted: list[str]) -> None:
    assert spans(source, MAGENTA) == wanted


def test_a_formula_is_wrapped_as_one_word() -> None:
    assert plain("word word $a + b + c$ word", 20) == ["word word", "$a + b + c$ word"]
    assert plain(r"x \(a = b\), y", 11) == ["x", r"\(a = b\),", "y"]


# -- paths and targets ----------------------------------------------------------------------------


@each(
    ("source", "wanted"),
    [
        (r"C:\Users\me\*.txt 和 D:\*.log", r"C:\Users\me\*.txt 和 D:\*.log"),
        (r"在C:\_work\.git\_x_y下", r"在C:\_work\.git\_x_y下"),
        (r"\\server\share_a\_b 和 \\10.0.0.1\c$", r"\\server\share_a\_b 和 \\10.0.0.1\c$"),
        (r"**C:\temp\**目录", r"C:\temp\目录"),
        (
            r"A:\_\_ B:\$5 C:\-3 D:\(x\) e:\\ \_a\_ Time:\_x",
            r"A:__ B:$5 C:-3 D:\(x\) e:\ _a_ Time:_x",
        ),
        ("[中](https://a.b/中国?q=文)", "中 (https://a.b/中国?q=文)"),
        ("<https://a.b/中_文_>", "https://a.b/中_文_"),
        ("[a](图/一.png '题')![b](./图_1_.png)", "a (图/一.png, 题)b (./图_1_.png)"),
        ("[a](<b c>) [d](e%20%E4) [f](C:\\g)", "a (b%20c) d (e%20%E4) f (C:\\g)"),
        (
            "[a](https://例え.jp/テ) [b](//аpple.com)",
            "a (https://xn--r8jz45g.jp/テ) b (//xn--pple-43d.com)",
        ),
        ("[a](/b\u200bc&#x202e;d&#10;e)", "a (/b%E2%80%8Bc%E2%80%AEd%0Ae)"),
    ],
)
def test_paths_and_targets_are_shown_as_they_were_written(source: str, wanted: str) -> None:
    assert plain(source, 120) == [wanted]


def test_what_a_lexer_does_not_know_is_shown_like_other_code() -> None:
    assert spans("```python\n打印（“你好”）？\n```", UNDERLINE) == []
    assert spans("```python\n打印（“你好”）？\n```", "31") == []


@each(
    ("source", "wanted", "italic"),
    [
        ("https://a.b/*/c、http://d.e/*/f?x=*y*&z", "https://a.b/*/c、http://d.e/*/f?x=*y*&z", []),
        (
            "*https://g.h/i*。*见http://g.h/*中*强*",
            "https://g.h/i。见http://g.h/中强",
            ["https://g.h/i", "见http://g.h/", "强"],
        ),
        ("**https://j.k/l**m", "https://j.k/lm", []),
    ],
)
def test_asterisks_in_urls(source: str, wanted: str, italic: list[str]) -> None:
    assert plain(source) == [wanted]
    assert spans(source, ITALIC) == italic


# -- lines in Chinese and Japanese ---------------------------------------------------------------


@each(
    ("source", "wanted"),
    [
        ("我们可以用json.loads()解析", ["我们可以用", "json.loads()解析"]),
        ("这里有七个字，然后继续。", ["这里有七个字，然", "后继续。"]),
        ("这里有八个字了，然后继续", ["这里有八个字了，", "然后继续"]),
        ("这里有八个字了啊，然后。", ["这里有八个字了", "啊，然后。"]),
        ("这里有八个字（括号）", ["这里有八个字（括", "号）"]),
        ("这里有七个字是“引号”", ["这里有七个字是", "“引号”"]),
        ("他说 Hello 世界很大，是的", ["他说 Hello 世界", "很大，是的"]),
        (
            "见https://a.b/c。再见https://d.e/f！",
            ["见", "https://a.b/c。", "再见", "https://d.e/f！"],
        ),
        ("**加粗**的`code_name`文字", ["加粗的code_name", "文字"]),
        ("设公式$a+b$等于$c + d$的值", ["设公式$a+b$等于", "$c + d$的值"]),
        ("这是internationalization的", ["这是", "internationaliza", "tion的"]),
        ("カタカナ（括弧）です。か\u3099き\u3099", ["カタカナ（括弧）", "です。か\u3099き\u3099"]),
        ("　　缩进的段落很长很长", ["　　缩进的段落很", "长很长"]),
        ("甲" * 20, ["甲" * 8, "甲" * 8, "甲" * 4]),
        ("（" * 10, ["（" * 8, "（" * 2]),
        ("한국어는 띄어쓰기가 있다", ["한국어는", "띄어쓰기가 있다"]),
    ],
)
def test_where_a_line_is_wrapped(source: str, wanted: list[str]) -> None:
    assert plain(source, 16) == wanted


@each(
    ("source", "wanted"),
    [
        ("a `b\nc` d", ["a b", "c d"]),
        ("代码：```py\nx = 1\n  y = 2```\n后", ["代码：py", "x = 1", "  y = 2", "后"]),
        ("` a\nb ` ``\nc\n`` `d `", ["a", "b c d"]),
        ("> - `a\n>   b` `never\n>   closed", ["▌  • a", "▌    b `never", "▌    closed"]),
    ],
)
def test_line_breaks_in_code_in_text_are_kept(source: str, wanted: list[str]) -> None:
    assert plain(source) == wanted


def test_wide_blanks_at_the_begin_of_a_paragraph_are_kept() -> None:
    source = "　　第一段\n　　第二行\n\n- 　　项\n\n> 　　引用\n\n　　**第二段**\n\n> - 　　项\n"
    indent = "　　"
    assert plain(source) == [
        f"{indent}第一段", f"{indent}第二行", "", f" • {indent}项", "", f"▌ {indent}引用", "",
        f"{indent}第二段", "", f"▌  • {indent}项",
    ]  # fmt: skip


def test_no_wrapped_line_exceeds_the_width() -> None:
    rnd = random.Random(SEED)
    for _ in range(scaled(300, 20_000)):
        text = "".join(
            rnd.choices("人工（）“”。，！a bc12.;()[]-/\u3000😀e\u0301…ーｱ￥한\u200b ", k=50)
        )
        width = rnd.randint(4, 30)
        bounds = [0, *paragraph_breaks(text, width), len(text)]
        lines = [text[begin:end] for begin, end in pairwise(bounds)]
        assert all(lines), (text, width, REPEAT)
        assert max(cell_len(line.rstrip()) for line in lines) <= width, (text, width, REPEAT)


UNCLOSED = [
    r"\(a \[b $c \begin{d} $$e ", r"\(", r"\[ a \\] ", "$a ", "$$a ", "**$a**b ", "$`", "<!-- ",
    "<a ", "http://a ", "http://a.b/((", "https://a.b/" + ")" * 9, "__a", "[^a", "**注：",
    "text $$\n", "- a \\[\n",
]  # fmt: skip


@each("source", UNCLOSED)
def test_what_is_never_closed_takes_linear_time(source: str) -> None:
    parser = markdown_parser()
    seconds = []
    for size in (1_000, 8_000):
        began = time.process_time()
        parser.parse(source * (size // len(source)))
        seconds.append(time.process_time() - began)
    assert seconds[1] <= 20 * seconds[0] + 0.1, "8 times as much text"
