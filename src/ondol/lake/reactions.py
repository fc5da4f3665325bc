"""What lands in a dataset is computed on in those that are made from it."""

from __future__ import annotations

from ondol.kernel.event import reaction
from ondol.lake.service import derived
from ondol.lake.types import BatchLanded
from ondol.lake.types.versions import DatasetRewritten
from ondol.ports.tools import Tools


@reaction(BatchLanded)
def compute_derived(tools: Tools, event: BatchLanded) -> None:
    """Once for the newest version: events of versions before find nothing left to do."""
    if event.rows:
        _compute(tools, event.subject)


@reaction(DatasetRewritten)
def compute_derived_anew(tools: Tools, event: DatasetRewritten) -> None:
    """The same when rows are others now, or gone."""
    _compute(tools, event.subject)


def _compute(tools: Tools, dataset: str) -> None:
    for name in derived.depending(tools, dataset):
        derived.compute(tools, name)
