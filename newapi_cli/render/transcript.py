"""A session as a Markdown document: its current path, with every text unchanged.

Prompts and answers are Markdown themselves and may leave a code fence open, as a truncated answer
does. The open block is closed after the text, so that it does not include what follows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from newapi_cli.domain.completion import Status
from newapi_cli.domain.messages import Attachment, size_text
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.i18n import tr
from newapi_cli.render.extract import commonmark_parser
from newapi_cli.render.plain import tool_calls_json
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.status_lines import source_lines
from newapi_cli.render.units import model_text

LINE_BREAK = re.compile(r"\r\n?|\n")
BACKTICKS = re.compile("`+")
MAY_LEAVE_OPEN = re.compile("```|~~~|<")
# HTML blocks that no empty line ends (CommonMark 0.31, 4.6, conditions 1 to 5), and what ends them.
RAW_TEXT = re.compile(r"\s*<(script|pre|style|textarea)(?:[\s>]|$)", re.IGNORECASE)
HTML_ENDS = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"), ("<!", ">"))
# How a turn ended: with a part of its answer, and without.
ENDINGS = {
    Status.OPEN: (
        tr("not finished; the answer is incomplete"),
        tr("not finished; no answer arrived"),
    ),
    Status.INTERRUPTED: (
        tr("interrupted; the answer is incomplete"),
        tr("interrupted; no answer arrived"),
    ),
    Status.INCOMPLETE: (tr("the answer is incomplete"), tr("no answer arrived")),
    Status.ERROR: (tr("failed; the answer is incomplete"), tr("failed")),
}


def transcript_markdown(stored: StoredSession) -> str:
    """Return the current path of a session as Markdown."""
    session = stored.session
    blocks = [f"# {_one_line(session.title) or tr('Untitled session')}", _about(session)]
    if session.system:
        blocks += [f"## {tr('System prompt')}", closed(session.system)]
    for turn in stored.path:
        blocks += _turn_blocks(turn)
    return "\n\n".join(block for block in blocks if block) + "\n"


def ending(turn: TurnRecord) -> str:
    """Return how a turn ended, empty if it is complete; its error is displayed elsewhere."""
    if turn.status is Status.COMPLETE:
        is_truncated = turn.finish_reason == "length"
        return tr("truncated: the token limit was reached") if is_truncated else ""
    with_answer, without_answer = ENDINGS[turn.status]
    return with_answer if turn.answer else without_answer


def closed(markdown: str) -> str:
    """Return a text followed by what closes the block that it leaves open.

    >>> closed("a\\n```py\\nx"), closed("a <!-- b"), closed("<!-- b")
    ('a\\n```py\\nx\\n```', 'a <!-- b', '<!-- b\\n-->')
    """
    end = _end_of_open_block(markdown)
    return markdown + ("" if markdown.endswith("\n") else "\n") + end if end else markdown


def _about(session: Session) -> str:
    dates = tr("{first} to {last}", first=_date(session.created_at), last=_date(session.used_at))
    parts = [*map(_one_line, (session.model, session.profile)), dates]
    return " · ".join(part for part in parts if part)


def _turn_blocks(turn: TurnRecord) -> list[str]:
    blocks = [f"## {tr('You')}", closed(turn.typed_prompt)]
    if turn.attachments:
        blocks += [tr("Attached:"), "\n".join(map(_attachment, turn.attachments))]
    blocks.append(f"## {safe_line(model_text(turn.model, turn.answered_by)) or tr('Answer')}")
    if turn.reasoning:
        quoted = "\n".join(f"> {line}".rstrip() for line in LINE_BREAK.split(turn.reasoning))
        title = tr("Reasoning")
        blocks += [f"<details>\n<summary>{title}</summary>", quoted, "</details>"]
    blocks.append(closed(turn.answer))
    if turn.tool_calls and not turn.answer:
        blocks.append(f"```json\n{tool_calls_json(turn.tool_calls)}\n```")
    if turn.sources:
        blocks += [tr("Sources:"), "\n".join(map(safe_line, source_lines(turn.sources)))]
    if how := ending(turn):
        error = _one_line(turn.error)
        blocks.append(f"*({how})*" + (f" {_code_span(error)}" if error else ""))
    return blocks


def _attachment(attachment: Attachment) -> str:
    size = size_text(attachment.size_bytes)
    return f"- {_code_span(_one_line(attachment.name))}, {size}, {attachment.media_type}"


def _code_span(text: str) -> str:
    """Return a text between enough backticks (CommonMark 0.31, 6.1)."""
    ticks = "`" * (max(map(len, BACKTICKS.findall(text)), default=0) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _end_of_open_block(markdown: str) -> str:
    """Return the line that closes the last block, empty if it is closed.

    Blocks inside lists and quotes end with them, at the first line that is not indented.
    """
    if not MAY_LEAVE_OPEN.search(markdown):
        return ""
    blocks_only = commonmark_parser().disable(["inline", "text_join"])
    tokens = blocks_only.parse(f"{markdown}\n")
    if not tokens or tokens[-1].level != 0:
        return ""
    last = tokens[-1]
    start, end = last.map or [0, 0]
    if last.type == "fence" and last.content.count("\n") == end - start - 1:
        return last.markup
    if last.type != "html_block":
        return ""
    if raw := RAW_TEXT.match(last.content):
        closing_tag = f"</{raw.group(1).lower()}>"
        return "" if closing_tag in last.content.lower() else closing_tag
    text = last.content.lstrip()
    for opening, closing in HTML_ENDS:
        if text.startswith(opening):
            return "" if closing in text else closing
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _date(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
