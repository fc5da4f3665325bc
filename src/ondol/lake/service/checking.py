"""What a contract needs to know beside the batch: other datasets, and the batches before."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.lake.rules import contract, history
from ondol.lake.service.silver import table_of
from ondol.lake.types import DatasetSpec
from ondol.ports.tables import Tables
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
    from ondol.lake.service.landing import Arrival
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

BATCHES_REMEMBERED = 30
"""How many batches before are the history that a batch is compared with."""

_values: WeakKeyDictionary[Tables, dict[tuple[str, str], tuple[int, pl.Series]]] = WeakKeyDictionary()


def check(tools: Tools, spec: DatasetSpec, arrival: Arrival) -> contract.Checked:
    return contract.check(
        spec,
        arrival.text,
        tools.now(),
        originals=arrival.originals,
        delivery=arrival.delivery,
        known=known(tools, spec),
    )


def known(tools: Tools, spec: DatasetSpec) -> contract.Known:
    """What the rules of this dataset refer to, as it is now."""
    wanted = [(rule.dataset, rule.other) for rule in spec.contract if rule.kind == "exists_in"]
    columns = history.columns_of(spec)
    if not wanted and not columns:
        return contract.Known()
    with tools.transaction(write=False) as inner:
        batches = repo.select_statistics(inner.connection, spec.name, BATCHES_REMEMBERED) if columns else []
        others = {name: repo.find_dataset(inner.connection, name) for name, _ in wanted}
    before = {}
    for column in columns:
        if found := history.together([batch[column] for batch in batches if column in batch]):
            before[column] = found
    references = {(name, column): _values_of(tools, spec, others[name], name, column) for name, column in wanted}
    return contract.Known(references=references, history=before)


def _values_of(tools: Tools, spec: DatasetSpec, other: repo.Stored | None, name: str, column: str) -> pl.Series:
    """The distinct values of another dataset's column, read once a version."""
    if other is None:
        raise Invalid(
            f"{spec.name}: its contract refers to the dataset {name!r}, and there is none.",
            hint=f"Declare {name!r} first, or take the rule out of the contract.",
        )
    if column not in other.dataset.spec.columns:
        raise Invalid(
            f"{spec.name}: its contract refers to {name}.{column}, and {name!r} has no such column.",
            hint=f"It has {', '.join(other.dataset.spec.columns)}.",
        )
    from ondol.lake.rules import casting

    kind = casting.polars_type(other.dataset.spec.columns[column])
    version = other.dataset.version
    if version < 0:
        return pl.Series(column, [], dtype=kind)
    kept = _values.setdefault(tools.tables, {})
    if (name, column) not in kept or kept[name, column][0] != version:
        rows = tools.tables.scan(table_of(other.dataset.spec), version=version)
        if column not in rows.collect_schema().names():
            return pl.Series(column, [], dtype=kind)
        kept[name, column] = (version, rows.select(pl.col(column).unique()).collect().to_series())
    return kept[name, column][1]
