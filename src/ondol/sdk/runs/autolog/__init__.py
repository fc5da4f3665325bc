"""`od.autolog()`: scikit-learn, LightGBM, XGBoost, PyTorch and Optuna log by themselves."""

from __future__ import annotations

from ondol.sdk.runs.autolog import boosting, hooks, optuna, sklearn, torch

_LIBRARIES = {
    "lightgbm.sklearn": boosting.lightgbm,
    "optuna.study.study": optuna.install,
    "sklearn.base": sklearn.install,
    "sklearn.model_selection": sklearn.install_validation,
    "torch.optim.optimizer": torch.install,
    "xgboost.sklearn": boosting.xgboost,
}


def autolog(*, models: bool = False, disable: bool = False) -> None:
    """From now on trainings log their parameters, metrics and what they learnt.

    Into the run that is open, or into one of their own. Libraries are not imported for this: one that is imported
    later is looked after when it is. `models`: keep the trained models as artifacts, too (text or skops where there
    is a format that executes no code; nothing otherwise). `disable`: leave all libraries as they were.
    """
    hooks.restore()
    hooks.options.models = models
    if not disable:
        hooks.watch(_LIBRARIES)
