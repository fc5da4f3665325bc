"""What a run accepts, and which point of a metric is its newest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.page import decode_token
from ondol.tracking.types import LogRun, MetricPoint, Number, Value

Row = tuple[str, int, int, float]
"""A point of a metric: key, milliseconds since 1970 UTC, step, value."""

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


def offset_text(offset: int) -> str:
    return f"offset {offset}"


def offset_of(token: str) -> int:
    """How many of a search's answers the page before has shown."""
    if not token:
        return 0
    word, _, number = decode_token(token).partition(" ")
    if word != "offset" or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise Invalid("Invalid page token: it is not one of this list.", hint="Start again without a token.")
    return int(number)


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


def param_text(value: Value) -> tuple[str, str]:
    """A parameter as it is kept: its text, as Python writes it, and its kind."""
    if isinstance(value, str):
        return value, "text"
    if isinstance(value, float):
        word = json_number(value)
        return (word, "text") if isinstance(word, str) else (repr(value), "float")
    return str(value), _KINDS[type(value)]


_KINDS: Final = {bool: "bool", int: "int", type(None): "null"}


def param_value(text: str, kind: str) -> Value:
    """What `param_text` was given."""
    match kind:
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool":
            return text == "True"
        case "null":
            return None
        case _:
            return text


def fresh_params(
    run: str, known: dict[str, tuple[str, str]], given: dict[str, tuple[str, str]], *, strict: bool = True
) -> dict[str, tuple[str, str]]:
    """The parameters of `given` that the run does not have yet; `Conflict` where it has another value.

    Protocols that know texts only are not `strict`: for them 63 and "63" are one value.
    """
    fresh = {}
    for key, said in given.items():
        if key not in known:
            fresh[key] = said
        elif known[key] != said and (strict or known[key][0] != said[0]):
            raise Conflict(
                f"Changing param values is not allowed. Run {run} has the parameter {key!r} = {known[key][0]!r};"
                f" it cannot become {said[0]!r}.",
                hint="Parameters keep their first value: start another run, or log a metric.",
            )
    return fresh


def json_number(value: float) -> Number:
    """`value` itself, or the word for one that JSON cannot write."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def to_row(point: MetricPoint, now: datetime) -> Row:
    """The point with a moment: its own (UTC when it has no offset), or `now`."""
    return point.key, to_ms(in_utc(point.at or now)), point.step, float(point.value)


def in_utc(moment: datetime) -> datetime:
    """The moment with its offset; one that has none is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(moment: int) -> datetime:
    """Moments before the year 1 or after 9999, which protocols allow, become those years."""
    try:
        return datetime.fromtimestamp(moment / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(9999, 12, 31, tzinfo=UTC) if moment > 0 else datetime(1, 1, 1, tzinfo=UTC)


def timestamp(moment: int) -> str:
    """Milliseconds as Protocol Buffers write a moment: `2024-05-06T07:08:09.123Z`."""
    seconds, rest = divmod(moment, 1000)
    plain = from_ms(seconds * 1000).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{plain}.{rest:03d}Z"


def newest(points: Iterable[Row]) -> dict[str, Row]:
    """The newest point of each metric: the one with the largest (step, moment, value); NaN is below every value.

    The value breaks ties, so that the answer does not depend on the order in which points arrive.
    """
    found: dict[str, Row] = {}
    for point in points:
        other = found.get(point[0])
        if other is None or point[2] > other[2] or (point[2] == other[2] and _age(point) >= _age(other)):
            found[point[0]] = point
    return found


def _age(point: Row) -> tuple[int, float]:
    _, at, _, value = point
    return at, value if value == value else -math.inf


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
