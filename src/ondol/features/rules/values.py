"""What a feature computes from one row: an SQL expression or a Python function, as an expression over columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ondol.features.rules import expressions, functions
from ondol.features.types import Feature

COUNTED = ("count", "distinct")


def feature_expression(feature: Feature, columns: Mapping[str, str], purpose: str) -> pl.Expr:
    """Of each row a finite double or null; for `count` and `distinct` it may be of any type.

    `columns` are the table's, with the lake's types. `Invalid`, naming `purpose`, for what cannot be computed.
    """
    if feature.function:
        return functions.row_expression(feature.expression, feature.function, columns, purpose)
    if feature.aggregate in COUNTED:
        return expressions.counted_expression(feature.expression, columns, purpose)
    return expressions.value_expression(feature.expression, columns, purpose)


def feature_columns(feature: Feature, columns: Mapping[str, str], purpose: str) -> list[str]:
    """The columns that a feature reads, in the order in which it names them."""
    if feature.function:
        return functions.columns_of(feature.expression, feature.function, columns, purpose)
    return expressions.columns_of(feature.expression, columns, purpose)


def is_column(feature: Feature, columns: Mapping[str, str], kinds: Sequence[str]) -> bool:
    """Whether the feature is a column of one of these types as it stands."""
    return not feature.function and columns.get(feature.expression.strip()) in kinds
