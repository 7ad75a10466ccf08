"""The optional fields of a request, from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from newapi_cli.app.context import Context
from newapi_cli.domain.completion import Sampling


def sampling_of(context: Context) -> Sampling:
    """Return the optional request fields that are set."""
    values = context.settings.values
    stored_options = context.config_file.profiles.get(context.settings.profile, {}).get("options")
    max_tokens, seed = values.get("max_tokens"), values.get("seed")
    effort = values.get("effort")
    return Sampling(
        temperature=_number(values.get("temperature")),
        top_p=_number(values.get("top_p")),
        max_tokens=max_tokens if isinstance(max_tokens, int) and max_tokens else None,
        frequency_penalty=_number(values.get("frequency_penalty")),
        presence_penalty=_number(values.get("presence_penalty")),
        stop=_texts(values.get("stop")),
        seed=seed if isinstance(seed, int) else None,
        effort=effort if isinstance(effort, str) and effort else None,
        options={**_table(stored_options), **_table(values.get("options"))},
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
