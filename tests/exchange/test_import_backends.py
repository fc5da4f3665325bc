"""What MLflow itself wrote into a database is taken over, from SQLite and from Postgres: `--lanes=mlflow,postgres`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers import Unavailable, environment
from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.exchange.source import open_source
from ondol.exchange.take_over import Report, take_over
from tests.rooms import served

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(300)]

STORY = """
import mlflow, sys
from mlflow.entities import AssessmentSource
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("churn")
client = mlflow.MlflowClient()
with mlflow.start_run(run_name="first") as run:
    mlflow.log_params({"lr": 0.1})
    for step in range(20):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metric("odd", float("nan"))
    mlflow.log_text("hello", "notes/a.txt")

    @mlflow.trace(span_type="LLM")
    def ask(question):
        with mlflow.start_span("look up") as span:
            span.set_attributes({"model": "small"})
        return "so"

    ask("why?")
trace = mlflow.get_last_active_trace_id()
mlflow.log_feedback(trace_id=trace, name="helpful", value=True, rationale="short",
                    source=AssessmentSource(source_type="HUMAN", source_id="ana"))
mlflow.log_expectation(trace_id=trace, name="answer", value={"text": "so"})
mlflow.set_trace_tag(trace, "team", "ops")
client.create_registered_model("delay", tags={"a": "b"})
client.create_model_version("delay", f"runs:/{run.info.run_id}/notes", run_id=run.info.run_id)
client.set_registered_model_alias("delay", "best", 1)
mlflow.flush_trace_async_logging() if hasattr(mlflow, "flush_trace_async_logging") else None
print(run.info.run_id, trace)
"""


# MLflow takes half a minute to make a database: one is enough for every day.
_BACKENDS = [pytest.param("sqlite", marks=pytest.mark.walk), pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=_BACKENDS)
def backend(request, tmp_path: Path) -> tuple[str, str]:
    """The address for MLflow, and for us."""
    if request.param == "sqlite":
        return (f"sqlite:///{tmp_path}/mlflow.db",) * 2
    url = request.getfixturevalue("postgres_url")
    return url.replace("postgresql://", "postgresql+psycopg://"), url


@pytest.fixture
def client(house) -> Iterator[Client]:
    with served(build_app(house)) as url, Client(url) as opened:
        yield opened


def written(address: str, tmp_path: Path) -> tuple[str, str]:
    """The ids of the run and the trace that MLflow wrote."""
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        pytest.skip(str(reason))
    # MLflow's environment has no driver for Postgres: it borrows ours.
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    library = importlib.util.find_spec("psycopg")
    for folder in Path(str(library.origin)).parents[1].glob("psycopg*") if library else ():
        (borrowed / folder.name).symlink_to(folder)
    settings = {"HOME": str(tmp_path), "PYTHONPATH": str(borrowed), "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}
    answer = subprocess.run(
        [python, "-c", STORY, address],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | settings,
    )
    assert answer.returncode == 0, answer.stderr[-6000:]
    run, trace = answer.stdout.split()[-2:]
    return run, trace


def take(where: str, client: Client) -> Report:
    source = open_source(where)
    try:
        return take_over(source, client, lambda _: None)
    finally:
        source.close()


def test_a_backend_of_mlflows_own_is_taken_over_with_traces_and_models(backend, client, house, tmp_path) -> None:
    for_mlflow, for_us = backend
    run, trace = written(for_mlflow, tmp_path)
    report = take(for_us, client)
    assert report.problems == []
    assert (report.runs, report.points, report.files, report.traces, report.spans) == (1, 21, 1, 1, 2)
    assert (report.models, report.versions) == (1, 1)
    found = client.runs.get(run=run)
    assert (found.experiment, found.params, found.metrics["odd"]) == ("churn", {"lr": "0.1"}, "NaN")
    assert client.models.get(model="delay").aliases == {"best": 1}
    kept = client.traces.get(trace=trace)
    assert [(span.name, span.kind) for span in kept.spans] == [("ask", "LLM"), ("look up", "UNKNOWN")]
    assert (kept.spans[0].inputs, kept.spans[0].outputs) == ('{"question": "why?"}', "so")
    assert (kept.tags["team"], kept.runs) == ("ops", [run])
    said = {one["name"]: (one["kind"], one["value"], one["source"]) for one in kept.assessments}
    assert said["helpful"] == ("feedback", "true", "ana")
    assert said["answer"][0] == "expectation"
    searched = client.traces.list(filter="span.attributes.model = 'small' AND feedback.helpful = 'true'")
    assert [one.id for one in searched.items] == [trace]
    again = take(for_us, client)
    assert (again.runs, again.traces, again.skipped, again.problems) == (0, 0, 2, [])
    client.experiments.delete(experiment="churn")
    report = take(for_us, client)
    assert report.left_alone == ["experiment churn: it was deleted here"]
    assert client.experiments.get(experiment="churn").deleted_at is not None
