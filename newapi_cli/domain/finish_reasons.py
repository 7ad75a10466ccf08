"""What finish reasons mean: one table of the words of all providers.

`app.answer_outcome` decides what follows: a complete or incomplete answer, or an error, and so the
exit code.

Case, hyphens, underscores and blanks are ignored: `MAX_TOKENS`, `max-tokens` and `maxTokens` are
one word. A word that is in no list is shown as it is, and the answer counts as complete.
"""

from __future__ import annotations

STOP, LENGTH, CONTENT_FILTER, TOOL_CALLS = "stop", "length", "content_filter", "tool_calls"

# Anthropic, Bedrock, Cohere, DashScope, Gemini, Mistral, vLLM, Zhipu and the gateways before them.
_WORDS = {
    STOP: """
        stop endturn stopsequence complete completed done end endoftext endofturn eos eostoken eot
        eotid finish finished imend
        """,
    LENGTH: """
        length lengthlimit maxlength maxtokens maxtokensreached maxoutputtokens maxcompletiontokens
        maxnewtokens tokenlimit tokenlimitreached outputlimit errorlimit truncated
        modellength modelcontextwindowexceeded modelcontextlengthexceeded contextlength
        contextlengthexceeded contextlimit contextwindowexceeded
        """,
    CONTENT_FILTER: """
        contentfilter contentfiltered contentblocked contentpolicy contentpolicyviolation filter
        filtered blocked blocklist censored errortoxic guardrail guardrailintervened guardrails
        imagecontentfilter imageprohibitedcontent imagerecitation imagesafety moderation
        policyviolation prohibitedcontent recitation refusal refused riskcontrol safety sensitive
        spii toxic toxicity
        """,
    TOOL_CALLS: "toolcall toolcalls tooluse",
}
_FAILURE_WORDS = """
    abort aborted cancel canceled cancelled usercancel error failed failure internalerror
    servererror unknownerror networkerror interrupted overloaded timeout timedout
    insufficientsystemresource insufficientsystemresources insufficientresources
    malformedfunctioncall malformedmodeloutput malformedresponse malformedtoolcall malformedtooluse
    missingthoughtsignature toomanytoolcalls unexpectedtoolcall
    """
_FAILURES = frozenset(_FAILURE_WORDS.split())
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_PREFIXES = ("finishreason", "stopreason")  # of enums that are sent with their type


def standard_reason(word: str) -> str:
    """Return the OpenAI word for a finish reason, or the word itself if there is none.

    >>> [standard_reason(word) for word in ("MAX_TOKENS", "FinishReason.SAFETY", "pause_turn")]
    ['length', 'content_filter', 'pause_turn']
    """
    return _MEANINGS.get(_plain(word), word)


def is_failure(word: str) -> bool:
    """Return whether a finish reason means that the answer failed; filters are another case.

    >>> is_failure("insufficient_system_resource"), is_failure("pause_turn")
    (True, False)
    """
    return _plain(word) in _FAILURES


def is_known(word: str) -> bool:
    """Return whether the meaning of a finish reason is known."""
    return word == "function_call" or _plain(word) in _MEANINGS or is_failure(word)


def _plain(word: str) -> str:
    plain = "".join(filter(str.isalnum, word.lower()))
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix) or plain
    return plain
