"""What clients of the MLflow protocol may write: names, lengths and numbers of entries, in its own words.

The limits are those of MLflow 3.17; what it refuses with an error of its database is refused here by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any, Final

from ondol.kernel.errors import Invalid
from ondol.tracking.types import KeyValue, Point

KEY_LENGTH: Final = 250
PARAM_LENGTH: Final = 6_000
TAG_LENGTH: Final = 8_000
EXPERIMENT_NAME_LENGTH: Final = 500
EXPERIMENT_TAG_LENGTH: Final = 20_000
METRICS_A_BATCH: Final = 1_000
PARAMS_A_BATCH: Final = 100
ENTRIES_A_BATCH: Final = 1_000
WHOLE: Final = 2**63 - 1
DATASETS_A_CALL: Final = 1_000
_DATASET_LENGTHS: Final = {
    "name": 500,
    "digest": 36,
    "source": 65_535,
    "schema": 1_048_575,
    "profile": 16_777_215,
}
_MODEL_NAME_LETTERS: Final = "/:.%\"'"
INPUT_TAG_KEY_LENGTH: Final = 255
INPUT_TAG_LENGTH: Final = 500

_KEY = re.compile(r"[/\w.\- :]*")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_LETTERS: Final = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and"
    " slashes (/)."
)


def check_key(key: str, place: str) -> None:
    """`Invalid` unless `key` is a name for a metric, parameter or tag that could also be a path of a file."""
    if not _KEY.fullmatch(key):
        raise Invalid(f"Invalid value {key[:300]!r} for parameter '{place}' supplied: {_LETTERS}")
    plain = posixpath.normpath(key)
    if plain != key or plain == "." or plain.startswith(("..", "/")):
        raise Invalid(
            f"Invalid value {key[:300]!r} for parameter '{place}' supplied: Names may be treated as files in certain"
            f" cases, and must not resolve to other names when treated as such. This name would resolve to {plain!r}"
        )
    check_text(place, key, KEY_LENGTH)


def check_text(what: str, value: str, most: int) -> None:
    if len(value) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters")
    if "\0" in value:
        raise Invalid(f"Invalid value for parameter '{what}' supplied: it holds a NUL character.")


def check_points(points: Sequence[Point]) -> None:
    seen: set[str] = set()
    for place, point in enumerate(points):
        if point.key not in seen:
            check_key(point.key, f"metrics[{place}].name")
            seen.add(point.key)
        if not 0 <= point.timestamp <= WHOLE:
            raise Invalid(
                f"Invalid value {point.timestamp} for parameter 'metrics[{place}].timestamp' supplied: metric"
                f" '{point.key}' (value={point.value}). Timestamp must be a nonnegative long (64-bit integer) "
            )
        if not -WHOLE - 1 <= point.step <= WHOLE:
            raise Invalid(
                f"Invalid value {point.step} for parameter 'metrics[{place}].step' supplied: metric '{point.key}'"
                f" (value={point.value}). Step must be a valid long (64-bit integer)."
            )


def check_entry(key: str, value: str, place: str = "") -> None:
    """A parameter or a tag. Values that are too long are no mistake: they are cut."""
    check_key(key, f"{place}key")
    if "\0" in value:
        raise Invalid(f"Invalid value for parameter '{place}value' supplied: it holds a NUL character.")


def check_experiment_tag(key: str, value: str) -> None:
    check_key(key, "key")
    check_text("value", value, EXPERIMENT_TAG_LENGTH)


def check_batch(points: Sequence[Point], params: Sequence[KeyValue], tags: Sequence[KeyValue]) -> None:
    """The limits of one log-batch, then its entries."""
    for what, most, size in (
        ("metrics", METRICS_A_BATCH, len(points)),
        ("params", PARAMS_A_BATCH, len(params)),
        ("tags", PARAMS_A_BATCH, len(tags)),
        ("metrics, params, and tags", ENTRIES_A_BATCH, len(points) + len(params) + len(tags)),
    ):
        if size > most:
            raise Invalid(
                f"A batch logging request can contain at most {most} {what}. Got {size} {what}. Please split up"
                f" {what} across multiple requests and try again."
            )
    check_points(points)
    for place, param in enumerate(params):
        check_entry(param.key, param.value, f"params[{place}].")
    for place, tag in enumerate(tags):
        check_entry(tag.key, tag.value, f"tags[{place}].")
    twice = [param.key for place, param in enumerate(params) if any(param.key == one.key for one in params[:place])]
    if twice:
        raise Invalid(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one"
            " param value per param key."
        )


def check_run_id(identity: str) -> None:
    if not _RUN_ID.fullmatch(identity):
        raise Invalid(f"Invalid value {identity[:300]!r} for parameter 'run_id' supplied.")


def check_experiment_name(name: str) -> None:
    if not name:
        raise Invalid(f"Invalid experiment name: '{name}'")
    check_text("name", name, EXPERIMENT_NAME_LENGTH)


def check_limit(limit: int, most: int, name: str = "max_results") -> None:
    if not 1 <= limit <= most:
        raise Invalid(
            f"Invalid value {limit} for parameter '{name}' supplied. It must be a positive integer, at most {most}."
        )


def check_model_name(name: str) -> None:
    if not name or set(_MODEL_NAME_LETTERS) & set(name):
        raise Invalid(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the"
            f" following characters: {tuple(_MODEL_NAME_LETTERS)}"
        )
    check_text("name", name, EXPERIMENT_NAME_LENGTH)


def check_dataset(fields: dict[str, Any], tags: Sequence[KeyValue]) -> None:
    for name, most in _DATASET_LENGTHS.items():
        check_text(f"Dataset {name}", fields[name] or "", most)
    for name in ("name", "digest", "source_type", "source"):
        if not fields[name]:
            raise Invalid(f"Dataset {name} cannot be empty")
    for tag in tags:
        check_text("Dataset input tag key", tag.key, INPUT_TAG_KEY_LENGTH)
        check_text("Dataset input tag value", tag.value, INPUT_TAG_LENGTH)


_FIRST: Final = tuple(
    re.findall(
        r"\w+",
        "amber bold brave bright calm clear clever crisp eager early fair fine fresh gentle glad grand happy keen kind"
        " light lively lucky mellow merry mild neat nimble quick quiet rare ready sharp silent smart steady swift tidy"
        " vivid warm wise",
    )
)
_SECOND: Final = tuple(
    re.findall(
        r"\w+",
        "badger bear beaver carp cat cow crane crow deer dove duck eagle elk finch fox frog goat goose hare hawk heron"
        " horse ibis jay lark lynx magpie mole moth otter owl ox perch pike puma quail rabbit raven robin seal shrew"
        " skunk sparrow squid stag stork swan tiger trout vole wolf wren",
    )
)


def random_name(seed: int) -> str:
    """A name to tell runs apart that nobody has named: `swift-heron-417`."""
    seed, number = divmod(seed, 1_000)
    seed, second = divmod(seed, len(_SECOND))
    return f"{_FIRST[seed % len(_FIRST)]}-{_SECOND[second]}-{number}"
