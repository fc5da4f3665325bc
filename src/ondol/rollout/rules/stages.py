"""Rollouts as a person writes them: `["10% for 14d", "50% for 500 requests", "100%"]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from ondol.kernel.errors import Invalid
from ondol.kernel.spans import parse_duration, parse_share

_HINT = 'Write "10% for 500 requests", "10% for 14d" or "100%".'
_ALL = 1.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the traffic until the candidate has answered so many requests, or for so long."""

    share: float
    requests: int = 0
    period: timedelta | None = None


def parse_rollout(texts: Sequence[str]) -> list[Stage]:
    """The stages before all of the traffic, in order; none for `["100%"]`.

    `Invalid` names the stage that is not understood.
    """
    stages = [_parse_stage(text) for text in texts]
    for position, (text, stage) in enumerate(zip(texts, stages, strict=True)):
        last = position == len(stages) - 1
        if stage.share == _ALL and not last:
            raise Invalid(f"rollout: {text!r} is all of the traffic, and stages follow it.", hint=_HINT)
        if stage.share != _ALL and stage.period is None and not stage.requests:
            raise Invalid(f"rollout: {text!r} does not say when it ends.", hint=_HINT)
        if position and stage.share <= stages[position - 1].share:
            raise Invalid(f"rollout: {text!r} is not more than the stage before it.", hint=_HINT)
    return [stage for stage in stages if stage.share != _ALL]


def _parse_stage(text: str) -> Stage:
    share_text, word, end = text.partition(" for ")
    try:
        share = parse_share(share_text)
        if requests := re.fullmatch(r"\s*(\d+)\s*requests?\s*", end):
            stage = Stage(share=share, requests=int(requests[1]))
        else:
            stage = Stage(share=share, period=parse_duration(end) if word else None)
    except Invalid as error:
        raise Invalid(f"rollout: {text!r} is no stage: {error.message}", hint=_HINT) from error
    # Of two versions the one with more traffic is the champion: a candidate stays below.
    if share == 0 or 0.5 < share < _ALL:
        raise Invalid(f"rollout: {text!r}: a candidate gets more than 0% and at most 50%, or 100%.", hint=_HINT)
    return stage


def check_every(stage: Stage) -> str:
    """How often the evidence of a stage is looked at."""
    return "1d" if stage.period is not None and stage.period >= timedelta(days=2) else "1h"


def is_over(stage: Stage, requests: int, lasted: timedelta) -> bool:
    """Whether a stage has ended, after `requests` answered by the candidate within it."""
    return lasted >= stage.period if stage.period is not None else requests >= stage.requests
