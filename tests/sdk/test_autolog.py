"""What libraries log by themselves, with the libraries that are really installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ondol as od
from ondol.doors.client import Client
from ondol.sdk.runs import channel, state
from tests.sdk.training import Place, points


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A house serves the folder that we are in, and libraries log by themselves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(channel, "_said", set())
    with Place(tmp_path).open() as found:
        od.autolog()
        yield found
        od.autolog(disable=True)
        state.close()


@pytest.fixture
def rows() -> tuple[Any, Any]:
    numpy = pytest.importorskip("numpy")
    chance = numpy.random.default_rng(7)
    x = chance.normal(size=(200, 3))
    return x, (x[:, 0] + chance.normal(size=200) > 0).astype(int)


def runs(client: Client) -> dict[str, Any]:
    channel = state._channel
    if channel is not None:
        assert channel.flush()
    return {run.name: run for run in client.runs.list().items}


def read(client: Client, run: Any, path: str) -> Any:
    return json.loads(client.runs.artifact(run=run.id, path=path).body)


def test_a_fit_of_scikit_learn_is_a_run_with_parameters_score_and_signature(client, rows):
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LogisticRegression(C=0.5).fit(*rows)
    score = model.score(*rows)
    run = runs(client)["LogisticRegression"]
    assert run.status == "finished"
    assert run.params["C"] == 0.5
    assert run.metrics["training_accuracy"] == score
    assert run.metrics["accuracy"] == score
    signature = read(client, run, "model/signature.json")
    assert [column["type"] for column in signature["inputs"]] == ["float64"] * 3
    assert signature["rows"] == 200


def test_a_pipeline_is_one_run_and_a_second_fit_another(client, rows):
    pipeline = pytest.importorskip("sklearn.pipeline")
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.preprocessing import StandardScaler

    with od.start_run("churn", name="mine", capture=False):
        pipeline.make_pipeline(StandardScaler(), LogisticRegression(C=2.0)).fit(*rows)
        LinearRegression().fit(*rows)
    found = runs(client)
    assert set(found) == {"mine", "LinearRegression"}
    assert found["mine"].params["logisticregression__C"] == 2.0
    assert found["mine"].metrics["training_accuracy"] > 0.5
    assert found["LinearRegression"].tags["mlflow.parentRunId"] == found["mine"].id
    assert "training_r2" in found["LinearRegression"].metrics


def test_a_grid_search_has_a_run_for_each_candidate_and_its_best(client, rows):
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.linear_model import LogisticRegression

    selection.GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(*rows)
    found = runs(client)
    search = found.pop("GridSearchCV")
    assert set(found) == {"C=0.1", "C=1.0", "C=10.0"}
    assert all(run.tags["mlflow.parentRunId"] == search.id for run in found.values())
    best = max(run.metrics["mean_test_score"] for run in found.values())
    assert search.metrics["best_cv_score"] == best
    assert search.params["best_C"] in (0.1, 1.0, 10.0)


def test_a_cross_validation_is_one_run_with_the_means_of_its_folds(client, rows):
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.ensemble import RandomForestClassifier

    scores = selection.cross_val_score(RandomForestClassifier(n_estimators=5, n_jobs=2), *rows, cv=3)
    found = runs(client)
    assert set(found) == {"cross_validate"}
    assert found["cross_validate"].params["n_estimators"] == 5
    assert found["cross_validate"].metrics["mean_test_score"] == pytest.approx(scores.mean())


def test_a_forest_is_one_run_whichever_threads_grow_its_trees(client, rows):
    ensemble = pytest.importorskip("sklearn.ensemble")
    ensemble.RandomForestClassifier(n_estimators=8, n_jobs=4).fit(*rows)
    assert set(runs(client)) == {"RandomForestClassifier"}


def test_a_fit_that_fails_is_a_failed_run_and_raises_what_it_raised(client, rows):
    linear = pytest.importorskip("sklearn.linear_model")
    with pytest.raises(ValueError, match="parameter of LogisticRegression"):
        linear.LogisticRegression(C=-1.0).fit(*rows)
    run = runs(client)["LogisticRegression"]
    assert run.status == "failed"
    assert run.params["C"] == -1.0
    assert "error" in run.tags


def test_lightgbm_logs_every_iteration_its_parameters_and_importance(client, rows):
    lightgbm = pytest.importorskip("lightgbm")
    x, y = rows
    data = lightgbm.Dataset(x[:150], y[:150], feature_name=["a", "b", "c"])
    valid = lightgbm.Dataset(x[150:], y[150:], reference=data)
    settings = {"objective": "binary", "metric": "auc", "num_leaves": 4, "verbose": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(
        settings, data, num_boost_round=8, valid_sets=[valid], callbacks=[lightgbm.early_stopping(5, verbose=False)]
    )
    run = runs(client)["lightgbm"]
    assert run.params["num_leaves"] == 4
    assert run.params["num_boost_round"] == 8
    curve = points(client, run.id, "valid_0/auc")
    assert [step for step, _ in curve] == list(range(min(8, booster.best_iteration + 5)))
    assert run.metrics["best_iteration"] == booster.best_iteration
    importance = read(client, run, "feature_importance.json")
    assert importance["gain"]["a"] > 0
    assert "model/model.txt" not in {part.path for part in client.runs.artifacts(run=run.id)}


def test_an_estimator_of_lightgbm_is_one_run_with_its_curve_and_by_consent_its_model(client, rows):
    lightgbm = pytest.importorskip("lightgbm")
    od.autolog(models=True)
    x, y = rows
    model = lightgbm.LGBMClassifier(n_estimators=6, num_leaves=4, verbose=-1)
    model.fit(x[:150], y[:150], eval_X=x[150:], eval_y=y[150:], eval_metric="auc")
    found = runs(client)
    assert set(found) == {"LGBMClassifier"}
    run = found["LGBMClassifier"]
    assert run.params["n_estimators"] == 6
    assert len(points(client, run.id, "valid_0/auc")) == 6
    assert b"tree" in client.runs.artifact(run=run.id, path="model/model.txt").body


def test_xgboost_logs_every_iteration_its_parameters_and_importance(client, rows):
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed")
    x, y = rows
    data = xgboost.DMatrix(x[:150], y[:150])
    valid = xgboost.DMatrix(x[150:], y[150:])
    settings = {"objective": "binary:logistic", "eval_metric": "auc", "max_depth": 2}
    xgboost.train(settings, data, num_boost_round=5, evals=[(valid, "valid")], verbose_eval=False)
    xgboost.XGBClassifier(n_estimators=4, max_depth=2).fit(
        x[:150], y[:150], eval_set=[(x[150:], y[150:])], verbose=False
    )
    found = runs(client)
    assert set(found) == {"xgboost", "XGBClassifier"}
    assert found["xgboost"].params["max_depth"] == 2
    assert len(points(client, found["xgboost"].id, "valid/auc")) == 5
    assert len(points(client, found["XGBClassifier"].id, "validation_0/logloss")) == 4
    assert read(client, found["xgboost"], "feature_importance.json")["gain"]["f0"] > 0


def test_a_study_of_optuna_is_a_run_with_a_run_for_each_trial(client):
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x, 0)
        if trial.number == 2:
            raise optuna.TrialPruned
        return x * x

    study = optuna.create_study(study_name="square")
    study.optimize(objective, n_trials=4)
    found = runs(client)
    assert set(found) == {"square", "trial 0", "trial 1", "trial 2", "trial 3"}
    assert found["square"].metrics["best_value"] == study.best_value
    assert json.loads(found["square"].tags["best_params"]) == study.best_params
    assert found["trial 1"].params == study.trials[1].params
    assert found["trial 1"].tags["mlflow.parentRunId"] == found["square"].id
    assert (found["trial 2"].status, found["trial 2"].tags["pruned"]) == ("finished", "true")


def test_a_loop_of_pytorch_logs_its_loss_into_the_run_that_is_open(client):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with od.start_run(name="loop", capture=False):
        for _ in range(25):
            optimizer.zero_grad()
            loss = model(torch.ones(4, 2)).pow(2).mean()
            loss.backward()
            optimizer.step()
    run = runs(client)["loop"]
    assert run.params["optimizer"] == "SGD"
    assert run.params["optimizer/lr"] == 0.1
    curve = points(client, run.id, "loss")
    assert [step for step, _ in curve] == [0, 10, 20]
    assert curve[-1][1] < curve[0][1]


def test_a_library_that_is_imported_later_logs_too_and_all_are_left_as_they_were(tmp_path):
    place = Place(tmp_path)
    with place.open() as client:
        status, _, err = place.run("""
            import sys
            od.autolog()
            assert "sklearn" not in sys.modules and "lightgbm" not in sys.modules
            from sklearn.linear_model import Ridge
            import lightgbm
            Ridge(alpha=2.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
            od.autolog(disable=True)
            assert not hasattr(Ridge.fit, "__ondol_autolog__")
            assert not hasattr(lightgbm.train, "__ondol_autolog__")
            assert "__ondol_autolog__" not in vars(lightgbm.LGBMModel.fit)
            Ridge(alpha=3.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
        """)
        assert status == 0, err
        assert [run.params["alpha"] for run in client.runs.list().items] == [2.0]
    place.close()
