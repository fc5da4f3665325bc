"""What a team does with models, with MLflow's own client. Runs in an environment of its own; prints JSON.

Finds the model `flight-delay` there already, a LightGBM booster, with the alias `champion`.
"""

from __future__ import annotations

import json
import os
import warnings

warnings.filterwarnings("ignore")

import lightgbm as lgb  # noqa: E402
import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402

client = MlflowClient()
known: dict = {}


def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return error.error_code
    return "taken"


def a_model_of_the_house():
    (model,) = client.search_registered_models("name LIKE 'flight%'")
    known["found"] = [model.name, model.aliases, [version.version for version in model.latest_versions]]
    folder = mlflow.artifacts.download_artifacts("models:/flight-delay@champion")
    known["files"] = sorted(set(os.listdir(folder)) & {"MLmodel", "model.txt", "ondol.json", "plots", "README.md"})
    booster = mlflow.lightgbm.load_model("models:/flight-delay/1")
    wrapped = mlflow.pyfunc.load_model("models:/flight-delay@champion")
    names = booster.feature_name()
    rows = pd.DataFrame(np.random.default_rng(1).random((20, len(names))), columns=names)
    known["same scores"] = bool(np.array_equal(wrapped.predict(rows), booster.predict(rows.to_numpy())))
    known["wrong columns"] = refused(wrapped.predict, rows.drop(columns=names[:1])) != "taken"
    sklearn = mlflow.sklearn.load_model("models:/forest/1")
    known["skops"] = [type(sklearn).__name__, isinstance(sklearn, HistGradientBoostingClassifier)]


def a_model_of_the_team():
    random = np.random.default_rng(2)
    rows = random.normal(size=(200, 3))
    data = lgb.Dataset(rows, (rows[:, 0] > 0).astype(int))
    booster = lgb.train({"objective": "binary", "verbose": -1}, data, num_boost_round=5)
    with mlflow.start_run() as run:
        info = mlflow.lightgbm.log_model(booster, name="model", registered_model_name="team")
    known["logged"] = [info.registered_model_version, client.get_model_version("team", "1").run_id == run.info.run_id]
    again = mlflow.register_model(f"runs:/{run.info.run_id}/model", "team")
    known["registered again"] = [again.version, again.status]
    client.set_registered_model_alias("team", "prod", 1)
    loaded = mlflow.lightgbm.load_model("models:/team@prod")
    known["loaded"] = bool(np.array_equal(loaded.predict(rows), booster.predict(rows)))
    copy = client.copy_model_version("models:/team@prod", "copied")
    known["copied"] = [copy.version, type(mlflow.lightgbm.load_model("models:/copied/1")).__name__]
    found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    known["by run"] = sorted((version.name, version.version) for version in found)


def words_and_stages():
    client.set_registered_model_tag("team", "owner", "ops")
    client.set_model_version_tag("team", "1", "checked", "yes")
    client.update_registered_model("team", "words")
    client.update_model_version("team", "1", "more words")
    model, version = client.get_registered_model("team"), client.get_model_version("team", "1")
    known["notes"] = [model.description, model.tags, version.description, version.tags, list(version.aliases)]
    client.transition_model_version_stage("team", "1", "Staging")
    client.transition_model_version_stage("team", "2", "Staging", archive_existing_versions=True)
    known["stages"] = sorted((found.version, found.current_stage) for found in client.get_latest_versions("team"))
    known["staged"] = type(mlflow.pyfunc.load_model("models:/team/Staging")).__name__
    known["searched"] = [
        [model.name for model in client.search_registered_models("tags.owner = 'ops'")],
        [model.name for model in client.search_registered_models("name ILIKE 'T%'", order_by=["name DESC"])],
        [version.version for version in client.search_model_versions("name = 'team' AND tags.checked = 'yes'")],
    ]
    first = client.search_registered_models(max_results=2, order_by=["name ASC"])
    second = client.search_registered_models(max_results=2, order_by=["name ASC"], page_token=first.token)
    known["pages"] = [model.name for model in [*first, *second]]


def the_end_of_it():
    client.delete_model_version_tag("team", "1", "checked")
    client.delete_registered_model_tag("team", "owner")
    client.delete_registered_model_alias("team", "prod")
    client.set_registered_model_alias("team", "gone", 2)
    client.delete_model_version("team", "2")
    known["alias went too"] = refused(client.get_model_version_by_alias, "team", "gone")
    known["next number"] = client.create_model_version("team", "s3://elsewhere/model").version
    client.rename_registered_model("team", "crew")
    client.delete_registered_model("crew")
    known["refused"] = [
        refused(client.get_registered_model, "crew"),
        refused(client.get_model_version, "flight-delay", "99"),
        refused(client.create_registered_model, "flight-delay"),
        refused(client.create_registered_model, "a/b"),
        refused(client.set_registered_model_alias, "flight-delay", "v1", "1"),
        refused(client.search_registered_models, "size > 3"),
    ]
    mlflow.register_prompt(name="greeting", template="Hello {{name}}")
    known["prompt"] = mlflow.load_prompt("prompts:/greeting/1").template
    known["no prompts among models"] = sorted(model.name for model in client.search_registered_models())


for chapter in (a_model_of_the_house, a_model_of_the_team, words_and_stages, the_end_of_it):
    chapter()
print(json.dumps(known))
