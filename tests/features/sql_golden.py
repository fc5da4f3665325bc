"""The statements that stand in `golden/`; `python -m tests.features.sql_golden` writes them anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from sqlglot import exp

from ondol.features.rules.warehouse import dialects
from ondol.features.rules.warehouse.canonical import meaning
from ondol.features.rules.warehouse.training import Plan, training_sql
from ondol.features.types import Feature, ViewSpec
from tests.features.sql_cases import COLUMNS
from tests.features.test_house import FLIGHTS, INPUTS, LATE, SKY, WEATHER

GOLDEN = Path(__file__).with_name("golden")
SPAN = (datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC))

# In each of these the engines differ.
DIFFERENCES = [
    "i / j", "1 / 3", "i * 0.5", "i % j", "x % 2.5", "x > 1", "not b", "b is true", "s not like '1%'", "s = 'it''s'",
    "cast(x as bigint)", "cast(s as bigint)", "cast(s as double)", "cast(b as varchar) = 'true'",
    "t > '2013-07-01'", "d + 1 = '2013-07-08'", "t - interval '1 hour' < '2013-07-01'", "floor(x)",
    "i div j", "round(x, 1)", "greatest(x, y)", "least(i, j, 3)",
    "ln(x)", "sqrt(x)", "exp(x)", "power(x, 2)", "starts_with(s, '1')", "length(s)", "hour(t)", "year(d)",
    "extract(week from t)", "extract(dow from t)", "extract(isodow from d)", "extract(doy from t)",
    "extract(second from t)", "extract(epoch from t)", "extract(isoyear from d)",
    "hour(t at time zone 'America/New_York')", "cast(t at time zone 'Europe/Paris' as date) = d",
    "date_trunc('week', t) = t", "date_trunc('month', d) = d", "trim(s) = 'a'", "s like 'a\\%'", "s ilike 'A%'",
    "split_part(s, '-', 2) = 'b'", "position('a' in s)", "ends_with(s, 'a')", "log10(x)", "log2(x)",
    "x is not distinct from y", "right(s, 2) = 'ab'", "substring(s, 2, 3) = 'abc'", "s || 'a' = 'ba'",
]  # fmt: skip


def expressions(dialect: str) -> str:
    blocks = []
    for text in DIFFERENCES:
        tree, _ = meaning(text, COLUMNS, "Feature x")
        statement = exp.select(exp.alias_(tree, "value")).from_("examples")
        blocks.append(f"-- {text}\n{dialects.text_of(statement, dialect)};\n")
    return "\n".join(blocks)


def training(dialect: str) -> str:
    plan = Plan(
        service=INPUTS,
        views=[SKY, LATE],
        datasets={"flights": FLIGHTS, "weather": WEATHER},
        since=SPAN[0],
        until=SPAN[1],
        table_of=lambda name: f"silver.{name}",
    )
    return training_sql(plan, dialect) + ";\n"


def counted(dialect: str) -> str:
    """Flights that are corrected: what is counted row by row, and the last row known and not corrected by then."""
    view = ViewSpec(
        name="carrier_now@2",
        entity=["carrier"],
        dataset="flights",
        features=[
            Feature(name="airports", expression="origin", aggregate="distinct", window="7d"),
            Feature(name="last_delay", expression="delay"),
        ],
        ttl="2d",
    )
    service = replace(INPUTS, views=[view.name], row_features=[])
    plan = Plan(
        service=service,
        views=[view],
        datasets={"flights": replace(FLIGHTS, mode="upsert")},
        since=None,
        until=SPAN[1],
        table_of=lambda name: f"silver.{name}",
    )
    return training_sql(plan, dialect) + ";\n"


KINDS = {"training": training, "counted": counted, "expressions": expressions}


if __name__ == "__main__":
    for kind, make in KINDS.items():
        for one in dialects.DIALECTS:
            (GOLDEN / f"{kind}.{one}.sql").write_text(make(one))
