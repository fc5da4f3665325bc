"""Quality of probabilities for a binary label, and the significance of a difference.

Labels are 0 and 1 (or booleans), predictions probabilities of 1, both lists or Polars
series of one length. `Invalid` for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ondol.evals.types import Scores
from ondol.kernel.errors import Invalid

if TYPE_CHECKING:
    import polars as pl

    Values = Sequence[float] | pl.Series

CLIP: Final = 1e-15
"""The log loss of a certain and wrong prediction is finite: about 34.5."""


def scores(labels: Values, predictions: Values) -> Scores:
    """All of `Scores` at once; `Invalid` when one of the two classes is missing."""
    frame = _frame(labels, p=predictions)
    area = _auc(frame)
    if area is None:
        raise Invalid(
            f"All {frame.height} labels are the same, so there is no AUC." if frame.height else "There are no rows.",
            hint="Take a longer window.",
        )
    import polars as pl

    found = frame.select(
        positive_share=pl.col("y").mean(), mean_score=pl.col("p").mean(), log_loss=_log_loss(), brier=_brier()
    ).row(0, named=True)
    return Scores(rows=frame.height, auc=area, **found)


def auc_or_none(labels: Values, predictions: Values) -> float | None:
    """Area under the ROC curve: the probability that a positive row scores above a negative one, ties counting
    half (Mann and Whitney 1947). None when one of the two classes is missing."""
    return _auc(_frame(labels, p=predictions))


def log_loss(labels: Values, predictions: Values) -> float | None:
    """Mean of -log(probability given to what happened), in nats. None without rows."""
    found: float | None = _frame(labels, p=predictions).select(_log_loss()).item()
    return found


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC that was measured on so many rows of each class.

    Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982).
    """
    if positives < 1 or negatives < 1:
        raise Invalid(f"There is no AUC of {positives} positive and {negatives} negative rows.")
    two_positives = auc / (2 - auc)
    two_negatives = 2 * auc * auc / (1 + auc)
    square = auc * auc
    spread = (
        auc * (1 - auc) + (positives - 1) * (two_positives - square) + (negatives - 1) * (two_negatives - square)
    ) / (positives * negatives)
    return math.sqrt(max(spread, 0.0))


def delong(labels: Values, a: Values, b: Values) -> tuple[float, float, float]:
    """Compare two classifiers on the same rows: `(lead, p_better, p_worse)`.

    `lead` is AUC(a) - AUC(b); `p_better` is how likely a lead as large as this is if `a`
    is not really better, `p_worse` how likely one as small if it is not really worse.
    They sum to 1, and are 1/2 for classifiers that rank alike. `Invalid` with fewer
    than two rows of a class.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves", Biometrics 44 (1988); by midranks in
    O(n log n) as in Sun and Xu, "Fast implementation of DeLong's algorithm", IEEE Signal
    Processing Letters 21 (2014).
    """
    import polars as pl

    frame = _frame(labels, a=a, b=b)
    # A row's rank among all, minus its rank in its own class, counts the rows of the other class below it.
    below = {name: pl.col(name).rank("average") - pl.col(name).rank("average").over("y") for name in ("a", "b")}
    found = (
        frame.select("y", difference=below["a"] - below["b"])
        .group_by("y")
        .agg(pl.len().alias("rows"), pl.col("difference").mean().alias("mean"), pl.col("difference").var().alias("var"))
    )
    classes = {row["y"]: row for row in found.iter_rows(named=True)}
    positive, negative = classes.get(True, {"rows": 0}), classes.get(False, {"rows": 0})
    if min(positive["rows"], negative["rows"]) < 2:
        raise Invalid(
            f"{positive['rows']} positive and {negative['rows']} negative rows are too few to compare two models.",
            hint="Take a longer window: two of each are the least, hundreds are of use.",
        )
    m, n = positive["rows"], negative["rows"]
    lead = positive["mean"] / n
    variance = positive["var"] / (n * n * m) + negative["var"] / (m * m * n)
    if variance <= 0:
        better = 0.5 if lead == 0 else float(lead < 0)
        return lead, better, 1 - better
    z = lead / math.sqrt(variance)
    return lead, _tail(z), _tail(-z)


def _tail(z: float) -> float:
    """The probability that a standard normal variable exceeds `z`."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def _auc(frame: pl.DataFrame) -> float | None:
    import polars as pl

    ranks, positives = frame.select(
        pl.col("p").rank("average").filter(pl.col("y")).sum().alias("ranks"), pl.col("y").sum().alias("positives")
    ).row(0)
    negatives = frame.height - positives
    if not positives or not negatives:
        return None
    area: float = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return area


def _log_loss() -> pl.Expr:
    import polars as pl

    likely = pl.when("y").then(pl.col("p")).otherwise(1 - pl.col("p"))
    return -likely.clip(CLIP, 1 - CLIP).log().mean()


def _brier() -> pl.Expr:
    import polars as pl

    return (pl.col("p") - pl.col("y").cast(pl.Float64)).pow(2).mean()


def _frame(labels: Values, **predictions: Values) -> pl.DataFrame:
    """Columns `y` (booleans) and one of floats for each set of predictions, checked."""
    import polars as pl

    y = _series("y", labels)
    columns = [y, *(_series(name, values) for name, values in predictions.items())]
    if len({column.len() for column in columns}) > 1:
        raise Invalid(f"{y.len()} labels, but {', '.join(str(c.len()) for c in columns[1:])} predictions.")
    if any(column.null_count() or column.is_nan().any() for column in columns):
        raise Invalid("A label or a prediction is missing or not a number.", hint="Leave such rows out.")
    if not y.is_in([0.0, 1.0]).all():
        raise Invalid("A label is neither 0 nor 1.", hint="Write the label as a condition: arrival_delay > 15.")
    return pl.DataFrame(columns).with_columns(pl.col("y").cast(pl.Boolean))


def _series(name: str, values: Any) -> pl.Series:
    import polars as pl

    found = values if isinstance(values, pl.Series) else pl.Series(values, strict=False)
    try:
        return found.cast(pl.Float64).alias(name)
    except pl.exceptions.PolarsError as error:
        raise Invalid("A label or a prediction is not a number.") from error
