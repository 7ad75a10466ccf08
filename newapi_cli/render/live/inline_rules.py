"""Inline Markdown beyond CommonMark: `<br>` and tags, bare URLs, footnotes, names with underscores.

Tags, footnotes and names stay visible as they were written: nothing of an answer is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it.rules_inline import StateInline, backtick

from newapi_cli.render.live.cjk import InlineState
from newapi_cli.render.live.formulas import inline_formula

BREAK = re.compile(r"</?br\s*/?>[ \t]*\n?[ \t]*", re.IGNORECASE)
TAGS = (
    "a abbr audio b big blockquote caption center cite code col dd del details dfn div dl dt em"
    " figcaption figure font h1 h2 h3 h4 h5 h6 hr i iframe img input ins kbd label li mark ol p"
    " picture pre q rp rt ruby s samp small source span strike strong sub summary sup table tbody"
    " td tfoot th thead tr tt u ul var video wbr"
)
TAG = re.compile(rf"</?(?:{'|'.join(TAGS.split())})(?:\s[^<>]*)?/?>", re.IGNORECASE)
COMMENT, COMMENT_END = "<!--", "-->"

SCHEME = re.compile(r"(?<![A-Za-z0-9])(?:https?|ftp)\Z", re.IGNORECASE)
LONGEST_SCHEME = 6  # "https" and the character before it
# A path may have letters of any script, as in links to Wikipedia; CJK punctuation ends it.
PATH_CHARACTER = (
    r"[^\s<>\[\]\\`\"|*~，。；：！？、（）《》「」『』【】〈〉“”‘’…—]|~(?!~)|\*(?=[A-Za-z0-9/&=])"
)
PATH = rf"(?:[/?#](?:{PATH_CHARACTER})*)?"
HOST = r"[A-Za-z0-9][A-Za-z0-9._~%@:-]*"
REST_OF_URL = re.compile(rf"://(?:{HOST}|\[[0-9A-Fa-f:.]+\](?::\d+)?){PATH}")
URL_WITHOUT_SCHEME = re.compile(rf"(?<![\w./@-])www\.{HOST}{PATH}", re.IGNORECASE)
AFTER_URL = "?!.,:;*_~'\""

FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\]")

SPECIAL_NAME = re.compile(r"__([A-Za-z0-9]+(?:_[A-Za-z0-9]+)*)__(?![A-Za-z0-9_])")
WORD = re.compile(r"[A-Za-z0-9_]")
# In `C:\Users\_a\*.txt`, what Markdown would unescape; but `\**` ends bold text.
PATH_NAME = re.compile(r"\\(?:[._#~@+&%!=;^$-](?=[A-Za-z])|\*(?!\*)|(?=\*\*))")
PATH_START = r"(?<![A-Za-z0-9])[A-Za-z]:|(?<![\w\\])\\\\[\w.-]+"
PATH_BEFORE = re.compile(rf"(?:{PATH_START})(?:[\\/][^\s\"'`<>|*]*)?\Z")
LONGEST_PATH = 260  # of Windows
NETWORK_PATH = re.compile(r"\\\\[\w.-]+\\[\w$.-]")  # `\\server\share`
WORD_OR_BACKSLASH = re.compile(r"[A-Za-z0-9_\\:]")
ATTRIBUTE = re.compile(r"\.[A-Za-z_]")  # or the suffix of a file
# Of Python's data model and modules, and of the C preprocessor: text in models' answers, not bold.
SPECIAL_NAMES = (
    "abs add aenter aexit aiter all and anext annotations attribute author await bases bool bytes"
    " builtins call cause ceil class complex contains context copy debug deepcopy del delattr"
    " delete delitem dict dir dirname divmod doc enter eq exit file filename float floor floordiv"
    " format fspath func future ge get getattr getattribute getitem getnewargs getstate globals gt"
    " hash iadd iand import imul index init int invert ior ipow isub iter itruediv ixor kwdefaults"
    " le len license loader lshift lt main match matmul missing mod module mro mul name ne neg new"
    " next or package path pos post pow proto pycache pypackages qualname radd rand repr reversed"
    " rmul round rshift rsub rtruediv self set setattr setitem setstate sizeof slots spec str sub"
    " subclasses subclasscheck subclasshook instancecheck suppress traceback truediv trunc"
    " typename version warningregistry weakref wrapped xor"
    " COUNTER DATE FILE FUNCTION GNUC LINE STDC TIME TIMESTAMP"
)


_SPECIAL_NAMES = frozenset(SPECIAL_NAMES.split())


def additions(state: StateInline, silent: bool) -> bool:
    """Parse what begins at one of `RULES`: one rule of the parser, since each takes time."""
    rule = RULES.get(state.src[state.pos])
    return rule is not None and rule(state, silent)


def footnote(state: StateInline, silent: bool) -> bool:
    """Parse the mark of a footnote, `[^1]`, or of its text, `[^1]:`."""
    pos, src = state.pos, state.src
    if not src.startswith("[^", pos) or not (match := FOOTNOTE.match(src, pos, state.posMax)):
        return False
    end = match.end()
    if src.startswith(":", end) and (pos == 0 or src[pos - 1] == "\n"):
        end += 1
    return _push(state, "footnote", end, silent)


def code_span(state: StateInline, silent: bool) -> bool:
    """Parse code in text as CommonMark does, but keep its line breaks: no blank replaces one."""
    begin, count = state.pos, len(state.tokens)
    is_parsed = backtick(state, silent)
    if len(state.tokens) > count:
        token = state.tokens[-1]
        size = len(token.markup)
        source = state.src[begin + size : state.pos - size]
        if "\n" in source:
            token.content = source[1:-1] if len(token.content) < len(source) else source
    return is_parsed


def url_end(url: str) -> int:
    """Return the length of a bare URL without the punctuation of the sentence around it.

    >>> url = "https://a.b/c_(d))."
    >>> url[: url_end(url)]
    'https://a.b/c_(d)'
    """
    end = len(url)
    unopened = url.count(")") - url.count("(")
    while url[end - 1] in AFTER_URL or (url[end - 1] == ")" and unopened > 0):
        unopened -= url[end - 1] == ")"
        end -= 1
    return end


def _tag(state: StateInline, silent: bool) -> bool:
    pos, src = state.pos, state.src
    if match := BREAK.match(src, pos, state.posMax):
        if not silent:
            state.pending = state.pending.rstrip(" \t")
            state.push("hardbreak", "br", 0)
        state.pos = match.end()
        return True
    if match := TAG.match(src, pos, state.posMax):
        return _push(state, "tag", match.end(), silent)
    assert isinstance(state, InlineState)  # of our parser
    if not src.startswith(COMMENT, pos) or COMMENT in state.unclosed:
        return False
    end = src.find(COMMENT_END, pos, state.posMax)
    if end < 0:
        if state.posMax == len(src):
            state.unclosed.add(COMMENT)
        return False
    return _push(state, "tag", end + len(COMMENT_END), silent)


def _bare_url(state: StateInline, silent: bool) -> bool:
    pos, src = state.pos, state.src
    if state.linkLevel or not src.startswith("://", pos):
        return False
    scheme = SCHEME.search(src[max(pos - LONGEST_SCHEME, 0) : pos])
    rest = REST_OF_URL.match(src, pos, state.posMax)
    if scheme is None or rest is None:
        return False
    url = scheme.group() + rest.group()
    url = url[: url_end(url)]
    if not silent:
        if not state.pending.endswith(scheme.group()):
            return False
        state.pending = state.pending[: -len(scheme.group())]
        state.push("link_open", "a", 1).attrs = {"href": url}
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos = pos - len(scheme.group()) + len(url)
    return True


def _special_name(state: StateInline, silent: bool) -> bool:
    """Parse a name such as `__init__`, which CommonMark would take for a bold word."""
    pos, src = state.pos, state.src
    match = SPECIAL_NAME.match(src, pos, state.posMax)
    before = src[max(pos - 1, 0) : pos]
    if not match or WORD.match(before):
        return False
    name = match.group(1)
    is_attribute = before == "." or ATTRIBUTE.match(src, match.end())
    if name not in _SPECIAL_NAMES and "_" not in name and not is_attribute:
        return False
    if not silent:
        state.pending += match.group()
    state.pos = match.end()
    return True


def _backslash(state: StateInline, silent: bool) -> bool:
    """Parse a formula, or keep a backslash of a Windows path, which would escape what follows."""
    pos, src = state.pos, state.src
    if match := PATH_NAME.match(src, pos, state.posMax):
        if not PATH_BEFORE.search(src[max(pos - LONGEST_PATH, 0) : pos]):
            return False
        end = match.end()
    elif NETWORK_PATH.match(src, pos, state.posMax) and not WORD_OR_BACKSLASH.match(
        src[max(pos - 1, 0) : pos]
    ):
        end = pos + 2
    else:
        return inline_formula(state, silent)
    if not silent:
        state.pending += src[pos:end]
    state.pos = end
    return True


def _push(state: StateInline, kind: str, end: int, silent: bool) -> bool:
    if not silent:
        state.push(kind, "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


RULES: dict[str, Callable[[StateInline, bool], bool]] = {
    "$": inline_formula,
    "\\": _backslash,
    "<": _tag,
    ":": _bare_url,
    "_": _special_name,
}
