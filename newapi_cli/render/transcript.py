"""A session as a Markdown document: its present path, every text in it as it was.

Prompts and answers are Markdown themselves, and may leave a fence open, as an answer that was cut
does. So that it does not swallow what comes after it, what is open is closed behind the text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from markdown_it import MarkdownIt

from newapi_cli.domain.completion import Status
from newapi_cli.domain.messages import Attachment, size_text
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.render.plain import tool_calls_json

LINE_BREAK = re.compile(r"\r\n?|\n")
BACKTICKS = re.compile("`+")
MAY_STAY_OPEN = re.compile("```|~~~|<")
# HTML blocks that no empty line ends (CommonMark 0.31, 4.6, conditions 1 to 5), and what does.
RAW_TEXT = re.compile(r"\s*<(script|pre|style|textarea)(?:[\s>]|$)", re.IGNORECASE)
HTML_ENDS = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("<!", ">"))
ENDINGS = {
    Status.OPEN: "not ended",
    Status.INTERRUPTED: "interrupted",
    Status.INCOMPLETE: "incomplete",
    Status.ERROR: "failed",
}


def transcript_markdown(stored: StoredSession) -> str:
    """Give the present path of a session as Markdown."""
    session = stored.session
    blocks = [f"# {_one_line(session.title) or 'A conversation'}", _about(session)]
    if session.system:
        blocks += ["## System prompt", closed(session.system)]
    for turn in stored.path:
        blocks += _turn_blocks(turn)
    return "\n\n".join(block for block in blocks if block) + "\n"


def ending(turn: TurnRecord) -> str:
    """Say how a turn ended where it did not end well, else nothing; the error stands elsewhere."""
    if turn.status is Status.COMPLETE:
        is_cut = turn.finish_reason == "length"
        return "cut: the limit of tokens was reached" if is_cut else ""
    if turn.status is Status.ERROR and not turn.answer:
        return ENDINGS[turn.status]
    part = "this is the part that came" if turn.answer else "nothing of an answer came"
    return f"{ENDINGS[turn.status]}: {part}"


def closed(markdown: str) -> str:
    """Give a text as it is, followed by what closes the block that it leaves open.

    >>> closed("a\\n```py\\nx"), closed("a <!-- b"), closed("<!-- b")
    ('a\\n```py\\nx\\n```', 'a <!-- b', '<!-- b\\n-->')
    """
    end = _open_end(markdown)
    return markdown + ("" if markdown.endswith("\n") else "\n") + end if end else markdown


def _about(session: Session) -> str:
    dates = f"{_date(session.created_at)} to {_date(session.used_at)}"
    parts = [*map(_one_line, (session.model, session.profile)), dates]
    return " · ".join(part for part in parts if part)


def _turn_blocks(turn: TurnRecord) -> list[str]:
    blocks = ["## You", closed(turn.prompt)]
    if turn.attachments:
        blocks += ["Attached:", "\n".join(map(_attachment, turn.attachments))]
    blocks.append(f"## {_one_line(turn.answered_by or turn.model) or 'Answer'}")
    if turn.reasoning:
        quoted = "\n".join(f"> {line}".rstrip() for line in LINE_BREAK.split(turn.reasoning))
        blocks += ["<details>\n<summary>Reasoning</summary>", quoted, "</details>"]
    blocks.append(closed(turn.answer))
    if turn.tool_calls and not turn.answer:
        blocks.append(f"```json\n{tool_calls_json(turn.tool_calls)}\n```")
    if how := ending(turn):
        error = _one_line(turn.error)
        blocks.append(f"*({how})*" + (f" {_code_span(error)}" if error else ""))
    return blocks


def _attachment(attachment: Attachment) -> str:
    size = size_text(attachment.size_bytes)
    return f"- {_code_span(_one_line(attachment.name))}, {size}, {attachment.media_type}"


def _code_span(text: str) -> str:
    """Give a text in backticks, as many as it takes (CommonMark 0.31, 6.1)."""
    ticks = "`" * (max(map(len, BACKTICKS.findall(text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _open_end(markdown: str) -> str:
    """Give the line that ends the last block, where only the end of the text ends it.

    Blocks inside of lists and quotes end with them, at the first line that is not indented.
    """
    if not MAY_STAY_OPEN.search(markdown):
        return ""
    blocks_only = MarkdownIt("commonmark").disable(["inline", "text_join"])
    tokens = blocks_only.parse(f"{markdown}\n")
    if not tokens or tokens[-1].level != 0:
        return ""
    last = tokens[-1]
    begin, end = last.map or [0, 0]
    if last.type == "fence" and last.content.count("\n") == end - begin - 1:
        return last.markup
    if last.type != "html_block":
        return ""
    if raw := RAW_TEXT.match(last.content):
        ends = f"</{raw.group(1).lower()}>"
        return "" if ends in last.content.lower() else ends
    text = last.content.lstrip()
    for begins, ends in HTML_ENDS:
        if text.startswith(begins):
            return "" if ends in text else ends
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _date(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
