"""The statement: questions from the service's dataset, answers from each view, and one join for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from ondol.features.rules.columns import BEGINNING, microseconds_of
from ondol.features.rules.definitions import entity_columns, facts_of, feature_names, stairs_of
from ondol.features.rules.staircase import columns_of_views, corrected_by
from ondol.features.rules.training import LABEL, columns_read
from ondol.features.rules.values import COUNTED
from ondol.features.rules.warehouse import dialects
from ondol.features.rules.warehouse.canonical import meaning
from ondol.features.rules.warehouse.counted import answers_of
from ondol.features.rules.warehouse.neutral import DAY, DAYS, INSTANT, neutral, whole
from ondol.features.rules.warehouse.values import (
    AT,
    KNOWN,
    QUESTIONS,
    TIE,
    TIME,
    UNTIL,
    Answers,
    Chain,
    Place,
    all_of,
    column,
    named,
    over,
    source,
)
from ondol.features.types import Feature, ServiceSpec, ViewSpec
from ondol.kernel.errors import Invalid
from ondol.lake.types import DatasetSpec

_FACT, _RANK = "ondol_fact", "ondol_rank"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a statement is made of. `table_of` says where an engine finds a dataset: `silver.flights`."""

    service: ServiceSpec
    views: Sequence[ViewSpec]
    datasets: Mapping[str, DatasetSpec]
    since: datetime | None
    until: datetime
    table_of: Callable[[str], str]


def training_sql(plan: Plan, dialect: str) -> str:
    """A statement that gives the training set of `training`: its columns, its rows, in its order.

    Sums of fractions may differ in the last digits of a double: engines add in orders of their own.
    `Invalid` for features that only the house can compute.
    """
    return dialects.text_of(_statement(plan, dialect), dialect)


def _statement(plan: Plan, dialect: str) -> exp.Select:
    service, views = plan.service, plan.views
    kept = list(dict.fromkeys([service.key, service.time, *entity_columns(views)]))
    chain: Chain = [(QUESTIONS, _questions(plan, kept))]
    found: list[tuple[Answers, ViewSpec]] = []
    for number, view in enumerate(views):
        dataset = plan.datasets[view.dataset]
        base = f"v{number + 1}_{re.sub('[^a-z0-9]+', '_', view.name.lower()).strip('_')}"
        ties = [name for name in dataset.key if name not in (*view.entity, dataset.time, dataset.known_at)]
        chain += _rows(plan, view, base, ties)
        for order, stair in enumerate(stairs_of(view)):
            place = Place(
                rows=base,
                name=f"{base}_{order + 1}",
                entity=view.entity,
                ties=[f"{TIE}{tie}" for tie in range(len(ties))],
                late=bool(dataset.time and dataset.known_at),
                corrected=bool(corrected_by(view, dataset)),
            )
            for answers in answers_of(place, stair, dialect):
                chain += answers.chain
                found.append((answers, view))
    return _joined(plan, kept, chain, found)


def _joined(plan: Plan, kept: Sequence[str], chain: Chain, found: Sequence[tuple[Answers, ViewSpec]]) -> exp.Select:
    origin = {name: answers.name for answers, _ in found for name in answers.names}
    names = [column(name, origin.get(name, QUESTIONS)) for name in feature_names(plan.service, plan.views)]
    statement = exp.select(*(column(name, QUESTIONS) for name in kept), *names, column(LABEL, QUESTIONS))
    statement = statement.from_(QUESTIONS)
    for answers, view in found:
        same = [exp.EQ(this=column(name, answers.name), expression=column(name, QUESTIONS)) for name in view.entity]
        same.append(exp.EQ(this=column(answers.on, answers.name), expression=answers.asked))
        statement = statement.join(answers.name, on=all_of(*same), join_type="left")
    statement = statement.where(exp.Not(this=exp.Is(this=column(LABEL, QUESTIONS), expression=exp.Null())))
    statement = statement.order_by(column(AT, QUESTIONS), column(plan.service.key, QUESTIONS))
    for name, query in chain:
        statement = statement.with_(name, as_=query, copy=False)
    return statement


def _questions(plan: Plan, kept: Sequence[str]) -> exp.Select:
    """The rows whose label is known, with their instants, row features and label; of corrected ones the last known."""
    service, dataset = plan.service, plan.datasets[plan.service.dataset]
    types = dataset.columns
    known = dataset.known_at or dataset.time or service.time
    features = [
        _value(feature, group.columns, f"Feature {group.name}.{feature.name}")
        for group in service.row_features
        for feature in group.features
    ]
    label = _value(Feature(name=LABEL, expression=service.label), types, f"The label of {service.name}")
    instant = named(_instant(service.time, types), AT)
    read = [*columns_read(service, [], dataset), *kept, known]
    rows = source(plan.table_of(dataset.name), read, types)
    told = _compared(exp.LTE, known, types, plan.until)
    wanted = [_compared(exp.LT, service.time, types, plan.until), _present(service.key)]
    if plan.since is not None:
        wanted.insert(0, _compared(exp.GTE, service.time, types, plan.since))
    if facts := facts_of(dataset):
        newest = exp.Ordered(this=column(known), desc=True, nulls_first=False)
        rank = named(over(exp.RowNumber(), list(map(column, facts)), [newest]), _RANK)
        rows = rows.select(rank).where(told)
        wanted.append(exp.EQ(this=column(_RANK), expression=whole(1)))
    else:
        wanted.append(told)
    asked = exp.select(*map(column, kept), instant, *features, label).from_(rows.subquery("told"))
    return asked.where(all_of(*wanted))


def _rows(plan: Plan, view: ViewSpec, name: str, ties: Sequence[str]) -> Chain:
    """The rows of the dataset as the view sees them. Rows that become known too late or too early are left out."""
    dataset = plan.datasets[view.dataset]
    types, facts = dataset.columns, corrected_by(view, dataset)
    time = _instant(dataset.time, types) if dataset.time else exp.convert(BEGINNING)
    known = dataset.known_at if dataset.time and dataset.known_at else dataset.time
    moments = [named(time, TIME), named(_instant(known, types) if known else time.copy(), KNOWN)]
    values = [_value(feature, types, f"Feature {view.name}.{feature.name}") for feature in view.features]
    tied = [named(column(tie), f"{TIE}{number}") for number, tie in enumerate(ties)]
    same = [named(column(fact), f"{_FACT}{number}") for number, fact in enumerate(facts)]
    read = source(plan.table_of(dataset.name), columns_of_views([view], dataset), types).subquery("told")
    rows = exp.select(*map(column, view.entity), *moments, *values, *tied, *same).from_(read)
    complete = [*([] if facts else view.entity), *filter(None, dict.fromkeys([dataset.time, known]))]
    wanted = [_present(one) for one in complete]
    if known:
        wanted.append(_compared(exp.LT, known, types, plan.until))
    stairs = stairs_of(view)
    if known and plan.since is not None and all(stair.window for stair in stairs):
        reach = microseconds_of(plan.since) - max(stair.window + stair.tile for stair in stairs)
        wanted.append(exp.GTE(this=_instant(known, types), expression=whole(reach)))
    rows = rows.where(all_of(*wanted)) if wanted else rows
    if not facts:
        return [(name, rows)]
    return [(f"{name}_told", rows), (name, _until(name, view, len(ties), len(facts)))]


def _until(name: str, view: ViewSpec, ties: int, facts: int) -> exp.Select:
    """Rows with the instant from which they no longer count; of rows known at one moment one is taken."""
    names = [*view.entity, TIME, KNOWN, *(one.name for one in view.features), *(f"{TIE}{n}" for n in range(ties))]
    order = [column(KNOWN), *_nulls_first([*view.entity, *(one.name for one in view.features)])]
    of_fact = [column(f"{_FACT}{number}") for number in range(facts)]
    until = named(over(exp.Lead(this=column(KNOWN)), of_fact, order), UNTIL)
    told = exp.select(*map(column, names), until).from_(f"{name}_told").subquery(f"{name}_corrected")
    for_good = exp.Is(this=column(UNTIL), expression=exp.Null())
    counts = exp.Paren(this=exp.Or(this=for_good, expression=exp.GT(this=column(UNTIL), expression=column(KNOWN))))
    rows = exp.select(*map(column, [*names, UNTIL])).from_(told)
    return rows.where(all_of(*map(_present, view.entity), counts))


def _nulls_first(names: Iterable[str]) -> list[exp.Expr]:
    return [exp.Ordered(this=column(name), desc=False, nulls_first=True) for name in names]


def _value(feature: Feature, columns: Mapping[str, str], purpose: str) -> exp.Expr:
    if feature.function:
        raise Invalid(
            f"{purpose} is a Python function: only the house can compute it.",
            hint="Build this training set in the house (without `engine`), or write the feature as an SQL expression.",
        )
    tree, kind = meaning(feature.expression, columns, purpose)
    if feature.aggregate in COUNTED and kind not in ("integer", "double", "boolean"):
        return named(tree, feature.name)
    return named(dialects.value_of(tree, kind), feature.name)


def _instant(name: str, types: Mapping[str, str]) -> exp.Expr:
    if types[name] == "timestamp":
        return neutral(INSTANT, column(name))
    return exp.Mul(this=neutral(DAYS, column(name)), expression=whole(DAY))


def _compared(how: type[exp.Binary], name: str, types: Mapping[str, str], at: datetime) -> exp.Expr:
    if types[name] == "timestamp":
        return how(this=column(name), expression=dialects.moment(at))
    return how(this=_instant(name, types), expression=whole(microseconds_of(at)))


def _present(name: str) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column(name), expression=exp.Null()))
