"""scikit-learn models, kept by skops: a format that lists its types before it makes any. Needs the extra `sklearn`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ondol.kernel.errors import Invalid, Refused
from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    from ondol.adapters.runtimes import matrix
    from ondol.ports.runtime import Predictor, Rows
else:
    matrix = lazy("ondol.adapters.runtimes.matrix")

_FILE = "model.skops"

# skops trusts scikit-learn's Python classes; these compiled ones hold trees and arrays, and run nothing of the file's.
_COMPILED = frozenset(
    {
        "numpy.dtype",
        "sklearn.tree._tree.Tree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss._loss.CyHalfBinomialLoss",
    }
)


class SklearnRuntime:
    """The `Runtime` port for scikit-learn estimators and pipelines that were fitted on a frame with column names.

    `trusted` names further types that a package may hold, such as transformers of
    one's own: `"mylib.Winsorizer"`. Any other type is `Refused` before it is made.
    """

    flavor = "sklearn"

    def __init__(self, trusted: tuple[str, ...] = ()) -> None:
        self._trusted = _COMPILED | set(trusted)

    def recognises(self, model: Any) -> bool:
        return any(
            kind.__module__.partition(".")[0] == "sklearn" and kind.__name__ == "BaseEstimator"
            for kind in type(model).__mro__
        )

    def dump(self, model: Any) -> dict[str, bytes]:
        io = _skops()
        _features(model)
        _one_score(model)
        data: bytes = io.dumps(model)
        # Whoever cannot be read back is told now, not at the first deployment.
        self._audit(io, data)
        return {_FILE: data}

    def signature(self, model: Any) -> dict[str, Any]:
        features = _features(model)
        parameters = {
            name: value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
            for name, value in model.get_params(deep=False).items()
        }
        gains = getattr(model, "feature_importances_", [])
        importance = dict(zip(features, map(float, gains), strict=False))
        io = _skops()
        # MLflow reads skops files too, and wants to hear which types of ours it may make.
        trusted = sorted(self._audit(io, io.dumps(model)))
        return {"features": features, "parameters": parameters, "importance": importance, "trusted_types": trusted}

    def load(self, files: dict[str, bytes]) -> Predictor:
        model = self.restore(files)
        _one_score(model)
        return SklearnPredictor(model)

    def restore(self, files: dict[str, bytes]) -> Any:
        """The estimator itself; every type in its file is audited before it is built."""
        io = _skops()
        data = files.get(_FILE)
        if data is None:
            raise Invalid(f"The package has no {_FILE}.", hint=f"It has {', '.join(sorted(files)) or 'no files'}.")
        trusted = self._audit(io, data)
        try:
            return io.loads(data, trusted=trusted)
        except Exception as error:
            raise Invalid(f"{_FILE} cannot be read by this scikit-learn: {error}") from error

    def _audit(self, io: Any, data: bytes) -> list[str]:
        """The types in the file that skops does not know and we do; `Refused` with those nobody knows."""
        try:
            found: list[str] = io.get_untrusted_types(data=data)
        except Exception as error:
            raise Invalid(f"{_FILE} is not a skops file: {error}") from error
        unknown = sorted(set(found) - self._trusted)
        if unknown:
            raise Refused(
                f"The model holds types that nobody vouched for: {', '.join(unknown)}.",
                hint="Read their code, then name them as trusted; or build the model from scikit-learn's own parts.",
                details={"types": unknown},
            )
        return found


class SklearnPredictor:
    """A loaded estimator: the probability of the second class, or the estimate of a regressor."""

    def __init__(self, model: Any) -> None:
        self.features = _features(model)
        self._model = model
        self._probability = getattr(model, "predict_proba", None)

    def predict(self, given: Rows) -> list[float]:
        rows = matrix.frame_of(given)
        missing = [name for name in self.features if name not in rows.columns]
        if missing:
            raise Invalid(f"Features are missing: {', '.join(missing)}.", details={"missing": missing})
        if rows.height == 0:
            return []
        chosen = rows[self.features]
        try:
            scores = self._model.predict(chosen) if self._probability is None else self._probability(chosen)[:, 1]
        except (ValueError, TypeError) as error:
            raise Invalid(f"The model cannot take these rows: {error}") from error
        answer: list[float] = scores.astype(float).tolist()
        return answer


def _features(model: Any) -> list[str]:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise Refused(
            "The model does not know the names of its features.",
            hint="Fit it on a data frame instead of an array; it must be fitted.",
        )
    return [str(name) for name in names]


def _one_score(model: Any) -> None:
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) != 2:
        raise Refused(
            f"The model tells {len(classes)} classes apart; a served model answers one score a row.",
            hint="Train one model per class, or a binary one.",
        )


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise Invalid("This model needs scikit-learn and skops.", hint="pip install 'ondol[sklearn]'") from error
    return skops.io
