"""Take over runs: whole, once, and counted.

A run counts as taken over when the house holds as many parameters, tags, metrics and points of it as the source,
and every file in its size. Runs that do are skipped, so that a broken import goes on where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ondol.doors.client import Client
from ondol.exchange import models, traces
from ondol.exchange.copying import Report, copy_files
from ondol.exchange.source import RUN_NAME, Source, SourceExperiment, SourceRun
from ondol.kernel.errors import NotFound, OndolError
from ondol.tracking.types import Point
from ondol.tracking.types.importing import ImportedRun

_NOTE = "ondol.imported_from"

Say = Callable[[str], None]


def take_over(source: Source, client: Client, say: Say) -> Report:
    """Copy everything; a run that fails is a line in `problems`, and the others go on."""
    report, places = Report(source=source.where), models.Places()
    for experiment in source.experiments():
        report.experiments += 1
        here = _experiment(client, experiment, report)
        for run in source.runs(experiment) if here else ():
            places.note_run(here, run)
            try:
                _run(source, client, experiment, run, report)
            except OndolError as error:
                report.problems.append(f"run {run.id}: {error.message}")
            say(f"{experiment.name}: {report.runs} runs taken over, {report.skipped} were here")
        if here:
            models.take_logged(source, client, experiment, places, report)
            traces.take_traces(source, client, experiment, here, report)
        if here and experiment.deleted:
            client.call("experiments.delete", experiment=experiment.name)
    models.take_registered(source, client, places, report)
    return report


def _experiment(client: Client, experiment: SourceExperiment, report: Report) -> str:
    """Its id here; empty for one that somebody deleted here, though not there: it stays so."""
    try:
        known = client.call("experiments.get", experiment=experiment.name)
    except NotFound:
        known = client.call("experiments.create", name=experiment.name)
    if known.deleted_at is not None and not experiment.deleted:
        report.left_alone.append(f"experiment {experiment.name}: it was deleted here")
        return ""
    if known.deleted_at is not None:
        client.call("experiments.restore", experiment=known.id)
    if experiment.tags:
        client.call("experiments.update", experiment=known.id, tags=experiment.tags)
    return str(known.id)


def _run(source: Source, client: Client, experiment: SourceExperiment, run: SourceRun, report: Report) -> None:
    note = f"{source.where} {run.id}"
    if _is_here(client, run.id, note):
        report.skipped += 1
        return
    tags = {key: value for key, value in run.tags.items() if key != RUN_NAME}
    held = _send(client, experiment, run, tags=tags, params=run.params, datasets=run.datasets)
    points = 0
    for part in source.points(run):
        distinct = {(point.key, point.timestamp, point.step, repr(point.value)): point for point in part}
        points += len(distinct)
        held = _send(client, experiment, run, points=[_wire(point) for point in distinct.values()])
    _files(source, client, run, held, report)
    if wrong := _differences(run, tags, points, held):
        report.problems += wrong
        return
    report.runs += 1
    report.params += held.params
    report.tags += held.tags
    report.points += held.points
    # Last, because the next import skips runs with this note.
    _send(client, experiment, run, tags={_NOTE: note})


def _is_here(client: Client, run: str, note: str) -> bool:
    try:
        known = client.call("runs.get", run=run)
    except NotFound:
        return False
    return bool(known.tags.get(_NOTE) == note)


def _send(client: Client, experiment: SourceExperiment, run: SourceRun, **parts: Any) -> ImportedRun:
    answer = client.call(
        "runs.import",
        run=run.id,
        experiment=experiment.name,
        name=run.name or run.tags.get(RUN_NAME, ""),
        status=run.status,
        person=run.person,
        started_ms=run.started_ms,
        ended_ms=run.ended_ms,
        deleted_ms=(run.ended_ms or run.started_ms) if run.deleted else None,
        **parts,
    )
    assert isinstance(answer, ImportedRun)
    return answer


def _wire(point: Point) -> dict[str, Any]:
    """JSON has no words for NaN and the infinities; the house takes texts for them."""
    value = point.value if math.isfinite(point.value) else str(point.value)
    return {"key": point.key, "value": value, "timestamp": point.timestamp, "step": point.step}


def _differences(run: SourceRun, tags: dict[str, str], points: int, held: ImportedRun) -> list[str]:
    expected = {"params": len(run.params), "tags": len(tags), "metrics": len(run.metrics), "points": points}
    return [
        f"run {run.id}: {getattr(held, what)} {what} here, {count} in the source"
        for what, count in expected.items()
        if getattr(held, what) != count
    ]


def _files(source: Source, client: Client, run: SourceRun, held: ImportedRun, report: Report) -> None:
    here = {one.path: one.size for one in client.call("runs.artifacts", run=run.id)}
    copy_files(source, client, run.artifacts, f"{held.experiment_id}/{run.id}/artifacts", (here, report))
