"""Whether a dataset is declared in a way that can work, and what may change later."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.spans import parse_duration
from ondol.lake.rules import casting, conditions, sources
from ondol.lake.types import DatasetSpec, Rule
from ondol.lake.types.files import FILE_COLUMNS

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_RESERVED = ("_batch", "_landed_at")
_NUMBERS = ("integer", "double")
_MOMENTS = ("timestamp", "date")


def check_spec(spec: DatasetSpec) -> None:
    """Raises `Invalid` naming the field and what would be right."""
    if not _NAME.fullmatch(spec.name):
        raise Invalid(f"name: {spec.name!r} cannot be a dataset: letters, digits and _, a letter first.")
    if not spec.columns:
        raise Invalid(f"columns: the dataset {spec.name!r} declares none.", hint='columns={"flight_id": "string", ...}')
    for name in spec.columns:
        if not name or name in _RESERVED or "/" in name:
            raise Invalid(f"columns: {name!r} cannot be a column ({', '.join(_RESERVED)} are kept for the lake).")
    _known(spec, "key", spec.key)
    if len(set(spec.key)) < len(spec.key):
        raise Invalid(f"key: {spec.key} names a column twice.")
    _known(spec, "descriptions", spec.descriptions)
    _check_moments(spec)
    for number, rule in enumerate(spec.contract):
        _check_rule(spec, f"contract[{number}]", rule)
    if spec.where:
        check_condition(spec)
    if spec.files and (spec.key != ["path"] or spec.columns != FILE_COLUMNS or spec.partition):
        raise Invalid(f"files: {spec.name!r} must have the columns of files, and the key path.")
    if spec.source:
        sources.check_source(spec, spec.source)


def _check_moments(spec: DatasetSpec) -> None:
    for field, name in (("time", spec.time), ("known_at", spec.known_at)):
        if name:
            _known(spec, field, [name])
            if spec.columns[name] not in _MOMENTS:
                raise Invalid(f"{field}: {name!r} is {spec.columns[name]}; it must be a timestamp or a date.")
    if spec.mode == "upsert" and not spec.key:
        raise Invalid(f"key: a correction is known by its key, and {spec.name!r} declares none.")
    if spec.partition and not spec.time:
        raise Invalid(f"partition: by {spec.partition} needs `time`, the column that says when a row happened.")


def _check_rule(spec: DatasetSpec, field: str, rule: Rule) -> None:
    if rule.kind in ("columns", "types"):
        raise Invalid(f"{field}: {rule.kind!r} is always checked; leave it out of the contract.")
    if rule.on_violation == "go_on" and rule.kind in ("fresh", "rows", "distribution"):
        raise Invalid(f"{field}: {rule.kind} says nothing of single rows; it can stop a batch, or warn.")
    if rule.kind == "fresh":
        _check_fresh(spec, field, rule)
        return
    if rule.kind == "rows":
        _check_bounds(field, rule)
        return
    if rule.kind == "expression":
        conditions.condition(rule.expression, spec.columns, f"{spec.name}: {field}")
        return
    _known(spec, field, columns_of(rule))
    _check_values(spec, field, rule)


def _check_values(spec: DatasetSpec, field: str, rule: Rule) -> None:
    name = columns_of(rule)[0]
    if rule.kind == "between":
        if spec.columns[name] not in _NUMBERS:
            raise Invalid(f"{field}: {name!r} is {spec.columns[name]}; between is for numbers.")
        _check_bounds(field, rule)
    elif rule.kind == "one_of" and not rule.values:
        raise Invalid(f"{field}: one_of needs `values`.")
    elif rule.kind == "matches":
        _check_pattern(spec, field, rule)
    elif rule.kind == "exists_in" and not (rule.dataset and rule.other):
        raise Invalid(f"{field}: exists_in needs `dataset` and `other`, the column whose values are allowed.")
    elif rule.kind == "distribution":
        _check_distribution(spec, field, rule)


def _check_pattern(spec: DatasetSpec, field: str, rule: Rule) -> None:
    if spec.columns[rule.column] != "string":
        raise Invalid(f"{field}: {rule.column!r} is {spec.columns[rule.column]}; a pattern is for text.")
    try:
        pl.Series([""]).str.contains(f"^(?:{rule.pattern})$", strict=True)
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{field}: {rule.pattern!r} is no regular expression: {error}") from error


def _check_distribution(spec: DatasetSpec, field: str, rule: Rule) -> None:
    limits = {"psi": rule.psi, "null_share": rule.null_share, "mean_shift": rule.mean_shift}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if not given:
        raise Invalid(f"{field}: distribution needs `psi`, `null_share` or `mean_shift`.")
    for name, limit in given.items():
        if limit <= 0:
            raise Invalid(f"{field}: {name} is {limit:g}; it must be above 0.")
    kind = spec.columns[rule.column]
    if rule.mean_shift is not None and kind not in _NUMBERS:
        raise Invalid(f"{field}: {rule.column!r} is {kind}; only numbers have a mean.")
    if rule.psi is not None and kind in _MOMENTS:
        raise Invalid(f"{field}: {rule.column!r} is {kind}; PSI is for numbers, text and booleans.")


def _check_fresh(spec: DatasetSpec, field: str, rule: Rule) -> None:
    parse_duration(rule.within)
    name = rule.column or spec.time
    if not name:
        raise Invalid(f"{field}: fresh needs `time`, the column that says when a row happened.")
    _known(spec, field, [name])
    if spec.columns[name] not in _MOMENTS:
        raise Invalid(f"{field}: {name!r} is {spec.columns[name]}; only a timestamp or a date can be fresh.")


def _check_bounds(field: str, rule: Rule) -> None:
    if rule.low is None and rule.high is None:
        raise Invalid(f"{field}: {rule.kind} needs `low`, `high` or both.")
    if rule.low is not None and rule.high is not None and rule.low > rule.high:
        raise Invalid(f"{field}: {rule.kind} {rule.low:g} and {rule.high:g} is empty.")


def with_contract(spec: DatasetSpec, contract: list[Rule]) -> DatasetSpec:
    return msgspec.structs.replace(spec, contract=contract)


def columns_of(rule: Rule) -> list[str]:
    """The columns that a rule looks at."""
    if rule.kind == "expression":
        return conditions.columns_of(rule.expression)
    return rule.columns or [rule.column]


def _known(spec: DatasetSpec, field: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in spec.columns:
            raise Invalid(
                f"{field}: the dataset {spec.name!r} has no column {name!r}.",
                hint=near(name, spec.columns) or f"It has {', '.join(spec.columns)}.",
                details={"field": field, "column": name},
            )


def check_condition(spec: DatasetSpec) -> None:
    """Whether `where` can be asked of typed rows; `Invalid` when not."""
    try:
        made = expression(spec.where)
        _known(spec, "where", made.meta.root_names())
        casting.empty_frame(spec.columns).filter(made)
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"where: {spec.where!r}: {str(error).partition(chr(10))[0]}") from error


@lru_cache(maxsize=256)
def expression(text: str) -> pl.Expr:
    """An SQL expression for a frame of typed rows; raises Polars' errors."""
    return pl.sql_expr(widened(text))


def widened(text: str) -> str:
    """Parts of a moment as 64-bit integers: Polars gives 8 bits, and `extract(hour ...) * 60` would wrap around."""
    if not re.search(r"\b(extract|date_part)\b", text, re.IGNORECASE):
        return text
    import sqlglot
    from sqlglot import expressions as exp

    try:
        tree = sqlglot.parse_one(text, dialect="postgres")
    except sqlglot.errors.ParseError as error:
        raise Invalid(f"{text!r} is not an SQL expression.") from error

    def widen(node: exp.Expression) -> exp.Expression:
        return exp.cast(node, "bigint") if isinstance(node, exp.Extract) else node

    return str(tree.transform(widen).sql(dialect="postgres"))


def check_change(old: DatasetSpec, new: DatasetSpec) -> None:
    """What rows that have landed do not allow to change: raises `Conflict`."""
    for name, kind in old.columns.items():
        if name not in new.columns:
            raise _stays(f"columns: {name!r} cannot be taken out of {new.name!r}")
        if new.columns[name] != kind:
            raise _stays(f"columns: {name!r} of {new.name!r} is {kind} and cannot become {new.columns[name]}")
    if new.key != old.key:
        raise _stays(f"key: {new.name!r} is identified by {old.key}, not by {new.key}")
    if (new.mode, new.layer, bool(new.query), bool(new.files)) != (
        old.mode,
        old.layer,
        bool(old.query),
        bool(old.files),
    ):
        raise _stays(f"mode: what a row of {new.name!r} means, and where it is kept")
    if new.mode == "upsert" and new.known_at != old.known_at:
        raise _stays(f"known_at: corrections of {new.name!r} are told apart by {old.known_at or 'nothing'}")
    if new.partition != old.partition or (new.partition and new.time != old.time):
        raise _stays(f"partition: {new.name!r} is stored by {old.partition or 'no'} {old.time}".rstrip())


def _stays(what: str) -> Conflict:
    return Conflict(f"{what}: rows have landed already.", hint="Declare a dataset with another name.")


def near(name: str, known: Iterable[str]) -> str:
    """`Did you mean ...?` when something known is spelled almost like `name`; nothing otherwise."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}?" if found else ""


def identity(spec: DatasetSpec) -> list[str]:
    """What makes a stored row this one: its key, and where corrections stay side by side, when it became known."""
    beside = spec.mode == "upsert" and spec.known_at and spec.known_at not in spec.key
    return [*spec.key, spec.known_at] if beside else list(spec.key)


def part_of(spec: DatasetSpec, partition: str) -> dict[str, list[int]]:
    """The values of the partition columns that `2013-05-01` (or `2013-05`) names; nothing for all rows."""
    if not partition:
        return {}
    pieces = partition.split("-")
    columns = partition_columns(spec)
    shape = {"day": "2013-05-01", "month": "2013-05"}.get(spec.partition)
    if shape is None:
        raise Invalid(f"partition: {spec.name!r} has no partitions.", hint="Leave it out to replace all rows.")
    if len(pieces) != len(columns) or not all(piece.isdigit() for piece in pieces):
        raise Invalid(f"partition: {partition!r} is none of {spec.name!r}.", hint=f"Write it like {shape}.")
    return {name: [int(piece)] for name, piece in zip(columns, pieces, strict=True)}


def partition_columns(spec: DatasetSpec) -> list[str]:
    """`year`, `month`, `day`, with an underscore before them when the dataset has a column of that name."""
    names = {"": [], "month": ["year", "month"], "day": ["year", "month", "day"]}[spec.partition]
    return [f"_{name}" if name in spec.columns else name for name in names]


def partitioned(frame: pl.DataFrame, spec: DatasetSpec) -> pl.DataFrame:
    """With the columns that silver is partitioned by, from `time` in UTC."""
    moment = pl.col(spec.time) if spec.time else pl.lit(None)
    parts = [moment.dt.year(), moment.dt.month(), moment.dt.day()]
    return frame.with_columns(
        part.cast(pl.Int32).alias(name) for part, name in zip(parts, partition_columns(spec), strict=False)
    )
