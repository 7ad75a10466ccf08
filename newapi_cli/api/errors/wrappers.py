"""Errors in all the JSON, XML and text that providers, gateways and frameworks wrap them in.

Loaded at an error only. Names of members are compared without case, `_` and `-`. A member that is
unknown, missing, null or of the wrong type is ignored, never an error. Everything is bounded: the
server chooses the depth and the length of what is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from newapi_cli.api.errors.error_object import ErrorObject, is_html, page_title
from newapi_cli.api.errors.first_words import unread_words
from newapi_cli.api.errors.waits import wait_in_value, wait_in_words
from newapi_cli.api.json_values import decode_json
from newapi_cli.i18n import ntr, tr
from newapi_cli.text import shorten, well_formed

MAX_DEPTH = 12
MAX_SHOWN = 3  # entries of a list of errors
MAX_ENTRIES = 50  # that are read
MAX_WORDS = 1_000
NOTHING = ("", "null", "[]", '""')
MAX_TEXT = 300  # of a body in plain text
MOST_UNREADABLE = 10  # one character of this many may be invalid in a text
REQUEST_ID_SUFFIX = re.compile(r"\(request id: ([^)\s]++)\)\s*+$")
# Members that hold the error itself, so that the other members do not count.
WRAPPERS = (
    "error",
    "fault",  # Apigee, WSO2
    "responsemetadata",  # Volcengine
    "response",  # Tencent, and Responses: {"response": {"error": {…}}}
    "baseresp",  # MiniMax
    "header",  # iFlytek
    "requeststatus",  # NVIDIA
    "errormsg",  # Hunyuan: {"ErrorMsg": {"Msg": …}}
    "exception",
    "output",  # DashScope
)
MESSAGES = (
    "message",
    "msg",
    "errordescription",  # OAuth
    "errormessage",
    "errormsg",
    "errmsg",
    "detail",  # RFC 9457, FastAPI
    "statusmsg",
    "statusdescription",
    "faultstring",
    "localizedmessage",
    "exceptionmessage",
    "description",
    "reason",
    "err",
    "exception",
    "retmsg",
    "resultmsg",
    "failurereason",
    "title",
    "error",
)
# Members with more of it: what is in them is appended.
DETAILS = (
    "errors",
    "errormessages",
    "details",
    "innererror",
    "metadata",
    "raw",
    "reasons",
    "issues",
    "fieldviolations",
    "invalidfields",
    "invalidparams",
    "violations",
    "nonfielderrors",
    "errorchain",
    "rootcause",
    "causedby",
    "cause",
    "causes",
    "lasterror",
    "incompletedetails",
    "validationerrors",
    "embedded",  # Micronaut
)
FALLBACKS = ("data", "result", "body", "payload")  # read if nothing else has words
READ = {*WRAPPERS, *MESSAGES, *DETAILS}
LOCATIONS = (
    "loc",
    "path",
    "field",
    "instancepath",
    "pointer",
    "parameter",
    "param",
    "target",
    "property",
    "fieldpath",
    "name",
)
TYPES = ("type", "errortype")
CODES = ("code", "errorcode", "errcode", "statuscode", "status", "httpcode", "httpstatus")
OWN_CODES = ("errorcode", "errcode", "errno")  # numbered as a provider likes: 110 is an error
REQUEST_IDS = ("requestid", "traceid", "sid", "logid", "trace")
SUCCESSES = {"", "0", "ok", "success", "succeeded", "successful", "true", "none", "null", "normal"}
FAILURES = {"error", "err", "fail", "failed", "failure", "exception", "rejected", "denied"}
# Phrases without information, which are dropped if there are other words.
GENERIC = re.compile(
    r"(?:(?:the )?(?:upstream |model |llm )?provider returned (?:an )?error|bad request|forbidden"
    r"|unauthorized|not found|unprocessable entity|too many requests|internal server error"
    r"|service unavailable|bad gateway|gateway time-?out|(?:an? )?(?:unknown |upstream |internal )?"
    r"error(?: occurred| has occurred)?|validation (?:error|failed)|request validation failed"
    r"|one or more validation errors occurred|the given data was invalid|no message available)"
    r"[.!:]?",
    re.IGNORECASE,
)
ENDS_OF_JSON = ("}", "]", '"', "}'", "]'")
PYTHON_MESSAGE = re.compile(r"'(?:message|detail|msg)': ?(['\"])(.{1,1000}?)\1 ?[,}]")
PAGE = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
XML_WORDS = re.compile(
    r"<(?:\w{1,20}:)?(message|faultstring|errormessage|error_description|detail|title|reason|error)"
    r"\b[^<>]{0,200}+>\s*+([^<>]{1,2000}+)<",
    re.IGNORECASE,
)
FIELD = re.compile(r"^(?:data|error)[ \t]*+:[ \t]*+([{\[\"].*+)", re.MULTILINE)
YAML_MESSAGE = re.compile(
    r"^[ \t]{0,20}+(?:message|msg|detail|reason|description)[ \t]*+:[ \t]*+(.++)",
    re.MULTILINE | re.IGNORECASE,
)
Members = dict[str, object]


def marked_error(value: object) -> ErrorObject | None:
    """Return the error in a JSON value that is marked as one, None if there is none."""
    if isinstance(value, list):
        errors = (marked_error(each) for each in value[:MAX_ENTRIES] if isinstance(each, dict))
        return next(filter(None, errors), None)
    if not isinstance(value, dict) or not _is_marked(members(value)):
        return None
    return read_error(value)


def read_error(value: object) -> ErrorObject:
    """Return the error in a value that is known to be one, marked or not."""
    value = _decoded(value)
    if isinstance(value, str):
        message, request_id = _without_id(words_of_text(value))
        return ErrorObject(message, request_id=request_id, wait_s=wait_in_words(message))
    if isinstance(value, list):
        entries = [each for each in value[:MAX_ENTRIES] if isinstance(each, dict)]
        errors = [error for each in entries if not (error := read_error(each)).is_empty]
        return errors[0] if errors else ErrorObject(words(value))
    if not isinstance(value, dict):
        return ErrorObject("")
    sources = list(_sources(members(value)))
    provider = next(filter(None, map(_provider, sources)), "")
    message, request_id = _without_id(words(value) or _details(value, 0))
    if provider and message and provider not in message:
        message = f"{provider}: {message}"
    innermost_first = sources[::-1]
    wait_s = wait_in_value(value)
    found = ErrorObject(
        message=message,
        type=next(filter(None, map(_type, innermost_first)), ""),
        code=next(filter(None, (_code(each) for each in innermost_first)), ""),
        request_id=request_id,
        fields=tuple(dict.fromkeys(islice(_fields(value), MAX_ENTRIES))),
        provider=provider,
        wait_s=wait_in_words(message) if wait_s is None else wait_s,
        other_id=next(filter(None, map(_request_id, innermost_first)), ""),
    )
    if found.is_informative:
        return found
    return found._replace(message=unread_words(value, SUCCESSES | FAILURES))


def has_words(value: object) -> bool:
    """Return whether an object without an answer holds a message, and does not report success."""
    if not isinstance(value, dict):
        return False
    names = members(value)
    if _reports_success(names) or any(_is_message_of_chat(each) for each in names.values()):
        return False
    return bool(_own_words(names, 0))


def read_text(text: str) -> ErrorObject:
    """Return the error in a body that is not JSON: events, XML, YAML, or plain text, shortened."""
    match = FIELD.search(text)
    if match:
        value = match.group(1).strip()
        try:
            decoded = decode_json(value)
        except ValueError:
            decoded = None
        if isinstance(decoded, dict | list | str):
            return read_error(decoded)
    if "\0" in text or text.count("\ufffd") > 2 + len(text) // MOST_UNREADABLE:
        return ErrorObject(tr("binary data"))
    line = shorten(" ".join(text.split()), MAX_TEXT)
    return read_error(line) if line not in NOTHING else ErrorObject("")


def error_of_field(value: str, following: str) -> ErrorObject:
    """Return the error of a line `error: …` of a stream; `following` are the lines after it."""
    value = value.strip()
    if value.startswith(("{", "[")):
        decoded = _decoded(value + following)  # JSON may take several lines
        return read_error(decoded) if not isinstance(decoded, str) else read_text(value)
    if not value:  # YAML
        match = YAML_MESSAGE.search(following)
        value = match.group(1) if match else following
    return read_error(value.strip())


def members(value: dict[str, Any]) -> Members:
    """Return the members by their names without case and separators; the first of a name counts."""
    names: Members = {}
    for name, each in value.items():
        names.setdefault(name.lower().replace("_", "").replace("-", ""), each)
    return names


# -- what is an error ------------------------------------------------------------------------------


def _is_marked(names: Members) -> bool:
    if _is_error_member(names.get("error")) or _is_error_member(names.get("errors")):
        return True
    if any(_is_false(names.get(name)) for name in ("success", "ok", "issuccess", "succeeded")):
        return True
    marks = ("object", "type", "event", "eventtype", "status", "state", "result", "kind")
    if any(_word(names.get(name)) in FAILURES for name in marks):
        return True
    if any(name.endswith("exception") and each for name, each in names.items()):
        return True
    if _is_error_member(names.get("fault")) or _is_validation(names.get("detail")):
        return True
    has_type = _word(names.get("type")).endswith(("error", "exception"))
    return _has_inner_mark(names) or _has_error_code(names) or (has_type and _has_message(names))


def _has_inner_mark(names: Members) -> bool:
    """Return whether a wrapper that every response has reports a failure."""
    for name in ("baseresp", "header", "requeststatus"):
        inner = _object(names.get(name))
        if inner and _failed(inner.get("statuscode", inner.get("code"))):
            return True
    for name in ("response", "responsemetadata", "detail"):
        inner = _object(names.get(name))
        if inner and (
            _is_error_member(inner.get("error")) or _word(inner.get("status")) in FAILURES
        ):
            return True
    return bool(_object(names.get("errormsg")))


def _has_error_code(names: Members) -> bool:
    """Return whether there is the code of an error: 200, 0 and `ok` are not.

    Codes other than those of HTTP count only with a message and without data.
    """
    own_texts = ("errormsg", "errmsg", "errormessage", "errordescription", "faultstring")
    if any(_failed(names.get(name), is_http=False) for name in OWN_CODES) or any(
        _word(names.get(name)) not in SUCCESSES for name in own_texts
    ):
        return not _reports_success(names)
    given = [names[name] for name in CODES if names.get(name) is not None]
    if any(re.fullmatch("[45][0-9]{2}", str(code)) for code in given):
        return True
    code = names.get("code", names.get("statuscode"))
    return _failed(code) and _has_message(names) and not names.get("data")


def _has_message(names: Members) -> bool:
    return any(isinstance(names.get(name), str | list) for name in ("message", "msg", "detail"))


def _is_error_member(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in SUCCESSES | {"false", "[]", "{}"}
    inner = _object(value)
    if inner is None:
        return bool(value)
    return any(inner.values()) and (bool(inner.get("type")) or not _reports_success(inner))


def _reports_success(names: Members) -> bool:
    """Return whether an object reports a success."""
    if any(names.get(name) is True for name in ("success", "ok", "succeeded")):
        return True
    given = {name: names[name] for name in CODES if type(names.get(name)) in (int, str)}
    failures = (_failed(code, is_http=name not in OWN_CODES) for name, code in given.items())
    return bool(given) and not any(failures)


def _failed(code: object, *, is_http: bool = True) -> bool:
    """Return whether a code is there, and is not that of a success, as 200 of HTTP is."""
    if isinstance(code, int) and not isinstance(code, bool):
        return code not in (0, HTTPStatus.OK) and not (is_http and 100 <= code < 400)
    if not isinstance(code, str):
        return False
    text = code.strip().lower()
    return text not in SUCCESSES and re.fullmatch("0+|[123][0-9]{2}", text) is None


def _is_false(value: object) -> bool:
    return value is False or _word(value) == "false"


def _is_validation(value: object) -> bool:
    """Return whether a value is FastAPI's list of what is wrong with a request."""
    entries = value if isinstance(value, list) else []
    return any(isinstance(each, dict) and "msg" in each for each in entries[:MAX_ENTRIES])


def _is_message_of_chat(value: object) -> bool:
    return isinstance(value, dict) and ("role" in value or "content" in value)


# -- its words -------------------------------------------------------------------------------------


def words(value: object, depth: int = 0) -> str:
    """Return the words in a value: the innermost informative ones, with their locations."""
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, str):
        return words_of_text(value, depth)
    if isinstance(value, list):
        return _words_of_list(value, depth)
    return _words_of_object(members(value), depth) if isinstance(value, dict) else ""


def words_of_text(text: str, depth: int = 0) -> str:
    """Return a text, or what is in it if it is JSON, a web page or XML, or ends with JSON."""
    text = well_formed(text).strip()
    if is_html(text.encode("utf-8", "replace")):
        return page_title(text.encode("utf-8", "replace"))
    if text.startswith("<"):  # DashScope: `<400> InternalError.Algo: …`
        return _words_of_xml(text) or ("" if text.endswith(">") else text)
    page = PAGE.search(text)
    if page:  # after a text, such as `bad response body: <html>…`
        title = page_title(text[page.start() :].encode("utf-8", "replace"))
        return " ".join(filter(None, (text[: page.start()].strip(), title)))
    begin = 0 if text.startswith(("[", '"')) else text.find("{")
    if begin < 0 or depth >= MAX_DEPTH or not text.endswith(ENDS_OF_JSON):
        return text
    before = text[:begin].removesuffix("b'").strip().rstrip(":-–— ")
    try:
        inner = words(decode_json(text[begin:]), depth + 1)
    except ValueError:  # Python writes objects with single quotes
        match = PYTHON_MESSAGE.search(text, begin)
        inner = match.group(2) if match and text[begin] == "{" else ""
    if not inner:
        return text
    return inner if not before or GENERIC.fullmatch(before) else f"{before}: {inner}"


def _words_of_object(names: Members, depth: int) -> str:
    for name in WRAPPERS:
        wrapped = names.get(name)
        if isinstance(wrapped, dict | list) and wrapped:
            inner = words(wrapped, depth + 1)
            if inner and not _is_message_of_chat(wrapped):
                return inner
    for name, wrapped in names.items():  # AWS: {"throttlingException": {"message": …}}
        if name.endswith("exception") and name not in WRAPPERS and isinstance(wrapped, dict):
            return words(wrapped, depth + 1)
    own = _own_words(names, depth)
    if filtered := _filtered(names):
        own = f"{own} ({filtered})" if own else filtered
    for text in _details_of(names, depth, has_words=bool(own)):
        if text and text not in own:
            own = text if not own or GENERIC.fullmatch(own) else f"{own.rstrip('.: ')}: {text}"
    others = (_details(names[name], depth) for name in FALLBACKS if names.get(name))
    return own or next(filter(None, others), "")


def _details_of(names: Members, depth: int, *, has_words: bool) -> Iterator[str]:
    """Yield the words of the members with details."""
    for name in ("detail", "message") if has_words else ():
        if isinstance(names.get(name), dict | list):
            yield _details(names[name], depth)
    for name in DETAILS:
        if names.get(name):
            yield _details(names[name], depth)


def _own_words(names: Members, depth: int) -> str:
    """Return the words of an object itself: the first informative ones, or else the first."""
    texts = []
    for name in MESSAGES:
        value = names.get(name)
        is_read = name in WRAPPERS and not isinstance(value, str)  # and nothing was in it
        if not is_read and value and not _is_message_of_chat(value):
            text = words(value, depth + 1)
            if text and not (name == "reason" and re.fullmatch("[A-Z0-9_]+", text)):
                texts.append(text)
    own = next((text for text in texts if not GENERIC.fullmatch(text)), next(iter(texts), ""))
    error = names.get("error")  # may be a phrase such as "Bad Request", a code, or half of it
    if isinstance(error, str) and " " in error.strip() and not GENERIC.fullmatch(error.strip()):
        both = words_of_text(error, depth + 1)
        own = own if both in own else both if own in both else f"{both}: {own}"
    return own


def _details(value: object, depth: int) -> str:
    inner = _object(value)
    if inner is None:
        return words(value, depth + 1)
    text = _words_of_object(inner, depth + 1)
    if text:
        return text
    entries = [  # {"seed": ["is unknown"]}: ASP.NET, Laravel
        _with_location(well_formed(name), text)
        for name, each in list(inner.items())[:MAX_ENTRIES]
        if isinstance(each, list) and name not in READ and (text := words(each, depth + 2))
    ]
    return _joined(entries)


def _words_of_list(entries: list[object], depth: int) -> str:
    texts = []
    for each in entries[:MAX_ENTRIES]:
        names = _object(each)
        text = words(each, depth + 1)
        location = "" if names is None else _location(names)
        if text or location:
            texts.append(_with_location(location, text))
    return _joined(list(dict.fromkeys(texts)), len(entries) - MAX_ENTRIES)


def _joined(texts: list[str], others: int = 0) -> str:
    """Return the first texts in a row, and how many more there are."""
    more = len(texts) - MAX_SHOWN + max(others, 0)
    shown = [shorten(text, MAX_WORDS) for text in texts[:MAX_SHOWN]]
    if more > 0:
        shown.append(ntr("and {n} more", "and {n:,} more", more))
    return "; ".join(shown)


def _with_location(location: str, text: str) -> str:
    if not location or not text or text.startswith(location):
        return text or location
    return f"{location}: {text}"


def _location(names: Members) -> str:
    """Return the location that an entry of a list of errors names, with dots between the steps."""
    source = _object(names.get("source"))  # JSON:API
    for name in LOCATIONS:
        value = names.get(name) or (source or {}).get(name)
        if isinstance(value, list):
            steps = [str(step) for step in value[:20] if isinstance(step, str | int)]
            if steps:
                return well_formed(".".join(steps))
        if isinstance(value, str) and re.fullmatch(r"[\w$.\[\]/~-]{1,200}", value):
            return value.strip("/").replace("/", ".") if value.startswith("/") else value
    return ""


def _words_of_xml(text: str) -> str:
    match = XML_WORDS.search(text[:16_000])
    return " ".join(match.group(2).split()) if match else ""


def _filtered(names: Members) -> str:
    """Return which filters of Azure matched, and how severely: `violence: medium`."""
    inner = _object(names.get("innererror")) or names
    results = inner.get("contentfilterresult", inner.get("contentfilterresults"))
    if not isinstance(results, dict):
        return ""
    found = []
    for name, result in list(results.items())[:MAX_ENTRIES]:
        each = _object(result)
        if each and (each.get("filtered") is True or each.get("detected") is True):
            severity = each.get("severity")
            found.append(f"{name}: {severity}" if isinstance(severity, str) else name)
    return well_formed(", ".join(found))


# -- its other members -----------------------------------------------------------------------------


def _sources(names: Members) -> Iterator[Members]:
    """Yield an error's objects from the outermost to the innermost."""
    for _ in range(MAX_DEPTH):
        yield names
        inner: Members | None = None
        for name in (*WRAPPERS, *(each for each in names if each.endswith("exception")), "detail"):
            value = names.get(name)
            if isinstance(value, list) and name == "error":
                value = next((each for each in value if isinstance(each, dict)), None)
            inner = _object(value)
            if inner and not _is_message_of_chat(value):
                break
            inner = None
        if inner is None:
            return
        names = inner


def _type(names: Members) -> str:
    """Return the type of an error; a URL (RFC 9457) or a bare mark is not one."""
    texts = (names.get(name) for name in TYPES)
    kinds = (text for text in texts if isinstance(text, str) and text.lower() not in FAILURES)
    own = (kind.rpartition("#")[2] for kind in kinds if not re.match(r"\w{1,20}:", kind))
    return next(map(well_formed, own), "")


def _code(names: Members) -> str:
    for name in CODES:
        value = names.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and value and value.lower() not in FAILURES:
            return well_formed(value)
    error = names.get("error")  # OAuth: {"error": "invalid_token", "error_description": …}
    is_code = isinstance(error, str) and re.fullmatch(r"\w{1,60}", error) is not None
    has_more = any(names.get(name) for name in MESSAGES if name != "error")
    return str(error) if is_code and has_more else ""


def _request_id(names: Members) -> str:
    values = (names.get(name) for name in REQUEST_IDS)
    return next((v for v in values if isinstance(v, str) and re.fullmatch(r"[\w-]{8,80}", v)), "")


def _provider(names: Members) -> str:
    """Return the provider that OpenRouter names."""
    metadata = _object(names.get("metadata")) or {}
    name = metadata.get("providername")
    return well_formed(name[:60]) if isinstance(name, str) else ""


def _fields(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the members of the request that an error names, without the place of the body."""
    if depth > MAX_DEPTH:
        return
    value = _decoded(value)
    if isinstance(value, list):
        for each in value[:MAX_ENTRIES]:
            location = _location(_object(each) or {})
            if location:
                yield re.sub(r"^(?:body|query|header|\$)\.", "", location)
            yield from _fields(each, depth + 1)
    elif isinstance(value, dict):
        names = members(value)
        param = names.get("param")
        if isinstance(param, str) and re.fullmatch(r"[\w.\[\]]{1,200}", param):
            yield param
        for name, each in names.items():
            if name in READ:
                yield from _fields(each, depth + 1)


def _without_id(message: str) -> tuple[str, str]:
    """Return a message and the request id at its end; the last is that of the server itself."""
    match = REQUEST_ID_SUFFIX.search(message)
    return (message[: match.start()].rstrip(), match.group(1)) if match else (message, "")


def _decoded(value: object) -> object:
    """Return the object or the list in a text that is JSON, else the value unchanged."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return decode_json(value)
    except ValueError:
        return value


def _object(value: object) -> Members | None:
    return members(value) if isinstance(value, dict) else None


def _word(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
