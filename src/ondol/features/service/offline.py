"""What a training set would hold for rows that were served: the other side of the skew watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ondol.features.rules import definitions
from ondol.features.types import Service, ViewSpec
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import DatasetSpec
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import columns, join, present, staircase, training
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    columns = lazy("ondol.features.rules.columns")
    join = lazy("ondol.features.rules.join")
    present = lazy("ondol.features.rules.present")
    staircase = lazy("ondol.features.rules.staircase")
    training = lazy("ondol.features.rules.training")


def values_of(tools: Tools, service: Service, asked: pl.DataFrame) -> pl.DataFrame:
    """See `ondol.features.service.offline_values`."""
    with tools.transaction(write=False) as inner:
        stored = repo.read_views(inner.connection, service.spec.views)
    views = [stored[name].spec for name in service.spec.views]
    definitions.check_current(service, views)
    dataset = lake.spec_of(tools, service.spec.dataset)
    questions = _questions(tools, service, views, dataset, asked)
    found = [questions]
    for view in views:
        found += _of_view(tools, view, questions)
    whole = pl.concat(found, how="horizontal")
    return whole.select("key", "time", *service.features)


def _questions(
    tools: Tools, service: Service, views: Sequence[ViewSpec], dataset: DatasetSpec, asked: pl.DataFrame
) -> pl.DataFrame:
    """Key, time, `AT`, entities and row features of those asked rows that have landed, in the order of time."""
    spec = service.spec
    needed = [*definitions.entity_columns(views), *(name for group in spec.row_features for name in group.columns)]
    read = [name for name in dict.fromkeys(needed) if name not in (spec.key, spec.time)]
    key = pl.col(spec.key).cast(pl.String).alias("key")
    order = [name for name in (dataset.known_at, dataset.time) if name][:1]
    landed = lake.scan(tools, dataset.name).filter(pl.col(spec.key).cast(pl.String).is_in(asked["key"].implode()))
    # Of corrected rows the last one: what was asked about is the fact, not how it was told first.
    told = landed.sort(order) if order else landed
    rows = told.select(key, pl.col(spec.key), *read).unique("key", keep="last", maintain_order=True)
    moment = columns.TYPES[dataset.columns[spec.time]]
    met = asked.join(rows.collect(), on="key", how="inner").with_columns(pl.col("time").cast(moment).alias(spec.time))
    at = pl.col("time").cast(pl.Datetime("us")).cast(pl.Int64).alias(columns.AT)
    return met.with_columns(at).with_columns(training.row_expressions(spec)).sort(columns.AT, "key")


def _of_view(tools: Tools, view: ViewSpec, questions: pl.DataFrame) -> list[pl.DataFrame]:
    """The features of each stair at the moments of the questions."""
    source = lake.spec_of(tools, view.dataset)
    rows = lake.scan(tools, view.dataset).select(staircase.columns_of_views([view], source))
    if not definitions.facts_of(source):
        entities = questions.select(view.entity).unique().lazy()
        rows = rows.join(entities, on=view.entity, how="semi")
    first = questions[columns.AT].min()
    since = present.reach(view, source, first + present.KEPT) if isinstance(first, int) else None
    known = staircase.known_rows(present.reachable(rows, source, since), view, source).collect()
    earlier = present.earlier_rows_matter(known, view, source, since)
    if earlier is not None:
        known = staircase.known_rows(present.reachable(rows, source, earlier), view, source).collect()
    return [join.answers(questions, known, view.entity, stair) for stair in definitions.stairs_of(view)]
