"""Random readings and questions, joined by us, by the letter of the definition, and by a statement."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import polars as pl
from msgspec.structs import replace

from ondol.features.rules import definitions, join, staircase, training
from ondol.features.rules.columns import TYPES
from ondol.features.rules.warehouse.training import Plan, training_sql
from ondol.features.types import Feature, RowFeatures, ServiceSpec
from ondol.lake.types import DatasetSpec
from tests.features.reference import CORRECTED, READINGS, answer, last, over, view

START = datetime(2013, 3, 10, tzinfo=UTC)  # the day on which New York's clocks go forward
UNTIL = START + timedelta(hours=16)
AGGREGATES = ("mean", "sum", "count", "min", "max")
ASKED = DatasetSpec(
    name="asked",
    columns={
        "id": "integer",
        "place": "string",
        "sensor": "string",
        "at": "timestamp",
        "known": "timestamp",
        "y": "double",
    },
    key=["id"],
    time="at",
    known_at="known",
)  # fmt: skip
VIEWS = [
    view(last("newest"), name="newest", ttl="2h"),
    view(last("of_sensor"), name="of-sensor", entity=["place", "sensor"]),
    view(*(over(aggregate) for aggregate in AGGREGATES), name="windows"),
    view(
        Feature(name="slow", expression="value", aggregate="mean", window="6h", tile="2h"),
        Feature(name="quick", expression="value", aggregate="max", window="30m", tile="15m"),
        last("held"),
        name="mixed",
        entity=["place", "sensor"],
        ttl="30m",
    ),
]
HARD = [
    Feature(name="different", expression="value", aggregate="distinct", window="3h", tile="1h"),
    Feature(name="sensors", expression="sensor", aggregate="distinct", window="3h", tile="1h"),
    Feature(name="readings", expression="sensor", aggregate="count", window="3h", tile="1h"),
    Feature(name="spread", expression="value", aggregate="stddev", window="3h", tile="1h"),
    Feature(name="final", expression="value", aggregate="last", window="3h", tile="1h"),
    Feature(name="total", expression="value", aggregate="sum", window="3h", tile="1h"),
]
VIEWS += [
    view(*HARD, name="hard"),
    view(
        *(replace(feature, name=f"{feature.name}_corrected") for feature in HARD),
        last("last_corrected"),
        name="hard@2",
        dataset="corrected",
        ttl="5h",
    ),
]
SERVICE = ServiceSpec(
    name="probe",
    dataset="asked",
    key="id",
    time="at",
    label="y > 0",
    views=[one.name for one in VIEWS],
    row_features=[
        RowFeatures(name="row", columns={"at": "timestamp"}, features=[Feature(name="hour", expression="hour(at)")])
    ],
)
DATASETS = {"asked": ASKED, "readings": READINGS, "corrected": CORRECTED}
FEATURES = definitions.feature_names(SERVICE, VIEWS)


def frames(**rows):
    schemas = {name: {column: TYPES[kind] for column, kind in spec.columns.items()} for name, spec in DATASETS.items()}
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in schemas.items()}


def world(seed, readings=250, asked=150, places=8):
    """Many entities, ties, late and early reports, nulls and whole numbers as values."""
    dice = random.Random(seed)
    quarter = timedelta(minutes=15)
    names = [*(f"p{number}" for number in range(places)), None]

    def moment():
        return START + dice.randrange(0, 64) * quarter

    def known(time):
        return None if dice.random() < 0.1 else time + dice.choice([-1, 0, 0, 1, 2, 9]) * quarter

    def common():
        return {"place": dice.choice(names), "sensor": dice.choice(["x", "y", None])}

    found = []
    for number in range(readings):
        time = None if dice.random() < 0.02 else moment()
        value = dice.choice([None, *map(float, range(-3, 4))])
        row = {"id": number, "time": time, "known": time and known(time), "value": value}
        found.append(row | common())
    questions = []
    for number in range(asked):
        at = moment()
        row = {"id": number, "at": at, "known": known(at), "y": dice.choice([None, -1.0, 1.0])}
        questions.append(row | common())
    corrections = []
    for row in found:
        # One fact is told once at a moment, perhaps of another place or time.
        corrected = row | {"id": row["id"] // 2, "time": row["time"] and row["time"] - dice.choice([0, 0, 1]) * quarter}
        if not any(row["id"] // 2 == one["id"] and row["known"] == one["known"] for one in corrections[-2:]):
            corrections.append(corrected)
    return frames(readings=found, corrected=corrections, asked=questions)


def by_us(tables, span):
    questions = training.spine(tables["asked"].lazy(), SERVICE, ASKED, VIEWS, span).collect()
    found = []
    for one in VIEWS:
        known = staircase.known_rows(tables[one.dataset].lazy(), one, DATASETS[one.dataset]).collect()
        found += [join.answers(questions, known, one.entity, stair) for stair in definitions.stairs_of(one)]
    return training.assemble(questions, SERVICE, VIEWS, found)


def by_the_letter(tables, span):
    """The features of each row of the training set, from every row of the readings."""
    told = {
        name: [row for row in tables[name].to_dicts() if row["time"] is not None] for name in ("readings", "corrected")
    }
    found = []
    for row in by_us(tables, span).select("id", "at", "place", "sensor").to_dicts():
        values = {"id": row["id"], "hour": float(row["at"].hour)}
        for one in VIEWS:
            names = [feature.name for feature in one.features]
            values |= dict(
                zip(
                    names,
                    answer(one, told[one.dataset], row, row["at"], corrected=one.dataset == "corrected"),
                    strict=True,
                )
            )
        found.append(values)
    return pl.DataFrame(found, schema={"id": pl.Int64, **dict.fromkeys(FEATURES, pl.Float64)}, infer_schema_length=None)


def statement(span, dialect, table_of=str):
    plan = Plan(service=SERVICE, views=VIEWS, datasets=DATASETS, since=span[0], until=span[1], table_of=table_of)
    return training_sql(plan, dialect)


def unlike(one, other):
    """Where two frames of the same columns differ; doubles may by their last digits."""
    if one.columns != other.columns or one.height != other.height:
        return [f"{one.shape} {one.columns} and {other.shape} {other.columns}"]
    wrong = []
    for name in one.columns:
        for place, (left, right) in enumerate(zip(one[name].to_list(), other[name].to_list(), strict=True)):
            close = (
                isinstance(left, float)
                and isinstance(right, float)
                and math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
            )
            if left != right and not close:
                wrong.append(f"{name} in row {place}: {left} and {right}")
    return wrong
