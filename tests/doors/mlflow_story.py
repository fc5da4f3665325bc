"""What a team's training code does, with MLflow's own client. Runs in an environment of its own; prints JSON.

It knows nothing of the server but MLFLOW_TRACKING_URI.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import mlflow  # noqa: E402
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

client = MlflowClient()
known: dict = {}


def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return error.error_code
    return "taken"


def experiments():
    known["default"] = client.get_experiment("0").name
    first = client.create_experiment("story", tags={"team": "ops"})
    known["twice"] = refused(client.create_experiment, "story")
    known["missing"] = refused(client.get_experiment, "4711")
    client.set_experiment_tag(first, "k", "v")
    client.rename_experiment(first, "story 2")
    found = client.search_experiments(filter_string="tags.team = 'ops' AND name LIKE 'story%'")
    known["experiment"] = [found[0].name, found[0].tags, found[0].artifact_location == f"mlflow-artifacts:/{first}"]
    return first


def logging(experiment):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name="parent", tags={"by": "hand"}) as parent:
        mlflow.log_params({"leaves": 63, "text": "a b"})
        known["param changed"] = refused(mlflow.log_param, "leaves", 64)
        mlflow.log_param("leaves", 63)
        for step, value in enumerate([0.5, math.nan, 0.25]):
            mlflow.log_metric("loss", value, step=step - 1)
        mlflow.log_metrics({"up": math.inf, "down": -math.inf})
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("loss", 3)
        data = mlflow.data.from_pandas(pd.DataFrame({"a": [1, 2]}), name="set", source="http://x.example/x.csv")
        mlflow.log_input(data, context="training", tags={"k": "v"})
    run = client.get_run(parent.info.run_id)
    known["run"] = [run.info.status, run.info.run_name, run.data.params, run.data.tags["by"], run.data.metrics["loss"]]
    known["infinite"] = [run.data.metrics["up"] == math.inf, run.data.metrics["down"] == -math.inf]
    known["input"] = [run.inputs.dataset_inputs[0].dataset.name, len(run.inputs.dataset_inputs[0].tags)]
    history = client.get_metric_history(run.info.run_id, "loss")
    known["history"] = [(point.step, None if math.isnan(point.value) else point.value) for point in history]
    known["nested"] = client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    now = int(time.time() * 1000)
    points = [Metric("many", number, now + number, number) for number in range(1_000)]
    for _ in range(2):  # What is sent again changes nothing.
        client.log_batch(child.info.run_id, points)
    client.log_batch(child.info.run_id, params=[Param("p", "1")], tags=[RunTag("t", "2")])
    known["many"] = len(client.get_metric_history(child.info.run_id, "many"))
    return parent.info.run_id, child.info.run_id


def searching(experiment, parent, child):
    text = "metrics.up > 1e300 AND params.leaves = '63' AND tags.by = 'hand' AND datasets.name = 'set'"
    frame = mlflow.search_runs([experiment], text, order_by=["metrics.loss DESC"])
    known["search"] = [list(frame["run_id"]) == [parent], "metrics.up" in frame.columns]
    page = client.search_runs([experiment], max_results=1)
    rest = client.search_runs([experiment], max_results=1, page_token=page.token)
    known["pages"] = [len(page), len(rest), rest.token]
    known["wrong filter"] = refused(client.search_runs, [experiment], "nothing.x = 1")
    client.delete_run(child)
    known["deleted"] = refused(client.log_metric, child, "a", 1)
    known["views"] = [
        len(client.search_runs([experiment], run_view_type=view))
        for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
    ]
    client.restore_run(child)
    client.update_run(child, status="FAILED", name="renamed")
    known["renamed"] = client.get_run(child).data.tags["mlflow.runName"]
    client.set_tag(child, "gone", "1")
    client.delete_tag(child, "gone")
    known["untagged"] = refused(client.delete_tag, child, "gone")
    client.delete_experiment(experiment)
    known["experiment deleted"] = refused(client.create_run, experiment)
    client.restore_experiment(experiment)
    known["restored"] = len(client.search_runs([experiment]))


def files(run):
    folder = Path(tempfile.mkdtemp())
    (folder / "sub").mkdir()
    (folder / "f.txt").write_text("hello")
    (folder / "sub" / "g.json").write_text("{}")
    client.log_artifact(run, str(folder / "f.txt"))
    client.log_artifacts(run, str(folder), "dir")
    client.log_text(run, "text", "t/a b ü.txt")
    client.log_dict(run, {"a": 1}, "d.json")
    known["listed"] = [(file.path, file.is_dir, file.file_size) for file in client.list_artifacts(run)]
    known["folder"] = [file.path for file in client.list_artifacts(run, "dir")]
    there = mlflow.artifacts.download_artifacts(run_id=run)
    known["downloaded"] = sorted(os.path.relpath(file, there) for file in Path(there).rglob("*") if file.is_file())
    known["text"] = mlflow.artifacts.load_text(f"runs:/{run}/t/a b ü.txt")


def models(experiment):
    rows = np.random.default_rng(0).random((50, 3))
    labels = (rows[:, 0] > 0.5).astype(int)
    mlflow.sklearn.autolog(log_input_examples=False)
    with mlflow.start_run() as automatic:
        model = LogisticRegression().fit(rows, labels)
    mlflow.sklearn.autolog(disable=True)
    run = client.get_run(automatic.info.run_id)
    known["autolog"] = [run.data.params["max_iter"], "training_accuracy_score" in run.data.metrics]
    with mlflow.start_run() as by_hand:
        if int(mlflow.__version__.split(".")[0]) < 3:
            return
        written = mlflow.sklearn.log_model(model, name="clf", pip_requirements=["scikit-learn"])
        mlflow.log_metric("acc", 0.9, model_id=written.model_id)
    expected = model.predict(rows).tolist()
    for uri in (written.model_uri, f"runs:/{by_hand.info.run_id}/clf"):
        known.setdefault("loaded", []).append(mlflow.pyfunc.load_model(uri).predict(rows).tolist() == expected)
    found = mlflow.search_logged_models(
        [experiment],
        "metrics.acc > 0.5 AND name = 'clf'",
        order_by=[{"field_name": "metrics.acc"}],
        output_format="list",
    )
    known["logged model"] = [one.model_id == written.model_id for one in found] + [found[0].status.value]
    client.set_logged_model_tags(written.model_id, {"a": "b"})
    client.delete_logged_model_tag(written.model_id, "a")
    known["outputs"] = len(client.get_run(by_hand.info.run_id).outputs.model_outputs)
    made = mlflow.register_model(written.model_uri, "clf")
    client.set_registered_model_alias("clf", "champion", made.version)
    known["by alias"] = mlflow.pyfunc.load_model("models:/clf@champion").predict(rows).tolist() == expected
    client.delete_logged_model(written.model_id)
    known["model deleted"] = refused(client.get_logged_model, written.model_id)


def main():
    experiment = experiments()
    parent, child = logging(experiment)
    searching(experiment, parent, child)
    files(parent)
    models(experiment)
    json.dump(known, sys.stdout)


main()
