"""Quality of predictions, against scikit-learn where it is installed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import Benchmark, Pair, Setting, Skipped


@contextmanager
def _scores(setting: Setting) -> Iterator[Pair]:
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError:
        raise Skipped("scikit-learn is not installed: pip install 'ondol[sklearn]'") from None
    import polars as pl

    from ondol.evals.rules import quality

    rows, chance = setting.count(50_000, least=200), random.Random(7)
    labels = [float(chance.random() < 0.24) for _ in range(rows)]
    one = [min(max(0.24 + 0.1 * label + chance.gauss(0, 0.15), 0.0), 1.0) for label in labels]
    other = [min(max(score + chance.gauss(0, 0.1), 0.0), 1.0) for score in one]
    y, a, b = pl.Series(labels), pl.Series(one), pl.Series(other)
    columns = y.to_numpy(), a.to_numpy(), b.to_numpy()
    if abs(quality.scores(y, a).auc - roc_auc_score(columns[0], columns[1])) > 1e-9:
        raise RuntimeError("the two sides do not find the same area")

    def ours(_: int) -> None:
        quality.scores(y, a)
        quality.scores(y, b)
        quality.delong(y, a, b)

    def against(_: int) -> None:
        roc_auc_score(columns[0], columns[1])
        roc_auc_score(columns[0], columns[2])

    yield Pair(ours=ours, against=against)


BENCHMARKS = [
    Benchmark(
        name="evals/scores",
        what="scores of two models and DeLong's test of their difference, 50k rows",
        against="scikit-learn: roc_auc_score of both, no test",
        open=_scores,
    )
]
