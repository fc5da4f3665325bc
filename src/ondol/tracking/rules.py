"""What a run accepts, and which point of a metric is its newest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from ondol.kernel.errors import Conflict, Invalid
from ondol.tracking.types import LogRun, MetricPoint, Number, Value

NAME_LENGTH: Final = 250
VALUE_LENGTH: Final = 8_000
ENTRIES_A_CALL: Final = 10_000
PAGE_LIMIT: Final = 1_000
HISTORY_LIMIT: Final = 100_000

_NAME = re.compile(r"[\w .:/@%+=()\[\]<>,-]+")
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORBIDDEN_IN_PATH = re.compile(r"[\x00-\x1f\x7f\\]")


def check_name(what: str, name: str) -> None:
    """`Invalid` unless `name` is 1 to 250 letters, digits, spaces or one of `_.:/@%+=()[]<>,-`."""
    if not _NAME.fullmatch(name) or len(name) > NAME_LENGTH or name != name.strip():
        raise Invalid(
            f"{name[:80]!r} is no name for {what}.",
            hint=f"Use 1 to {NAME_LENGTH} letters, digits, spaces or _.:/@%+=()[]<>,- without spaces at the ends.",
        )


def check_run_id(identity: str) -> None:
    if not _RUN_ID.fullmatch(identity):
        raise Invalid(
            f"{identity[:80]!r} is no id for a run.", hint="Use 1 to 64 letters, digits, _ or -; or let us make one."
        )


def check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise Invalid(f"limit is {limit}; it may be 1 to {most}.")


def check_log(request: LogRun) -> None:
    """`Invalid` names the first entry that cannot be kept."""
    entries = len(request.params) + len(request.metrics) + len(request.tags)
    if entries > ENTRIES_A_CALL:
        raise Invalid(f"{entries} entries in one call; at most {ENTRIES_A_CALL}.", hint="Log in several calls.")
    for key, value in request.params.items():
        check_name("a parameter", key)
        _check_length(f"Parameter {key!r}", value)
    check_tags(request.tags)
    for point in request.metrics:
        check_name("a metric", point.key)


def check_tags(tags: dict[str, str]) -> None:
    for key, value in tags.items():
        check_name("a tag", key)
        _check_length(f"Tag {key!r}", value)


def _check_length(what: str, value: Value) -> None:
    if isinstance(value, str) and len(value) > VALUE_LENGTH:
        raise Invalid(
            f"{what} has {len(value)} characters; at most {VALUE_LENGTH}.", hint="Store long texts as artifacts."
        )


def fresh_params(run: str, known: dict[str, Value], given: dict[str, Value]) -> dict[str, Value]:
    """The parameters of `given` that the run does not have yet; `Conflict` where it has another value."""
    fresh = {}
    for key, said in given.items():
        value = json_number(said) if isinstance(said, float) else said
        if key not in known:
            fresh[key] = value
        elif known[key] != value or type(known[key]) is not type(value):
            raise Conflict(
                f"Run {run} has parameter {key!r} = {known[key]!r}; it cannot become {value!r}.",
                hint="Parameters keep their first value: start another run, or log a metric.",
            )
    return fresh


def json_number(value: float) -> Number:
    """`value` itself, or the word for one that JSON cannot write."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def dated(points: Iterable[MetricPoint], now: datetime) -> list[MetricPoint]:
    """The points with a moment each: their own (UTC when it has no offset), or `now`."""
    return [
        replace(point, at=now)
        if point.at is None
        else replace(point, at=point.at.replace(tzinfo=UTC))
        if point.at.tzinfo is None
        else point
        for point in points
    ]


def newest(points: Iterable[MetricPoint]) -> dict[str, MetricPoint]:
    """The newest point of each metric: the one with the largest (step, moment, value); NaN is below every value.

    The value breaks ties, so that the answer does not depend on the order in which points arrive.
    """
    found: dict[str, MetricPoint] = {}
    for point in points:
        if point.key not in found or _age(point) >= _age(found[point.key]):
            found[point.key] = point
    return found


def _age(point: MetricPoint) -> tuple[int, float, float]:
    value = float(point.value)
    return point.step, point.at.timestamp() if point.at else 0.0, -math.inf if math.isnan(value) else value


def artifact_folder(run: str) -> str:
    """Where the run's artifacts are among the blobs."""
    check_run_id(run)
    return f"runs/{run}/artifacts"


def check_artifact_path(path: str) -> str:
    """The path itself; `Invalid` unless it is relative and stays below the run's folder."""
    parts = path.split("/")
    if not path or len(path) > 1_000 or {"", ".", ".."} & set(parts) or _FORBIDDEN_IN_PATH.search(path):
        raise Invalid(
            f"{path[:80]!r} is no path for an artifact.", hint="Write a relative one, such as plots/roc.json."
        )
    return path
