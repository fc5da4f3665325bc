"""LightGBM and XGBoost: `train` and the estimators, with a point of every evaluation after every iteration."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from ondol.sdk.runs.autolog import hooks
from ondol.sdk.runs.autolog.session import (
    Session,
    current,
    keep_model,
    log_json,
    log_params,
    nested,
    quietly,
    session,
    signature,
)


class Library(Protocol):
    """What the two call differently."""

    name: str

    def callback(self, one: Session) -> Any:
        """What their `train` is to call after each iteration."""

    def after(self, one: Session, booster: Any) -> None:
        """Log what a trained booster knows."""


def lightgbm(module: ModuleType) -> None:
    _install(_Lightgbm(), module, module.LGBMModel)


def xgboost(module: ModuleType) -> None:
    _install(_Xgboost(), module, module.XGBModel)


def _install(library: Library, module: ModuleType, model: type) -> None:
    package = sys.modules[library.name]
    engine = sys.modules[module.train.__module__]
    # The package may be half imported, and takes `train` from its engine later; the estimators have their own name.
    for owner in (engine, module, package):
        hooks.replace(owner, "train", lambda original: _trained(library, original))
    for kind in [model, *_descendants(model)]:
        hooks.replace(kind, "fit", lambda original: _fitted(library, original))


def _descendants(kind: type[Any]) -> list[type[Any]]:
    children: list[type[Any]] = kind.__subclasses__()
    return [each for child in children for each in (child, *_descendants(child))]


def _trained(library: Library, original: Callable[..., Any]) -> Callable[..., Any]:
    def train(*args: Any, **kwargs: Any) -> Any:
        one = current()
        if one is not None and one.boosts:
            one.boosts = False
            return _boosted(library, one, original, args, kwargs)
        if nested():
            return original(*args, **kwargs)
        with session(library.name, {"autolog": library.name}) as fresh:
            quietly("parameters", lambda: _params_of_call(fresh, original, args, kwargs))
            return _boosted(library, fresh, original, args, kwargs)

    return train


def _boosted(
    library: Library, one: Session, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    bound = inspect.signature(original).bind(*args, **kwargs)
    bound.arguments["callbacks"] = [*(bound.arguments.get("callbacks") or []), library.callback(one)]
    booster = original(*bound.args, **bound.kwargs)
    quietly("result of the training", lambda: library.after(one, booster))
    return booster


def _params_of_call(one: Session, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    given: Mapping[str, Any] = bound.arguments.get("params") or {}
    rounds = {"num_boost_round": bound.arguments.get("num_boost_round")}
    log_params(one.run, {**rounds, **given})


def _fitted(library: Library, original: Callable[..., Any]) -> Callable[..., Any]:
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        if nested():
            return original(self, *args, **kwargs)
        kind = type(self)
        tags = {"autolog": library.name, "estimator": f"{kind.__module__}.{kind.__name__}"}
        with session(kind.__name__, tags, boosts=True) as one:
            quietly("parameters", lambda: log_params(one.run, self.get_params()))
            rows = kwargs.get("X", args[0] if args else None)
            target = kwargs.get("y", args[1] if len(args) > 1 else None)
            quietly("signature", lambda: log_json(one.run, signature(rows, target), "model/signature.json"))
            return original(self, *args, **kwargs)

    return fit


class _Lightgbm:
    name = "lightgbm"

    def callback(self, one: Session) -> Any:
        """https://lightgbm.readthedocs.io/en/stable/pythonapi/lightgbm.record_evaluation.html: called with
        `(data, metric, value, higher is better, [deviation])` for every evaluation."""

        def after_iteration(env: Any) -> None:
            if env.evaluation_result_list:
                found = {f"{entry[0]}/{entry[1]}": entry[2] for entry in env.evaluation_result_list}
                one.run.log(found, step=env.iteration)

        # Before early stopping, which ends the training by an exception.
        after_iteration.order = 25  # type: ignore[attr-defined]
        return after_iteration

    def after(self, one: Session, booster: Any) -> None:
        if booster.best_iteration > 0:
            one.run.log({"best_iteration": booster.best_iteration}, step=booster.best_iteration)
        names = booster.feature_name()
        importance = {
            kind: dict(zip(names, map(float, booster.feature_importance(kind)), strict=True))
            for kind in ("gain", "split")
        }
        log_json(one.run, importance, "feature_importance.json")
        keep_model(one.run, lambda: ("model.txt", booster.model_to_string().encode()))


class _Xgboost:
    name = "xgboost"

    def callback(self, one: Session) -> Any:
        base = sys.modules["xgboost.callback"].TrainingCallback

        class AfterIteration(base):  # type: ignore[misc,valid-type]
            def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
                for data, metrics in evals_log.items():
                    one.run.log({f"{data}/{name}": _last(values) for name, values in metrics.items()}, step=epoch)
                return False

        return AfterIteration()

    def after(self, one: Session, booster: Any) -> None:
        best = booster.attributes().get("best_iteration")
        if best is not None:
            one.run.log({"best_iteration": int(best)}, step=int(best))
        importance = {kind: booster.get_score(importance_type=kind) for kind in ("gain", "weight")}
        log_json(one.run, importance, "feature_importance.json")
        keep_model(one.run, lambda: ("model.json", bytes(booster.save_raw("json"))))


def _last(values: Any) -> Any:
    """With cross-validation each value comes with its deviation."""
    return values[-1][0] if isinstance(values[-1], tuple) else values[-1]
