"""The sources of an answer, in the forms of all providers.

Perplexity and xAI send `citations` and `search_results` with each chunk, OpenAI and OpenRouter
`annotations`, Zhipu `web_search`, DashScope and Hunyuan `search_info`, Volcengine `references`,
Gemini `groundingMetadata`, RAG servers `reference`. All are lists of URLs, or of objects that hold
a URL or the name of a document somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from newapi_cli.domain.completion import Source
from newapi_cli.text import shorten, well_formed

MAX_SOURCES = 200
MAX_URL = 2_000
MAX_TITLE = 200
MAX_DEPTH = 5
URL = re.compile(r"https?://[^\s<>\"]{1,2000}", re.IGNORECASE)
NUMBER = re.compile(r"^\s*+\[\d{1,3}\]")
URL_MEMBERS = ("url", "uri", "link", "href", "source_url", "web_url", "page_url", "website")
TITLE_MEMBERS = (
    *("title", "name", "document_name", "doc_name", "file_name", "filename", "site_name"),
    *("siteName", "source", "domain"),
)
# Members that hold one source, and members that hold several.
ONE = (
    *("url_citation", "web", "retrievedContext", "retrieved_context", "document", "source"),
    *("file_citation", "file", "metadata"),
)
SEVERAL = (
    *("search_results", "groundingChunks", "grounding_chunks", "chunks", "results", "sources"),
    *("documents", "citations", "references", "web_results", "annotations", "items"),
)


class SourceCollector:
    """Collects sources from the objects of a response, each once, in the order of their numbers.

    `members` are the names of the members that hold them; `skipped` counts entries without one.
    """

    def __init__(self, members: frozenset[str]) -> None:
        self.skipped: dict[str, int] = {}
        self._members = members
        self._last: dict[str, object] = {}  # some servers repeat all with each chunk
        self._sources: list[Source] = []

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources so far."""
        return tuple(self._sources)

    def knows(self, place: dict[str, Any]) -> bool:
        """Return whether all members of an object were read before."""
        return all(
            not place[name] or place[name] == self._last.get(name)
            for name in self._members.intersection(place)
        )

    def add(self, places: Iterable[dict[str, Any]]) -> bool:
        """Read the members of objects; return whether the sources have changed."""
        before = list(self._sources)
        for place in places:
            for name, value in place.items():
                if name in self._members and value and value != self._last.get(name):
                    self._last[name] = value
                    self._add(value)
        return self._sources != before

    def _add(self, value: object) -> None:
        found: list[Source] = []
        entries = value if isinstance(value, list) else []
        for entry in entries or [value]:
            sources = list(_sources(entry, 0))
            found += sources
            if entries and entry and not sources:
                self._skip()
        are_urls = bool(entries) and all(isinstance(entry, str) for entry in entries)
        for number, source in enumerate(found):
            self._add_source(source, number if are_urls else None)

    def _add_source(self, source: Source, number: int | None) -> None:
        """Add a source that is new, or complete the one that has its URL.

        In a list of URLs, to whose numbers the text refers, one may be listed twice.
        """
        for place, known in enumerate(self._sources):
            if known.url == source.url and (known.url or known.title == source.title):
                self._sources[place] = known._replace(title=known.title or source.title)
                if number is None or number < len(self._sources):
                    return
                break
        if len(self._sources) < MAX_SOURCES:
            self._sources.append(source)
        else:
            self._skip()

    def _skip(self) -> None:
        self.skipped["source"] = self.skipped.get("source", 0) + 1


def _sources(value: object, depth: int) -> Iterator[Source]:
    """Yield the sources in a value: a URL, a name, an object that holds them, or a list."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from _sources_in_text(value)
    elif isinstance(value, list):
        for each in value:
            yield from _sources(each, depth + 1)
    elif isinstance(value, dict):
        source = _source(value, depth)
        if source is not None:
            yield source
            return
        for name in SEVERAL:
            if isinstance(value.get(name), list | dict):
                yield from _sources(value[name], depth + 1)


def _sources_in_text(text: str) -> Iterator[Source]:
    """Yield the source that a text names: by a URL, with or without a title, or by a title."""
    match = URL.search(text)
    url = match[0] if match else ""
    title = _title(text.replace(url, ""))
    if url or title:
        yield Source(well_formed(url), title)


def _source(value: dict[str, Any], depth: int) -> Source | None:
    """Return the source that an object describes itself, None if it does not."""
    url = next(filter(None, (_url(value.get(name)) for name in URL_MEMBERS)), "")
    title = next(filter(None, (_title(value.get(name)) for name in TITLE_MEMBERS)), "")
    if not url and depth <= MAX_DEPTH:
        for name in ONE:
            inner = value.get(name)
            found = _source(inner, depth + 1) if isinstance(inner, dict) else None
            if found is not None and (found.url or not title):
                return found._replace(title=title or found.title)
    return Source(url, title) if url or title else None


def _url(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_URL:
        return ""
    return well_formed(value) if URL.fullmatch(value.strip()) else ""


def _title(value: object) -> str:
    """Return a text as one line without its number, such as `[1]`, and the marks around it."""
    if not isinstance(value, str):
        return ""
    line = " ".join(NUMBER.sub("", value).split())
    return shorten(well_formed(line).strip(" -–|:"), MAX_TITLE)
