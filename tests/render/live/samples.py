"""Markdown as models write it in Chinese, Japanese and Korean, and with formulas."""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.render.live.documents import Document


class Emphasis(NamedTuple):
    """A text, and what of it is bold, italic or struck, as people mean it."""

    source: str
    bold: tuple[str, ...] = ()
    italic: tuple[str, ...] = ()
    struck: tuple[str, ...] = ()


CHINESE = [
    Emphasis("**注意：**请先备份。", ("注意：",)),
    Emphasis("**名称：****值。**后****甲****乙", ("名称：值。", "甲")),
    Emphasis("这是**“重点”**内容", ("“重点”",)),
    Emphasis("**价格（元）**为5元", ("价格（元）",)),
    Emphasis("**价格（元）**5元", ("价格（元）",)),
    Emphasis("**价格(元)**5元", ("价格(元)",)),
    Emphasis("**价格：**$5", ("价格：",)),
    Emphasis("**《红楼梦》**是小说", ("《红楼梦》",)),
    Emphasis("他说**“好”**。", ("“好”",)),
    Emphasis("他说**“好”**5次", ("“好”",)),
    Emphasis("**100%**的人", ("100%",)),
    Emphasis("使用**`npm install`**安装", ("npm install",)),
    Emphasis("`npm`**安装：**后", ("安装：",)),
    Emphasis("见**[文档](u)**的说明", ("文档 (u)",)),
    Emphasis("**重点**，**难点**。", ("重点", "难点")),
    Emphasis("（**注**）【**框**】", ("注", "框")),
    Emphasis("*重要。*后面", (), ("重要。",)),
    Emphasis("*斜体（注）*后", (), ("斜体（注）",)),
    Emphasis("***注意：***请", ("注意：",), ("注意：",)),
    Emphasis("*重要。**很重要。***后", ("很重要。",), ("重要。很重要。",)),
    Emphasis("**第一步：打开*设置。*然后**完成", ("第一步：打开设置。然后",), ("设置。",)),
    Emphasis("~~删除~~，保留", struck=("删除",)),
    Emphasis("~~删除。~~后", struck=("删除。",)),
    Emphasis("**完成✅**请继续", ("完成✅",)),
    Emphasis("——**重点**——", ("重点",)),
    Emphasis("繁體**「重點」**與**注意！**請", ("「重點」", "注意！")),
    Emphasis("- **名称：**值", ("名称：",)),
    Emphasis("> **引用：**文", ("引用：",)),
    Emphasis("__重要__的，这是__「重点」__和__注意：__请", ("重要", "「重点」", "注意：")),
    Emphasis("2**3是8，2**10是1024；3*4*5等于60，**不是**50", ("不是",)),
    Emphasis("**步骤1**2个，**共3**4和*强调*5*6", ("步骤1", "共3"), ("强调",)),
    Emphasis("| **表头：**甲 |\n|---|\n| **值。**乙 |", ("表头：甲", "值。")),
]
JAPANESE = [
    Emphasis("これは**「重要」**な話です。", ("「重要」",)),
    Emphasis("**注意。**次に進む", ("注意。",)),
    Emphasis("**※注**は", ("※注",)),
    Emphasis("**（例）**を見る", ("（例）",)),
    Emphasis("**カタカナ、**ひらがな", ("カタカナ、",)),
    Emphasis("*「引用」*です", (), ("「引用」",)),
    Emphasis("**ﾊﾝｶｸ｡**です", ("ﾊﾝｶｸ｡",)),
    Emphasis("~~古い。~~新しい", struck=("古い。",)),
]
KOREAN = [
    Emphasis("**한국어(괄호)**는", ("한국어(괄호)",)),
    Emphasis("한국어는 **강조(emphasis)**입니다.", ("강조(emphasis)",)),
    Emphasis('**"인용"**이라고', ('"인용"',)),
    Emphasis("**중요!**합니다", ("중요!",)),
    Emphasis("**100%**를", ("100%",)),
    Emphasis("**C++**은", ("C++",)),
    Emphasis("*강조.*는", (), ("강조.",)),
    Emphasis("~~취소(x)~~는", struck=("취소(x)",)),
]
MIXED = [
    Emphasis("Python**“装饰器”**语法", ("“装饰器”",)),
    Emphasis("**API（接口）**is here", ("API（接口）",)),
    Emphasis("iPhone**「最新」**です", ("「最新」",)),
    Emphasis("**你好，世界！**Hello", ("你好，世界！",)),
    Emphasis("**Step 1：**run", ("Step 1：",)),
    Emphasis("**公式：**$x_1$是", ("公式：",)),
    Emphasis("中文**`npm`**v8、x**`a`**b、**设$x$**API", ("npm", "a", "设$x$")),
    Emphasis("中文**[API](u)**v8、x**[中](u)**b", ("API (u)", "中 (u)")),
    Emphasis(
        "~~**注意：**~~b **~~“中”~~**c ***重：*中：**d",
        ("注意：", "“中”", "重：中："),
        ("重：",),
        ("注意：", "“中”"),
    ),
    Emphasis("版本3.0**（重要）**更新", ("（重要）",)),
    Emphasis("文件 a__数据__b、数据__b__c、__init__方法、数据_备份_表"),
    Emphasis("变量 file_name_a 和 __init__ 与 a_重要_b"),
    # As in CommonMark: nothing here belongs to CJK text.
    Emphasis('a**"foo"**b 中文'),
    Emphasis("中文 2 * 3 * 4 和 ** 不 ** 是"),
]
EMPHASIS = [*CHINESE, *JAPANESE, *KOREAN, *MIXED]

FORMULAS = [
    r"Inline \(a_1 * b_1 * c\) and \[ x_1 * y_1 * z \] and $x_i * y_i$ with $$\frac{a}{b} \\ c$$.",
    "\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n",
    "Then:\n\n$$\na \\\\\n+ b\n- c\n= d\n$$\n\nand *so* on.\n",
    "Text\n\\[\n+ x_1 * y_1 * z\n\\]\ntext\n",
    "We get \\[\n+ b_1 * c_1\n- d\n===\n\\] so *it* holds.\n- next\n",
    "It is $$x\n# y\n> z$$ where **x** is $y$.\n\n---\n",
    "1. Solve:\n   \\[\n   x = \\frac{-b}{2a}\n   \\]\n2. Done\n",
    "> 设\n> $$\n> + x\n> $$\n> 则 $x_1$ 为\n",
    "- $a_1 * b$\n  - $$\n    - c\n    $$\n  - d\n",
    "| f | P |\n|---|---|\n| $x_1 * y_1$ | $P(A|B)$ |\n| \\(a_1*b_1\\) | $\\|x\\|$ |\n",
    "# The $x_1 * y_1$ of \\(z_1 * a_1\\)\n",
    "cost $5 and $6, $HOME and $PATH, \\$7 and \\$8, $HOME/$PATH, US$5 or A$\n",
    "$$\nnever closed\n+ a\n\ntext *em*\n",
    "never \\(closed_1 * a_1 and $$x\n- y\n\ntext\n",
    "\\[1] Title\n\\[2\\] and \\[a\\] and [\\[1\\]](/u)\n",
    "$$ is the PID\n```sh\necho $$\n```\n",
    "`$x_1` and $y `z$` and $a$b $n$th Ke$ha, A$AP\n",
    "$$a$$\n$$b$$\n$$c$$ d\n$$\ne\n$$ f\n",
    "\\begin{cases} a & b \\\\\n\\begin{cases} c \\end{cases} \\\\\n+ d \\end{cases}\n",
    "$$" + "x + " * 60 + "y$$ and $" + "z + " * 60 + "y$\n",
    "\\[\n\tx\t= 1\n\n\\]\n",
    "**\\(x\\)是** *$y$* ~~$$z$$~~ [$a_1$](/u) ![$b$](/i)\n",
]
OTHERS = [
    "- [ ] a\n- [x] **b**\n  - [X] c\n* [ ] `d`\n1. [ ] e\n2. [x] f\n- [ ]\n- [x](u)\n- \\[ ] g\n",
    "a<br>b <br/> c<BR />\nd `<br>` &lt;br&gt;\n\n- e<br>f\n> g<br>h\n# i<br>j\n",
    "https://a.b/*/c 和 https://d.e/*/f?x=*y*&z *https://g.h/i*。**https://j.k**l\n",
    "C:\\Users\\_me\\*.txt, D:\\_b\\.c。\\\\srv\\a_b\\_c **E:\\f\\** A:\\_\\_ B:\\$5\n",
    "[维基](https://zh.w.org/中国 '题') <https://a.b/中_文_> ![图](图/一.png)[a](<b c>)\n",
    "```python\n打印（“你好”）\n如果 x：\n```\n",
    "　　第一段\n　　**第二行**\n\n- 　　项\n",
    "<details>\n<summary>**More**</summary>\n\nPress <kbd>C</kbd> <!-- a\n*b* -->\n</details>\n",
    "see[^1] and [^note]: x\n\n[^1]: The *note*.\n[^note]: More\n\n    code\n",
    "https://x.y/a_b_c, (www.a.b/c_(d)) **http://e.f/** 访问https://g.h/路。`http://i`\n",
    "__init__.py __name__ __bold__ snake_case_ *args **kwargs\n",
    "[`f()`][] ![*p*][P]\n\n[`f()`]: /f 'The title'\n[*p*]: /p\n",
    "Roses are red,\nViolets are blue,\n\n**Name:** x\n**City:** y\n\n- a\n  b\n\n> c\nd\n",
    "```make\nall:\n\tcc\ta  \n\n\t\n```\n- ```\n  \tx\n  ```\n",
    ">" * 66 + " deep\n> back\n\n" + "- " * 40 + "deep\n- back\n",
]
SAMPLES = [
    Document(f"sample {number}", source)
    for number, source in enumerate(
        [*(f"{each.source}\n" for each in EMPHASIS), *FORMULAS, *OTHERS], 1
    )
]

PIECES = [
    "a_1", "b_{12}", r"\{x\}", r"\frac{a}{b}", "*", "b_1*", r"x^2\,dx", r"\\", "& c_1", "**",
    "~~d~~", r"\left(", r"\right)", "[e]", r"\text{it_is}", "<f>", r"\alpha_i", "'g'", "!h", r"\_",
    r"\;", "<br>", "__init__", "http://j_k_l", "#",
]  # fmt: skip
LINE_STARTS = ["+ a", "- b", "= c", "* d", "& e", "> f", "# g", "1. h", "---", "| i |", "    j"]


def random_formulas(rnd: random.Random, count: int) -> list[str]:
    """Return formulas with their delimiters: half of them in one line, half in several."""
    formulas = []
    for number in range(count):
        first = " ".join(["x", *rnd.choices(PIECES, k=rnd.randint(1, 8)), "y"])
        if number % 2:
            begin, end = rnd.choice([("\\(", "\\)"), ("\\[", "\\]"), ("$", "$"), ("$$", "$$")])
            formulas.append(f"{begin}{first}{end}")
            continue
        begin, end = rnd.choice(
            [("\\[", "\\]"), ("$$", "$$"), ("\\begin{align*}", "\\end{align*}")]
        )
        lines = [f"{rnd.choice(LINE_STARTS)} {rnd.choice(PIECES)} \\\\" for _ in range(4)]
        formulas.append("\n".join([begin, f"{first} \\\\", *lines, end]))
    return formulas
