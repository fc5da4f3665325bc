"""scikit-learn: every `fit` of an estimator, a pipeline or a search, and every `score` of one that was fitted so."""

from __future__ import annotations

import importlib
import inspect
import sys
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from ondol.sdk.runs import state
from ondol.sdk.runs.autolog import hooks
from ondol.sdk.runs.autolog.session import (
    Session,
    keep_model,
    log_json,
    log_params,
    nested,
    quietly,
    session,
    signature,
)
from ondol.sdk.runs.run import Run
from ondol.sdk.runs.start import start_run

MOST_CANDIDATES = 100
_VALIDATIONS = ("cross_validate", "cross_val_predict", "learning_curve", "validation_curve")
_OTHERS = ("lightgbm", "xgboost")
"""Have trainings of their own that say more."""

_runs: weakref.WeakKeyDictionary[Any, Run] = weakref.WeakKeyDictionary()
"""By estimator: the run of its last fit."""


def install(base: ModuleType) -> None:
    """Look after all estimators there are, and those that are still to be defined."""
    for kind in (base.ClassifierMixin, base.RegressorMixin):
        hooks.replace(kind, "score", _scored)
    for kind in _descendants(base.BaseEstimator):
        look_after(kind)
    original = vars(base.BaseEstimator).get("__init_subclass__")

    def defined(cls: type, /, **options: Any) -> None:
        if original is not None:
            original.__get__(None, cls)(**options)
        else:
            super(base.BaseEstimator, cls).__init_subclass__(**options)
        look_after(cls)

    base.BaseEstimator.__init_subclass__ = classmethod(defined)
    if original is not None:
        hooks.undo(lambda: setattr(base.BaseEstimator, "__init_subclass__", original))
    else:
        hooks.undo(lambda: delattr(base.BaseEstimator, "__init_subclass__"))


def install_validation(package: ModuleType) -> None:
    """A cross-validation is one training, and not one for each fold. `package` is `sklearn.model_selection`."""
    for owner in (package, sys.modules[package.cross_validate.__module__]):
        for name in _VALIDATIONS:
            hooks.replace(owner, name, _validated)


def _validated(original: Callable[..., Any]) -> Callable[..., Any]:
    def validate(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        if nested():
            return original(estimator, *args, **kwargs)
        kind = type(estimator)
        tags = {"autolog": "sklearn", "estimator": f"{kind.__module__}.{kind.__name__}"}
        with session(original.__name__, tags) as one:
            quietly("parameters", lambda: log_params(one.run, estimator.get_params(deep=True)))
            answer = original(estimator, *args, **kwargs)
            if isinstance(answer, dict):
                quietly("scores", lambda: one.run.log(_means(answer)))
        return answer

    return validate


def _means(folds: dict[str, Any]) -> dict[str, float]:
    numbers = {name: column for name, column in folds.items() if name.startswith(("test_", "train_", "fit_time"))}
    means = {f"mean_{name}": float(column.mean()) for name, column in numbers.items()}
    return means | {f"std_{name}": float(column.std()) for name, column in numbers.items()}


def look_after(kind: type) -> None:
    if kind.__module__.partition(".")[0] not in _OTHERS:
        hooks.replace(kind, "fit", _fitted)
        hooks.replace(kind, "score", _scored)


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    each: type[Any]
    for each in kind.__subclasses__():
        yield each
        yield from _descendants(each)


def _fitted(original: Callable[..., Any]) -> Callable[..., Any]:
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if nested():
            return original(self, *args, **kwargs)
        kind = type(self)
        with session(kind.__name__, {"autolog": "sklearn", "estimator": f"{kind.__module__}.{kind.__name__}"}) as one:
            quietly("parameters", lambda: log_params(one.run, self.get_params(deep=True)))
            answer = original(self, *args, **kwargs)
            given = _given(original, self, args, kwargs)
            quietly("result of the training", lambda: _after(one, self, given))
        return answer

    return fit


def _given(function: Callable[..., Any], self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Rows, labels and weights, by the names of the function's own parameters."""
    bound = inspect.signature(function).bind(self, *args, **kwargs).arguments
    found = {"X": bound.get("X"), "y": bound.get("y", bound.get("Y")), "sample_weight": bound.get("sample_weight")}
    return {name: value for name, value in found.items() if value is not None}


def _after(one: Session, estimator: Any, given: dict[str, Any]) -> None:
    run = one.run
    _runs[estimator] = run
    if "X" in given:
        log_json(run, signature(given["X"], given.get("y")), "model/signature.json")
    if hasattr(estimator, "cv_results_"):
        _searched(run, estimator)
    if "X" in given and "y" in given and hasattr(estimator, "score"):
        weight = {"sample_weight": given["sample_weight"]} if "sample_weight" in given else {}
        run.log({f"training_{score_name(estimator)}": estimator.score(given["X"], given["y"], **weight)})
    keep_model(run, lambda: _skops(estimator))


def score_name(estimator: Any) -> str:
    """What `score` is; a search scores by what it was told to."""
    if scoring := getattr(estimator, "scoring", None):
        return scoring if isinstance(scoring, str) else "score"
    kind = getattr(estimator, "_estimator_type", None)
    if kind is None and (tags := getattr(estimator, "__sklearn_tags__", None)):
        kind = tags().estimator_type
    return {"classifier": "accuracy", "regressor": "r2"}.get(kind or "", "score")


def _searched(run: Run, search: Any) -> None:
    """The best of a search, and each candidate as a run below it."""
    results = search.cv_results_
    size = len(results["params"])
    scores = results.get("mean_test_score")
    order = sorted(range(size), key=lambda place: -float(scores[place])) if scores is not None else range(size)
    for place in list(order)[:MOST_CANDIDATES]:
        name = ", ".join(f"{key}={value}" for key, value in results["params"][place].items())[:100]
        numbers = {
            key: float(column[place])
            for key, column in results.items()
            if key.startswith(("mean_", "std_", "split")) and column[place] == column[place]
        }
        with start_run(name=name, capture=False) as child:
            log_params(child, results["params"][place])
            child.log(numbers)
    if hasattr(search, "best_params_"):
        run.log_params({f"best_{key}": value for key, value in search.best_params_.items()})
        run.log({"best_cv_score": search.best_score_})


def _scored(original: Callable[..., Any]) -> Callable[..., Any]:
    def score(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = None if nested() else _runs.get(self)
        answer = original(self, *args, **kwargs)
        if run is not None:
            quietly("score", lambda: state.log_late(run, {f"{score_name(self)}": float(answer)}))
        return answer

    return score


def _skops(estimator: Any) -> tuple[str, bytes] | None:
    try:
        skops = importlib.import_module("skops.io")
    except ImportError:
        return None
    return "model.skops", skops.dumps(estimator)
