"""LightGBM models, kept in LightGBM's own text format. Needs the extra `lightgbm`."""

from __future__ import annotations

import ctypes
import threading
import weakref
from typing import TYPE_CHECKING, Any

from ondol.adapters.runtimes import lightgbm_library
from ondol.adapters.runtimes.lightgbm_library import LoadedBooster, check
from ondol.kernel.errors import Invalid, OndolError, Refused
from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import lightgbm
    import numpy as np
    from numpy.typing import NDArray

    from ondol.adapters.runtimes import matrix
    from ondol.ports.runtime import Predictor, Rows
else:
    np = lazy("numpy")
    matrix = lazy("ondol.adapters.runtimes.matrix")

_FILE = "model.txt"
_SMALL_BATCH = 512
"""Up to here one thread is faster than waking several."""

# Constants of LightGBM's C API (include/LightGBM/c_api.h).
_DOUBLE, _ROW_MAJOR, _NORMAL_PREDICTION, _FROM_FIRST, _ALL_TREES = 1, 1, 0, 0, -1


class LightgbmRuntime:
    """The `Runtime` port for `lightgbm.Booster`, and for what its scikit-learn classes hold."""

    flavor = "lightgbm"

    def recognises(self, model: Any) -> bool:
        return any(
            kind.__module__.partition(".")[0] == "lightgbm" and kind.__name__ in ("Booster", "LGBMModel")
            for kind in type(model).__mro__
        )

    def dump(self, model: Any) -> dict[str, bytes]:
        booster = _booster(model)
        _one_score(booster.num_model_per_iteration())
        return {_FILE: booster.model_to_string().encode()}

    def signature(self, model: Any) -> dict[str, Any]:
        booster = _booster(model)
        names = booster.feature_name()
        gains = booster.feature_importance(importance_type="gain")
        return {
            "features": names,
            "parameters": {name: _plain(value) for name, value in booster.params.items()},
            "importance": {name: float(gain) for name, gain in zip(names, gains, strict=True)},
        }

    def load(self, files: dict[str, bytes]) -> Predictor:
        try:
            booster = LoadedBooster(_text(files))
        except OndolError as error:
            if isinstance(error, Invalid):
                raise
            raise Invalid(f"{_FILE} is not a LightGBM model: {error}") from error
        _one_score(booster.scores_a_row)
        return LightgbmPredictor(booster)

    def restore(self, files: dict[str, bytes]) -> lightgbm.Booster:
        """A `Booster`, also for a model that a scikit-learn class of LightGBM held."""
        try:
            import lightgbm
        except ImportError as error:
            raise Invalid("This model needs LightGBM.", hint="pip install 'ondol[lightgbm]'") from error
        text = _text(files)
        try:
            return lightgbm.Booster(model_str=text.decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise Invalid(f"{_FILE} is not a LightGBM model: {error}") from error


def _text(files: dict[str, bytes]) -> bytes:
    if _FILE in files:
        return files[_FILE]
    raise Invalid(f"The package has no {_FILE}.", hint=f"It has {', '.join(sorted(files)) or 'no files'}.")


class LightgbmPredictor:
    """A loaded booster. Asks the C library directly: for few rows the Python layer costs more than the trees."""

    def __init__(self, booster: LoadedBooster) -> None:
        library = lightgbm_library.library()
        self.features = booster.features
        self._booster = booster
        self._width = ctypes.c_int32(len(self.features))
        self._library: Any = library
        self._row = threading.Lock()
        self._row_config = ctypes.c_void_p()
        check(
            library.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster.handle,
                _NORMAL_PREDICTION,
                _FROM_FIRST,
                _ALL_TREES,
                _DOUBLE,
                self._width,
                b"num_threads=1",
                ctypes.byref(self._row_config),
            ),
        )
        weakref.finalize(self, library.LGBM_FastConfigFree, self._row_config)

    def predict(self, rows: Rows) -> list[float]:
        values = matrix.matrix_of(rows, self.features)
        if len(values) == 0:
            return []
        return self._one_row(values) if len(values) == 1 else self._batch(values)

    def _one_row(self, values: NDArray[np.float64]) -> list[float]:
        score, length = ctypes.c_double(), ctypes.c_int64()
        # The prepared configuration has room for one row at a time.
        with self._row:
            status = self._library.LGBM_BoosterPredictForMatSingleRowFast(
                self._row_config, ctypes.c_void_p(values.ctypes.data), ctypes.byref(length), ctypes.byref(score)
            )
        check(status)
        return [score.value]

    def _batch(self, values: NDArray[np.float64]) -> list[float]:
        height = values.shape[0]
        scores = np.empty(height, dtype=np.float64)
        length = ctypes.c_int64()
        status = self._library.LGBM_BoosterPredictForMat(
            self._booster.handle,
            ctypes.c_void_p(values.ctypes.data),
            _DOUBLE,
            ctypes.c_int32(height),
            self._width,
            _ROW_MAJOR,
            _NORMAL_PREDICTION,
            _FROM_FIRST,
            _ALL_TREES,
            b"num_threads=1" if height <= _SMALL_BATCH else b"",
            ctypes.byref(length),
            ctypes.c_void_p(scores.ctypes.data),
        )
        check(status)
        answer: list[float] = scores.tolist()
        return answer


def _booster(model: Any) -> lightgbm.Booster:
    booster: lightgbm.Booster = model if type(model).__name__ == "Booster" else model.booster_
    return booster


def _one_score(scores: int) -> None:
    if scores != 1:
        raise Refused(
            f"The model answers {scores} scores a row; a served model answers one.",
            hint="Train one model per class, or a binary one.",
        )


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)
