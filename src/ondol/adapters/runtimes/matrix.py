"""From a frame to the matrix that numeric models want."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ondol.kernel.errors import Invalid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ondol.ports.runtime import Rows


def frame_of(rows: Rows) -> pl.DataFrame:
    """The rows as a frame, when a model asks for one."""
    return rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(dict(rows))


def matrix_of(rows: Rows, features: list[str]) -> NDArray[np.float64]:
    """The columns `features` as float64 of shape (rows, features), row after row in memory.

    Null becomes NaN, a truth value 0 or 1. `Invalid` names columns that are missing
    or hold no numbers.
    """
    try:
        if not isinstance(rows, pl.DataFrame):
            return np.ascontiguousarray(np.array([rows[name] for name in features], dtype=np.float64).T)
        chosen = rows if rows.columns == features else rows[features]
    except (KeyError, pl.exceptions.ColumnNotFoundError) as error:
        missing = [name for name in features if name not in rows]
        raise Invalid(
            f"Features are missing: {', '.join(missing)}.",
            hint=f"The model wants {', '.join(features)}.",
            details={"missing": missing},
        ) from error
    matrix: NDArray[Any] = chosen.to_numpy(order="c")
    # Kinds of numpy: bool, signed, unsigned, float; "O" is what nulls among truth values give.
    if matrix.dtype.kind not in "biuf" and not _only_numbers(chosen):
        wrong = [name for name, dtype in chosen.schema.items() if not (dtype.is_numeric() or dtype == pl.Boolean)]
        raise Invalid(f"Features must be numbers: {', '.join(wrong)}.", details={"not_numbers": wrong})
    return np.ascontiguousarray(matrix, dtype=np.float64)


def _only_numbers(rows: pl.DataFrame) -> bool:
    return all(dtype.is_numeric() or dtype in (pl.Boolean, pl.Null) for dtype in rows.dtypes)
