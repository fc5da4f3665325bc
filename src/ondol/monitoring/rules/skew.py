"""Served against offline: how many values of each feature differ, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.monitoring.types import FeatureSkew

RELATIVE = 1e-6
"""Sums in another order differ in the last digits; that is no skew."""


def compare(served: pl.DataFrame, offline: pl.DataFrame, features: Sequence[str]) -> list[FeatureSkew]:
    """The largest share first. Both frames hold the same rows in the same order."""
    found = [_compared(name, served[name].cast(pl.Float64), offline[name].cast(pl.Float64)) for name in features]
    return sorted(found, key=lambda one: (-one.share, one.feature))


def _compared(name: str, served: pl.Series, offline: pl.Series) -> FeatureSkew:
    pair = pl.DataFrame([served.fill_nan(None).alias("served"), offline.fill_nan(None).alias("offline")])
    apart = (pl.col("served") - pl.col("offline")).abs()
    size = pl.max_horizontal(pl.col("served").abs(), pl.col("offline").abs(), pl.lit(1.0))
    lone_served = pl.col("offline").is_null() & pl.col("served").is_not_null()
    lone_offline = pl.col("served").is_null() & pl.col("offline").is_not_null()
    (row,) = pair.select(
        differing=(apart > RELATIVE * size).fill_null(False).sum(),
        mean=apart.mean().fill_null(0.0),
        largest=apart.max().fill_null(0.0),
        served_missing=lone_offline.sum(),
        offline_missing=lone_served.sum(),
    ).iter_rows(named=True)
    differing = row["differing"] + row["served_missing"] + row["offline_missing"]
    return FeatureSkew(
        feature=name,
        rows=pair.height,
        differing=differing,
        share=differing / pair.height if pair.height else 0.0,
        mean_difference=row["mean"],
        largest=row["largest"],
        served_missing=row["served_missing"],
        offline_missing=row["offline_missing"],
    )
