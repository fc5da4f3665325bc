"""Give runs to an MLflow server: the way back, so that nobody is caught here.

MLflow gives runs ids of its own; a tag keeps ours, and by it a run that is there already is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ondol.exchange.copying import Report
from ondol.exchange.local_files import PROXIED
from ondol.exchange.mlflow_server import MlflowApi
from ondol.exchange.source import RUN_NAME, Source, SourceExperiment, SourceRun
from ondol.exchange.take_over import Say
from ondol.kernel.errors import NotFound, OndolError

OUR_RUN = "ondol.run"
WHOLE = "ondol.exported"
POINTS_A_BATCH, PARAMS_A_BATCH = 1000, 100


def give_back(source: Source, target: MlflowApi, say: Say) -> Report:
    """Copy every run that is not deleted; broken off, the same call goes on where it was."""
    report = Report(source=source.where)
    for experiment in source.experiments():
        if experiment.deleted:
            continue
        report.experiments += 1
        place = _experiment(target, experiment)
        for run in source.runs(experiment):
            if run.deleted:
                continue
            try:
                _run(source, target, place, run, report)
            except OndolError as error:
                report.problems.append(f"run {run.id}: {error.message}")
            say(f"{experiment.name}: {report.runs} runs given, {report.skipped} were there")
    return report


def _experiment(target: MlflowApi, experiment: SourceExperiment) -> str:
    try:
        found = target.get("experiments/get-by-name", {"experiment_name": experiment.name})
        identity = str(found["experiment"]["experiment_id"])
    except NotFound:
        identity = str(target.post("experiments/create", {"name": experiment.name})["experiment_id"])
    for key, value in experiment.tags.items():
        target.post("experiments/set-experiment-tag", {"experiment_id": identity, "key": key, "value": value})
    return identity


def _run(source: Source, target: MlflowApi, experiment: str, run: SourceRun, report: Report) -> None:
    there = _there(target, experiment, run)
    if there.get(WHOLE):
        report.skipped += 1
        return
    identity = there.get("run_id") or _create(target, experiment, run)
    tags = {key: value for key, value in run.tags.items() if key != RUN_NAME}
    report.params += len(run.params)
    report.tags += len(tags)
    _log_texts(target, identity, run.params, tags)
    for part in source.points(run):
        for points in _parts([_point(point) for point in part], POINTS_A_BATCH):
            target.post("runs/log-batch", {"run_id": identity, "metrics": points})
            report.points += len(points)
    _files(source, target, identity, run, report)
    changes: dict[str, Any] = {"run_id": identity, "status": run.status.upper()}
    target.post("runs/update", changes | ({"end_time": run.ended_ms} if run.ended_ms else {}))
    target.post("runs/set-tag", {"run_id": identity, "key": WHOLE, "value": "true"})
    report.runs += 1


def _there(target: MlflowApi, experiment: str, run: SourceRun) -> dict[str, str]:
    """The id that the server gave to our run, and whether it is whole; empty when it has none."""
    asked = {"experiment_ids": [experiment], "filter": f"tags.`{OUR_RUN}` = '{run.id}'", "max_results": 1}
    for found in target.pages("runs/search", "runs", asked):
        tags = {tag["key"]: tag.get("value", "") for tag in found.get("data", {}).get("tags", [])}
        return {"run_id": found["info"]["run_id"], WHOLE: tags.get(WHOLE, "")}
    return {}


def _create(target: MlflowApi, experiment: str, run: SourceRun) -> str:
    asked = {
        "experiment_id": experiment,
        "user_id": run.person,
        "run_name": run.name,
        "start_time": run.started_ms,
        "tags": [{"key": OUR_RUN, "value": run.id}],
    }
    return str(target.post("runs/create", asked)["run"]["info"]["run_id"])


def _log_texts(target: MlflowApi, identity: str, params: dict[str, str], tags: dict[str, str]) -> None:
    for kind, texts in (("params", params), ("tags", tags)):
        pairs = [{"key": key, "value": value} for key, value in texts.items()]
        for part in _parts(pairs, PARAMS_A_BATCH):
            target.post("runs/log-batch", {"run_id": identity, kind: part})


def _point(point: Any) -> dict[str, Any]:
    value = point.value
    if not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return {"key": point.key, "value": value, "timestamp": point.timestamp, "step": point.step}


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def _files(source: Source, target: MlflowApi, identity: str, run: SourceRun, report: Report) -> None:
    root = str(target.get("runs/get", {"run_id": identity})["run"]["info"]["artifact_uri"])
    for file in source.files(run.artifacts):
        if not root.startswith(PROXIED):
            report.problems.append(f"run {run.id}: {target.where} keeps artifacts at {root}, not behind its proxy")
            return
        target.write_file(f"{root.removeprefix(PROXIED).lstrip('/')}/{file.path}", source.read(run.artifacts, file))
        report.files += 1
        report.bytes += file.size
