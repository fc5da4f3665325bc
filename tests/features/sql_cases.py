"""Expressions, and rows on which engines like to differ: for each engine that we can run."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
from sqlglot import exp

from ondol.features.rules.columns import TYPES
from ondol.features.rules.expressions import value_expression
from ondol.features.rules.warehouse import dialects
from ondol.features.rules.warehouse.canonical import meaning
from ondol.features.rules.warehouse.values import source
from ondol.kernel.errors import Invalid
from tests.features import test_expressions

COLUMNS = {
    "t": "timestamp", "i": "integer", "j": "integer", "x": "double", "y": "double", "s": "string", "b": "boolean",
    "d": "date",
}  # fmt: skip


def row(*values):
    return dict(zip(COLUMNS, values, strict=True))


ROWS = [
    row(datetime(2013, 7, 7, 23, 50, 1, 250000, UTC), 7, 2, 2.5, -1.5, "12", True, date(2013, 7, 7)),
    row(datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), -7, 2, -2.5, 0.0, "12.5", False, date(1969, 12, 31)),
    row(datetime(2012, 1, 1, 0, 0, 0, 1, UTC), -7, -3, 0.5, -0.5, " 12", None, date(2012, 1, 1)),
    row(datetime(2020, 12, 31, tzinfo=UTC), 0, 0, -3.5, 7.25, "한글", True, date(2020, 12, 31)),
    row(None, None, 5, None, 1.0, None, None, None),
    row(datetime(2024, 2, 29, 12, tzinfo=UTC), 1 << 53, 3, -0.5, 1e300, "", True, date(2024, 2, 29)),
    row(datetime(2013, 3, 10, 7, 30, tzinfo=UTC), 5, 3, 1e19, 0.25, "1e3", True, date(2013, 3, 10)),
    row(datetime(2013, 11, 3, 6, 30, tzinfo=UTC), 100, 7, 2.675, None, "abcA_%", False, date(2013, 11, 3)),
    row(datetime(2013, 11, 3, 5, 30, tzinfo=UTC), 1, None, math.inf, 3.0, "-7", None, date(2026, 1, 1)),
]

EXPRESSIONS = """
i / j; x / y; i / 2; i / 2.0; 1 / j; 1 / 3; 1 / (i - 7); x / 0; i * 0.1; 2.5 * i; i % j; x % y; -i % 3; i % 0; x % 2.5
i * j; i + x; -i; -x; i - 1.5; x - i * 2; (i + 1) * (j - 1); 1.5; 1; true; x > 1; x = x; x > y; x <> 2.5; i = 7.0
i > 2.5; 2 >= j; b = true; x between 0 and 3; i between -7 and 0.5; x in (2.5, 7); i in (7, 2.5); s in ('12', '')
i not in (7, 0); not i in (5); s > '12'; s = 'x'; d = d; b and i > 0; b or i > 0; not b; not (x > 1 or b); b is null
b is true; b is not true; b is false; (i > j) is true; x is null; i is not null; s like '1%'; s like '_2'
s like '%c%'; s not like '1%'; s like 'abcA\x5f%'; cast(x as bigint); x::int; cast(s as bigint); cast(s as double)
cast(b as bigint); cast(b as double); cast(i as double); cast(i as boolean); cast(x as boolean)
length(cast(i as varchar)); length(cast(b as varchar)); cast(d as varchar) > '2013'; cast(i / j as bigint); abs(i)
abs(x); ceil(x); floor(x); floor(i); ceil(i / j); floor(x) % 2; cos(x / 1e19); sin(i); tan(0.5); coalesce(x, 1)
coalesce(i, 1.5); coalesce(i, x); coalesce(ln(x), 0); coalesce(x / y, -1); greatest(i, j); greatest(x, y)
greatest(x, i, 3); least(x, y); least(i, 2.5); exp(i); exp(x); exp(-i); exp(x) > 1; ln(x); ln(i); ln(0); sqrt(x)
sqrt(i); sqrt(-1) is null; power(i, 2); power(x, 2); power(2, j); power(i, j); power(x, 0.5); pi(); pi() * i; sign(x)
sign(i); sign(x) + sign(i) / 2; nullif(i, 7); nullif(x, 2.5); nullif(s, '12') is null; round(x); round(x, 1)
round(x, 2); round(i); round(i, 1); round(i / j, 2); length(s); length(lower(s)); lower(s) = 'abca_%'; upper(s) = s
starts_with(s, '1'); starts_with(lower(s), 'abca'); year(t); quarter(t); month(d); day(t); hour(t); minute(t)
hour(t) * 100 + minute(t); extract(year from d); extract(week from t); extract(week from d); extract(dow from t)
extract(dow from d); extract(isodow from t); extract(isodow from d); extract(doy from t); extract(doy from d)
extract(hour from t) * 60; extract(second from t); extract(minute from t); extract(quarter from d)
extract(month from t); extract(day from d); extract(epoch from t); case when b then 1 else 2.5 end
case when b then i end; case when x > 1 then x when x > 0 then 0 else i end
case when i > 0 then 'a' else 'b' end = 'a'; case i when 7 then 1 when -7 then 2 end; if(b, 1, 2); if(i > 0, x, 0)
if(b, 2000000000, 1) * 3; 1 + null; x + null; i > null; date_trunc('week', t) > '2013-01-01'
extract(epoch from date_trunc('month', t)); extract(epoch from date_trunc('week', t))
extract(epoch from date_trunc('hour', t)); date_trunc('quarter', d) - d; date_trunc('week', d) - d
d - date '2000-02-29'; extract(epoch from t - timestamp '2013-03-10'); extract(epoch from t + interval '90 minutes')
d + 1 = '2013-07-08'
extract(epoch from t at time zone 'America/New_York' - timestamp '2013-03-10' at time zone 'America/New_York')
hour(t at time zone 'America/New_York'); extract(dow from t at time zone 'Asia/Kolkata'); cast(t as date) - d
extract(epoch from date_trunc('day', t at time zone 'America/New_York') - timestamp '2013-03-10' at time zone 'UTC')
extract(isoyear from d); extract(isoyear from t); extract(second from t at time zone 'Asia/Kolkata'); i div j
-i div 3; i is distinct from j; x is not distinct from y; s ilike 'ABC%'; split_part(s, '.', 2) = '5'
position('2' in s); trunc(x); length(trim(s)); length(ltrim(s)); length(right(s, 1)); contains(s, '2')
ends_with(s, '3'); replace(s, '1', 'xy') = 'xy2'; log10(x); log(3, y); cbrt(x); atan2(x, y); asin(x); degrees(x)
field(s, '12', '-7'); if(b, d, date '2020-01-01') = d; coalesce(t, timestamp '2013-01-01') < '2013-07-01'
case when b then t else t - interval '1 day' end > '2013-07-06'; greatest(t, timestamp '2013-07-01') = t
nullif(d, date '2013-07-07') is null; t between '2013-01-01' and '2013-12-31'; d in ('2013-07-07', '2012-01-01')
cast(d as timestamp) < t; s || 'x' = '12x'; left(s, 2) = '12'; substring(s, 2) = '2'
""".replace("\\x5f", "_")
ALL = [text.strip() for text in EXPRESSIONS.strip().replace("\n", ";").split(";")]
FRAME = pl.DataFrame(ROWS, schema={name: TYPES[kind] for name, kind in COLUMNS.items()}).with_row_index("row")


def by_polars() -> dict[str, list[float | None]]:
    """Each expression's values in the order of the rows."""
    values = [value_expression(text, COLUMNS, "Feature x").alias(text) for text in ALL]
    return FRAME.select(pl.col("row"), *values).drop("row").to_dict(as_series=False)


def query(dialect: str) -> str:
    """The same as a statement over a table `cases`, as columns v0, v1 ..."""
    return statement(ALL, COLUMNS, "cases", dialect, "row")


EXAMPLES = {text: value for text, value in test_expressions.GOLDEN.items() if value is not Invalid}
EXAMPLE = pl.DataFrame(
    [test_expressions.WIDE_ROW], schema={name: TYPES[kind] for name, kind in test_expressions.WIDE.items()}
)


def examples(dialect: str) -> str:
    """The examples that say what each function means, as a statement over a table `example`."""
    return statement(list(EXAMPLES), test_expressions.WIDE, "example", dialect)


def wrong_examples(found: pl.DataFrame) -> list[str]:
    values = found.row(0)
    return [
        f"{text}: {expected} and {value}"
        for (text, expected), value in zip(EXAMPLES.items(), values, strict=True)
        if not _same(expected, value)
    ]


ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "UTC"]
PARTS = ["hour", "minute", "second", "day", "dow", "isodow", "doy", "week", "isoyear", "month", "quarter", "year"]
UNITS = ["hour", "day", "week", "month", "quarter", "year"]
ON_A_WALL = [
    *(f"extract({part} from (t at time zone 'ZONE'))" for part in PARTS),
    *(f"date_trunc('{unit}', t at time zone 'ZONE') - timestamp '2000-01-01' at time zone 'UTC'" for unit in UNITS),
    "(t at time zone 'ZONE') - timestamp '2000-01-01' at time zone 'UTC'",
    "cast((t at time zone 'ZONE') as date) - date '2000-01-01'",
]
WALLS = [
    (f"extract(epoch from {text})" if "timestamp" in text else text).replace("ZONE", zone)
    for zone in ZONES
    for text in ON_A_WALL
]
_CHANGES = ["1967-04-30", "1999-10-31", "2013-03-10", "2013-03-31", "2013-04-06", "2013-10-05", "2013-10-27",
            "2013-11-03", "2024-02-29", "2024-12-30"]  # fmt: skip
MOMENTS = pl.DataFrame(
    {
        "t": [
            datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=30 * number, microseconds=number)
            for day in _CHANGES
            for number in range(-12, 49)
        ]
    },
    schema={"t": TYPES["timestamp"]},
).with_row_index("row")
"""Every half hour around changes of summer time, of which Lord Howe's is by half an hour, and turns of the year."""


def walls(dialect: str) -> str:
    """What clocks of several zones show, as a statement over a table `moments`."""
    return statement(WALLS, {"t": "timestamp"}, "moments", dialect, "row")


def wrong_walls(found: pl.DataFrame) -> list[str]:
    wrong = []
    for number, text in enumerate(WALLS):
        expected = MOMENTS.select(value_expression(text, {"t": "timestamp"}, "x").alias("v"))["v"]
        # Polars divides by a number as it multiplies by its inverse: the last digit of an epoch may differ.
        values = found[f"v{number}"]
        if found.height != MOMENTS.height or values.null_count() or ((values - expected).abs() > 1e-6).any():
            wrong.append(text)
    return wrong


def statement(texts: list[str], columns: dict[str, str], table: str, dialect: str, order: str = "") -> str:
    values = []
    for number, text in enumerate(texts):
        values.append(exp.alias_(dialects.value_of(*meaning(text, columns, "Feature x")), f"v{number}"))
    types = columns | ({order: "integer"} if order else {})
    made = exp.select(*values).from_(source(table, types, types).subquery("known"))
    return dialects.text_of(made.order_by(order) if order else made, dialect)


def differences(found: pl.DataFrame) -> list[str]:
    """What is not as Polars has it; `found` are the rows of `query`. Transcendental functions may differ in the last
    digits of a double."""
    wrong = []
    for number, (text, expected) in enumerate(by_polars().items()):
        for place, (one, other) in enumerate(zip(expected, found[f"v{number}"].to_list(), strict=True)):
            if not _same(one, other):
                wrong.append(f"{text} in row {place}: {one} and {other}")
    return wrong


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-14, abs_tol=1e-15)
