"""When a candidate is rolled back, as a person writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import exp, lgamma, log, log1p
from typing import Literal

import msgspec

from ondol.kernel.errors import Invalid
from ondol.rollout.types import Evidence

_HINT = 'Write "error_rate > 1%", "latency_p95 > 50 ms" or "auc worse than champion".'
_CHANCE = 0.05
_REQUESTS_FOR_A_PERCENTILE = 40


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """`limit`: a share for `error_rate`, milliseconds for `latency_p95`, nothing for `auc`."""

    metric: Literal["error_rate", "latency_p95", "auc"]
    limit: float = 0.0


def parse_conditions(texts: Sequence[str]) -> list[Condition]:
    """`Invalid` names the condition that is not understood."""
    return [_parse_condition(text) for text in texts]


def _parse_condition(text: str) -> Condition:
    plain = " ".join(text.split())
    if plain == "auc worse than champion":
        return Condition(metric="auc")
    if found := re.fullmatch(r"error_rate ?> ?(\d+(?:\.\d+)?) ?%", plain):
        if float(found[1]) < 100:
            return Condition(metric="error_rate", limit=float(found[1]) / 100)
    elif found := re.fullmatch(r"latency_p95 ?> ?(\d+(?:\.\d+)?) ?(ms|s)", plain):
        return Condition(metric="latency_p95", limit=float(found[1]) * (1000 if found[2] == "s" else 1))
    raise Invalid(f"rollback_if: {text!r} is not understood.", hint=_HINT)


def wants_quality(conditions: Sequence[Condition]) -> bool:
    """Whether the candidate must prove itself by labels, or only answer in order and in time."""
    return any(condition.metric == "auc" for condition in conditions)


def broken(condition: Condition, seen: Evidence) -> str:
    """Why the evidence breaks an operational condition; empty when it does not."""
    requests = seen.candidate_requests
    if condition.metric == "error_rate":
        errors = round(seen.errors_candidate * requests)
        if errors > condition.limit * requests and _chance_of(errors, requests, condition.limit) < _CHANCE:
            return f"{errors} of {requests} requests failed ({errors / requests:.1%}, limit {condition.limit:.1%})"
    enough = condition.metric == "latency_p95" and requests >= _REQUESTS_FOR_A_PERCENTILE
    if enough and seen.latency_p95_candidate_ms > condition.limit:
        return f"latency p95 is {seen.latency_p95_candidate_ms:.1f} ms (limit {condition.limit:g} ms)"
    return ""


def _chance_of(errors: int, requests: int, rate: float) -> float:
    """How likely so many errors or more are at this rate: the binomial tail."""
    if rate == 0:
        return 0.0
    fewer = 0.0
    for count in range(errors):
        ways = lgamma(requests + 1) - lgamma(count + 1) - lgamma(requests - count + 1)
        fewer += exp(ways + count * log(rate) + (requests - count) * log1p(-rate))
    return max(0.0, 1 - fewer)
