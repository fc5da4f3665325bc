"""Windows computed once for a version of a dataset, and kept for everybody else who trains on them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import msgspec

from ondol.features.rules.definitions import Stair, view_hash
from ondol.features.types import ViewSpec, WindowsComputed
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features.rules import columns, staircase
else:
    pl = lazy("polars")
    columns = lazy("ondol.features.rules.columns")
    staircase = lazy("ondol.features.rules.staircase")

_FORMAT = 1
# Of more steps than these, those that are asked for are as quickly computed as all are read.
_MOST_STEPS = 200_000
_VERSIONS = 3


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that windows are computed from: a version of the dataset, without what was known before `since`."""

    version: int
    since: int | None

    def __str__(self) -> str:
        return f"{self.version:010}-{'all' if self.since is None else self.since}"


def window_steps(
    tools: Tools, view: ViewSpec, stair: Stair, known: pl.DataFrame, origin: Origin
) -> pl.DataFrame | None:
    """The steps of a stair with a window: those that somebody computed before, or computed now from `known`.

    None when there may be too many to keep: the caller computes what it needs, and that is counted too.
    """
    folder = f"features/windows/v{_FORMAT}/{stair.store}"
    path, told = f"{folder}/{origin}.parquet", f"{stair.store} {origin}"
    try:
        return pl.read_parquet(io.BytesIO(tools.blobs.get(path)))
    except NotFound:
        pass
    if _most_steps(view, stair, known) > _MOST_STEPS:
        _tell(tools, view, f"{told} {tools.new_id('wc')}", known.height)
        return None
    steps = staircase.steps_of(known, view.entity, stair)
    into = io.BytesIO()
    steps.write_parquet(into, compression="lz4")
    tools.blobs.put(path, into.getvalue())
    for old in sorted(blob.path for blob in tools.blobs.list(folder))[:-_VERSIONS]:
        tools.blobs.delete(old)
    _tell(tools, view, told, steps.height)
    return steps


def _most_steps(view: ViewSpec, stair: Stair, known: pl.DataFrame) -> float:
    """Two for each row, or one for each tile of each entity, whichever is less; entities are estimated."""
    if not known.height:
        return 0
    entities = known.select(pl.struct(view.entity).hash().approx_n_unique()).item()
    span = known.select(pl.col(columns.KNOWN).max() - pl.col(columns.KNOWN).min()).item() + stair.window
    return float(min(2 * known.height, entities * (span / stair.tile + 1)))


def _tell(tools: Tools, view: ViewSpec, origin: str, steps: int) -> None:
    with tools.transaction(write=True) as inner:
        inner.emit(WindowsComputed(subject=view.name, hash=view_hash(view), origin=origin, steps=steps))
