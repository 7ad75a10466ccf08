"""The performance of models as cells of a table, fields of TSV and JSON."""

from __future__ import annotations

from newapi_cli.domain.health import GroupHealth, ModelHealth
from newapi_cli.i18n import tr
from newapi_cli.render.units import percent, seconds


def success_cell(health: ModelHealth) -> str:
    """Return the success rate; that of the latest period follows if it is much lower.

    >>> success_cell(ModelHealth("m", 98.2, 12.9)), success_cell(ModelHealth("m", 98.2, 97))
    ('98 %, now 13 %', '98 %')
    """
    rate = percent(health.success_rate)
    if health.success_rate - health.current_rate < 10:
        return rate
    return tr("{rate}, now {latest}", rate=rate, latest=percent(health.current_rate))


def speed_cell(health: ModelHealth) -> str:
    """Return the tokens per second, empty if they are not reported."""
    return "" if health.tokens_per_s is None else f"{health.tokens_per_s:.0f}"


def latency_cell(health: ModelHealth) -> str:
    """Return the mean duration of a request, empty if it is not reported."""
    return "" if health.latency_s is None else seconds(health.latency_s)


def group_text(health: GroupHealth) -> str:
    """Return the performance of a model in one group as one line.

    >>> group_text(GroupHealth("vip", 99.5, 0.42, 81.4))
    'group vip: 99.5 % succeeded, first token 0.42 s, 81 tokens/s'
    """
    parts = [tr("{rate} succeeded", rate=percent(health.success_rate))]
    if health.first_token_s is not None:
        parts.append(tr("first token {time}", time=seconds(health.first_token_s)))
    if health.tokens_per_s is not None:
        parts.append(tr("{n:.0f} tokens/s", n=health.tokens_per_s))
    return tr("group {name}: {health}", name=health.group, health=", ".join(parts))


def health_json(health: ModelHealth | None) -> dict[str, object] | None:
    """Return a JSON value; rates are in percent."""
    if health is None:
        return None
    groups = {"groups": [each._asdict() for each in health.groups]} if health.groups else {}
    return {
        "success_rate": health.success_rate,
        "latest_success_rate": health.latest_rate,
        "tokens_per_s": health.tokens_per_s,
        "latency_s": health.latency_s,
        **groups,
    }
