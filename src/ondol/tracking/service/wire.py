"""What foreign protocols ask of runs, in their units: milliseconds, texts, lists. No operations of ours.

All of it runs in the caller's transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.page import decode_token, encode_token
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import active, experiments, place_of, start_run
from ondol.tracking.types import (
    DatasetInput,
    HistoryPoint,
    KeyValue,
    ModelInput,
    ModelOutput,
    NewestPoint,
    Point,
    RunEnded,
    SearchRuns,
    TrackedRun,
)

if TYPE_CHECKING:
    from ondol.tracking.repo import inputs, metrics, runs
    from ondol.tracking.repo import models as model_rows
    from ondol.tracking.repo import search as searches
    from ondol.tracking.rules import limits
    from ondol.tracking.rules import search as grammar
else:
    inputs, metrics = lazy("ondol.tracking.repo.inputs"), lazy("ondol.tracking.repo.metrics")
    runs, model_rows = lazy("ondol.tracking.repo.runs"), lazy("ondol.tracking.repo.models")
    searches, grammar = lazy("ondol.tracking.repo.search"), lazy("ondol.tracking.rules.search")
    limits = lazy("ondol.tracking.rules.limits")

RUN_NAME = "mlflow.runName"
LOGGED_MODELS = "mlflow.log-model.history"
SEARCH_LIMIT = 50_000
HISTORY_LIMIT = 25_000
ENDED = ("finished", "failed", "killed")


def create(
    tools: Tools, experiment: str, *, name: str, person: str, started_ms: int, tags: Sequence[KeyValue]
) -> TrackedRun:
    """A new run with an id of ours, and a name of ours when it has none."""
    for tag in tags:
        limits.check_entry(tag.key, tag.value)
    found = experiments.active(tools, experiment_id(experiment))
    given = {tag.key: tag.value for tag in tags}
    tagged = given.pop(RUN_NAME, "")
    if name and tagged and name != tagged:
        raise Invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
            f" (run_name='{name}', mlflow.runName='{tagged}')."
        )
    identity = tools.new_id("run")
    named = name or tagged or limits.random_name(secrets.randbits(40))
    limits.check_text("run_name", named, limits.TAG_LENGTH)
    number = start_run(tools, identity, named, found, person=person, at=started_ms)
    runs.put_tags(tools.connection, number, _cut(given))
    return TrackedRun(
        id=identity,
        name=named,
        experiment=found.id,
        status="running",
        person=person,
        started_ms=started_ms,
        ended_ms=None,
        deleted_ms=None,
        location=found.location,
        tags=[KeyValue(key=key, value=value) for key, value in sorted(_cut(given).items())],
    )


def _cut(tags: dict[str, str]) -> dict[str, str]:
    return {key: value[: limits.TAG_LENGTH] for key, value in tags.items()}


def experiment_id(given: str) -> int:
    """Ids are whole numbers; those that no experiment can have are not found."""
    digits = given.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise Invalid(f"Invalid experiment ID '{given[:80]}'. Experiment ID must be a valid integer.")
    return int(given) if len(given) <= 18 else -1


def read(tools: Tools, identity: str) -> TrackedRun:
    limits.check_run_id(identity)
    return runs.read_runs(tools.connection, [place_of(tools, identity).number])[0]


def update(tools: Tools, identity: str, *, status: str, ended_ms: int | None, name: str) -> TrackedRun:
    place = active(tools, identity)
    changes: dict[str, Any] = {}
    if status:
        changes["status"] = status
    if ended_ms is not None:
        changes["ended_ms"] = ended_ms
    if name:
        limits.check_text("run_name", name, limits.TAG_LENGTH)
        changes["name"] = name
    before = read(tools, identity)
    if changes:
        runs.update_run(tools.connection, place.number, **changes)
    if status in ENDED and before.status not in ENDED:
        experiment = experiments.names_of(tools, [place.experiment])[place.experiment]
        tools.emit(RunEnded(subject=identity, experiment=experiment, status=status))
    return msgspec.structs.replace(before, **changes)


def log(
    tools: Tools,
    identity: str,
    *,
    points: Sequence[Point] = (),
    params: Sequence[KeyValue] = (),
    tags: Sequence[KeyValue] = (),
) -> None:
    """All of it, or nothing: the limits of the protocol, then the run, then what it has already."""
    limits.check_run_id(identity)
    limits.check_batch(points, params, tags)
    place = active(tools, identity)
    if params:
        given = {param.key: (param.value[: limits.PARAM_LENGTH], "text") for param in params}
        known = runs.read_params(tools.connection, place.number)
        fresh = rules.fresh_params(identity, known, given, strict=False)
        runs.insert_params(tools.connection, place.number, fresh)
    rows = [(point.key, point.timestamp, point.step, point.value) for point in points]
    metrics.put_points(tools.connection, place.number, rows)
    measured = [point for point in points if point.model_id]
    if measured:
        model_rows.put_model_metrics(tools.connection, identity, measured)
    if tags:
        set_tags(tools, place.number, {tag.key: tag.value for tag in tags})


def set_tags(tools: Tools, number: int, given: dict[str, str]) -> None:
    if name := given.pop(RUN_NAME, ""):
        runs.update_run(tools.connection, number, name=name[: limits.TAG_LENGTH])
    runs.put_tags(tools.connection, number, _cut(given))


def delete_tag(tools: Tools, identity: str, key: str) -> None:
    place = active(tools, identity)
    if not runs.delete_tag(tools.connection, place.number, key):
        raise NotFound(f"No tag with name: {key} in run with id {identity}")


def search(tools: Tools, request: SearchRuns) -> tuple[list[TrackedRun], str]:
    """Runs of the experiments with these ids, and the token of the next page, empty at the end."""
    limits.check_limit(request.limit, SEARCH_LIMIT)
    offset = rules.offset_of(request.token)
    numbers = searches.search_runs(
        tools.connection,
        [experiment_id(given) for given in request.experiments],
        grammar.parse_filter(request.filter, grammar.RUNS),
        grammar.parse_order(request.order_by, grammar.RUNS),
        searches.Page(request.limit, offset, request.view),
    )
    more = encode_token(rules.offset_text(offset + request.limit)) if len(numbers) > request.limit else ""
    return runs.read_runs(tools.connection, numbers[: request.limit]), more


def log_inputs(tools: Tools, identity: str, datasets: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
    if len(datasets) > limits.DATASETS_A_CALL:
        raise Invalid(f"At most {limits.DATASETS_A_CALL} datasets a call; got {len(datasets)}.")
    for given in datasets:
        limits.check_dataset(msgspec.structs.asdict(given.dataset), given.tags)
    place = active(tools, identity)
    for given in datasets:
        inputs.put_dataset(tools.connection, place.experiment, place.number, given)
    inputs.put_models(tools.connection, place.number, "input", [(model.model_id, 0) for model in models])


def log_outputs(tools: Tools, identity: str, models: Sequence[ModelOutput]) -> None:
    place = active(tools, identity)
    inputs.put_models(tools.connection, place.number, "output", [(model.model_id, model.step) for model in models])


def note_model(tools: Tools, identity: str, model: dict[str, Any]) -> None:
    """Add a model to the tag in which runs list the models they wrote, as clients before MLflow 3 have it."""
    place = active(tools, identity)
    known = runs.read_tag(tools.connection, place.number, LOGGED_MODELS)
    models = [*(msgspec.json.decode(known) if known else []), model]
    value = msgspec.json.encode(models).decode()
    limits.check_text("value", value, limits.TAG_LENGTH * 100)
    runs.put_tags(tools.connection, place.number, {LOGGED_MODELS: value})


def dataset_summaries(tools: Tools, ids: Sequence[str], limit: int) -> list[tuple[int, str, str, str | None]]:
    """Experiment, name, digest and context of what the runs of these experiments read."""
    return inputs.dataset_summaries(tools.connection, [experiment_id(given) for given in ids], limit)


def history(tools: Tools, identity: str, key: str, *, limit: int | None, token: str) -> tuple[list[HistoryPoint], str]:
    """Points by moment, step and value, and the token of the next page."""
    limits.check_run_id(identity)
    if limit is not None:
        limits.check_limit(limit, limits.WHOLE - 1)
    after = _after(token) if token else None
    series = metrics.find_series(tools.connection, identity, key)
    if series is None:
        place_of(tools, identity)
        return [], ""
    found = metrics.read_points(tools.connection, series, key, limit=limit and limit + 1, after=after)
    if limit is None or len(found) <= limit:
        return found, ""
    del found[limit:]
    last = found[-1]
    nan = last.value == "NaN"
    place = f"{last.timestamp} {last.step} {(0.0 if nan else float(last.value)).hex()} {int(nan)}"
    return found, encode_token(place)


def _after(token: str) -> tuple[int, int, float, int]:
    try:
        at, step, value, nan = decode_token(token).split(" ")
        return int(at), int(step), float.fromhex(value), int(nan)
    except (ValueError, OverflowError) as error:
        raise Invalid("Invalid page token: it is not one of this list.") from error


def bulk_history(tools: Tools, ids: Sequence[str], key: str, limit: int) -> list[NewestPoint]:
    """Points of several runs, by run, moment, step and value."""
    return [
        NewestPoint(key=key, value=point.value, timestamp=point.timestamp, step=point.step, run_id=run)
        for run, point in metrics.read_bulk(tools.connection, sorted(set(ids)), key, limit)
    ]


def sampled_history(
    tools: Tools, ids: Sequence[str], key: str, *, most: int, first: int | None, last: int | None
) -> list[NewestPoint]:
    """At most `most` points a run, evenly spread, the first and the last among them."""
    found: list[NewestPoint] = []
    for identity in ids:
        place_of(tools, identity)
        series = metrics.find_series(tools.connection, identity, key)
        if series is not None:
            chosen = metrics.sample_points(tools.connection, series, most=most, first=first, last=last)
            found += [_point(key, point, identity) for point in chosen]
    return found


def _point(key: str, row: Any, run: str) -> NewestPoint:
    at, step, value, nan = row
    number = rules.json_number(float("nan") if nan else value)
    return NewestPoint(key=key, value=number, timestamp=at, step=step, run_id=run)
