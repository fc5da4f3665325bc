"""Scores for the steps that people write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ondol.evals import service as evals


def classification_scores(labels: Iterable[Any], predictions: Iterable[Any]) -> dict[str, float]:
    """How good the probabilities `predictions` are for the 0/1 `labels`: `auc`, `log_loss`, `brier`,
    `rows`, `positive_share` and `mean_score`, as the gate measures them.

    Takes lists, Polars series and NumPy arrays. Raises `Invalid` when all labels are the same.
    """
    found = evals.scores(_numbers(labels), _numbers(predictions))
    return {name: float(value) for name, value in msgspec.structs.asdict(found).items()}


def _numbers(values: Any) -> list[float]:
    plain = values.to_list() if hasattr(values, "to_list") else values
    return [float(value) for value in (plain.tolist() if hasattr(plain, "tolist") else plain)]
