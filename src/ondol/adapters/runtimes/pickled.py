"""Models that are pickles: reading one runs whatever it says, so nobody reads it before somebody has consented.

The registry asks for the consent (`versions.adopt` with `trust_pickle`); here the bytes become a model of a
library that another runtime knows.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from ondol.kernel.errors import Invalid, Refused

if TYPE_CHECKING:
    from ondol.ports.runtime import Predictor

_FILE = "model.pkl"


class PickleRuntime:
    """The `Runtime` port for pickles of scikit-learn and LightGBM models. It writes none."""

    flavor = "pickle"

    def recognises(self, model: Any) -> bool:
        return False

    def dump(self, model: Any) -> dict[str, bytes]:
        raise Refused("No package is written as a pickle.", hint="Use a model that another runtime knows.")

    def signature(self, model: Any) -> dict[str, Any]:
        raise Refused("A pickle does not say what it reads.")

    def load(self, files: dict[str, bytes]) -> Predictor:
        from ondol.adapters.runtimes.lightgbm import LightgbmPredictor, LightgbmRuntime
        from ondol.adapters.runtimes.sklearn import SklearnPredictor, SklearnRuntime

        model = self.restore(files)
        # LGBMClassifier is a scikit-learn model too.
        if LightgbmRuntime().recognises(model):
            return LightgbmPredictor(model if type(model).__name__ == "Booster" else model.booster_)
        if SklearnRuntime().recognises(model):
            return SklearnPredictor(model)
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise Refused(f"The pickle holds a {kind}, which nothing here can ask.", hint="Log it in the library's format.")

    def restore(self, files: dict[str, bytes]) -> Any:
        """The model itself. This runs the code that the pickle names."""
        content = files.get(_FILE)
        if content is None:
            raise Invalid(f"The package has no {_FILE}.", hint=f"It has {', '.join(sorted(files)) or 'no files'}.")
        try:
            return pickle.loads(content)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise Invalid(f"{_FILE} cannot be read here: {reason}", hint="Its libraries may be missing.") from error
