"""Ondol: the machine-learning platform that fits in one process and closes the loop.

    import ondol as od

The names below are all that a project file needs. Each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ondol.sdk.contracts import (
        between,
        exists_in,
        fresh,
        holds,
        matches,
        not_null,
        one_of,
        row_count,
        steady,
        unique,
    )
    from ondol.sdk.data import dataset
    from ondol.sdk.delivery import at_least, better, endpoint, model, monitor, no_worse
    from ondol.sdk.features import count, feature_service, feature_view, mean, over, row_features
    from ondol.sdk.flow.landing import ingest, validate
    from ondol.sdk.flow.release import candidate, deploy, gate
    from ondol.sdk.flow.rows import split, training_set
    from ondol.sdk.runs.autolog import autolog
    from ondol.sdk.runs.start import start_run
    from ondol.sdk.scores import classification_scores
    from ondol.sdk.sources import csv, folder, http, json, kafka, parquet, sql, text
    from ondol.sdk.steps import pipeline, step

__all__ = [
    "at_least",
    "autolog",
    "better",
    "between",
    "candidate",
    "classification_scores",
    "count",
    "csv",
    "dataset",
    "deploy",
    "endpoint",
    "exists_in",
    "feature_service",
    "feature_view",
    "folder",
    "fresh",
    "gate",
    "holds",
    "http",
    "ingest",
    "json",
    "kafka",
    "matches",
    "mean",
    "model",
    "monitor",
    "no_worse",
    "not_null",
    "one_of",
    "over",
    "parquet",
    "pipeline",
    "row_count",
    "row_features",
    "split",
    "sql",
    "start_run",
    "steady",
    "step",
    "text",
    "training_set",
    "unique",
    "validate",
]

_HOMES = {
    "ondol.sdk.contracts": "between exists_in fresh holds matches not_null one_of row_count steady unique",
    "ondol.sdk.data": "dataset",
    "ondol.sdk.delivery": "at_least better endpoint model monitor no_worse",
    "ondol.sdk.features": "count feature_service feature_view mean over row_features",
    "ondol.sdk.flow.landing": "ingest validate",
    "ondol.sdk.flow.release": "candidate deploy gate",
    "ondol.sdk.flow.rows": "split training_set",
    "ondol.sdk.scores": "classification_scores",
    "ondol.sdk.runs.autolog": "autolog",
    "ondol.sdk.runs.start": "start_run",
    "ondol.sdk.sources": "csv folder http json kafka parquet sql text",
    "ondol.sdk.steps": "pipeline step",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'ondol' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
