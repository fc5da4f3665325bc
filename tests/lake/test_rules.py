"""The pure part: text and types, the contract against a plain reading of it, known keys."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.lake.rules import casting, contract, seen, text
from ondol.lake.rules import spec as declared
from ondol.lake.types import DatasetSpec, Rule

NOW = datetime(2013, 1, 3, tzinfo=UTC)
COLUMNS = {"name": "string", "whole": "integer", "number": "double", "flag": "boolean", "moment": "timestamp"}
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)


def _maybe(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": _maybe(WORDS),
            "whole": _maybe(st.integers(-(2**63), 2**63 - 1)),
            "number": _maybe(st.floats(allow_nan=False)),
            "flag": _maybe(st.booleans()),
            "moment": _maybe(st.datetimes(datetime(1678, 1, 1), datetime(2261, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_values_survive_being_text(rows):
    frame, wrong = casting.typed(text.text_of_rows(rows), COLUMNS)
    assert wrong == {}
    assert frame.to_dicts() == rows
    again, _ = casting.typed(text.text_of_frame(frame), COLUMNS)
    assert again.equals(frame)


@pytest.mark.parametrize(
    ("given_text", "kind", "value"),
    [
        ("517.0", "integer", 517),
        (" 5 ", "integer", 5),
        ("5.5", "integer", "bad"),
        ("1e400", "integer", "bad"),
        ("9223372036854775808", "integer", "bad"),
        ("1e3", "double", 1000.0),
        ("NaN", "double", None),
        ("NA", "double", None),
        ("", "double", None),
        ("", "string", ""),
        ("NA", "string", "NA"),
        ("TRUE", "boolean", True),
        ("0", "boolean", False),
        ("yes", "boolean", "bad"),
        ("2013-01-02", "timestamp", datetime(2013, 1, 2, tzinfo=UTC)),
        ("2013-01-02T03:04", "timestamp", datetime(2013, 1, 2, 3, 4, tzinfo=UTC)),
        ("2013-01-02 03:04:05.5+02:00", "timestamp", datetime(2013, 1, 2, 1, 4, 5, 500000, tzinfo=UTC)),
        ("01/02/2013", "timestamp", "bad"),
        ("2013-02-30", "timestamp", "bad"),
        ("2013-01-02T00:00:00Z", "date", datetime(2013, 1, 2, tzinfo=UTC).date()),
        ("2013-01-02T03:00:00Z", "date", "bad"),
    ],
)
def test_text_becomes_the_declared_type_or_is_told(given_text, kind, value):
    frame, wrong = casting.typed(pl.DataFrame({"x": [given_text]}), {"x": kind})
    assert ("bad" if wrong else frame["x"][0]) == value


def test_mixed_and_nested_values_are_kept_as_text():
    rows = [{"x": 1}, {"x": 2.5}, {"x": "a"}, {"x": [1, {"b": None}]}, {"x": True}, {}]
    assert text.text_of_rows(rows)["x"].to_list() == ["1", "2.5", "a", '[1,{"b":null}]', "true", None]


def test_typed_columns_of_parquet_become_the_text_a_person_would_write():
    frame = pl.DataFrame(
        {"moment": [datetime(2013, 1, 2, 3)], "list": [[1, 2]], "day": [datetime(2013, 1, 2).date()], "flag": [True]}  # noqa: DTZ001
    )
    assert text.text_of_frame(frame).row(0) == ("2013-01-02T03:00:00.000000Z", "[1,2]", "2013-01-02", "true")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": _maybe(st.sampled_from("abcdef")), "x": _maybe(st.integers(-3, 3)), "w": st.sampled_from("pqr")}
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_contract_finds_what_a_plain_reading_finds(rows):
    spec = DatasetSpec(
        name="t",
        columns={"id": "string", "x": "integer", "w": "string"},
        key=["id"],
        where="x is null or x < 3",
        contract=[Rule(kind="between", column="x", low=-1), Rule(kind="one_of", column="w", values=["p", "q"])],
    )
    checked = contract.check(spec, text.text_of_rows(rows), NOW)
    found = {one.rule: one.rows for one in checked.violations}
    usable = [(number, row) for number, row in enumerate(rows) if row["x"] is None or row["x"] < 3]
    copies = Counter(row["id"] for _, row in usable if row["id"] is not None)
    expected = {
        "not_null": [number for number, row in usable if row["id"] is None],
        "unique": [number for number, row in usable if copies[row["id"]] > 1],
        "between": [number for number, row in usable if row["x"] is not None and row["x"] < -1],
        "one_of": [number for number, row in usable if row["w"] == "r"],
    }
    assert found == {rule: numbers for rule, numbers in expected.items() if numbers}
    assert checked.usable.height == len(usable)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), max_size=20), max_size=6), st.lists(st.integers(0, 60), max_size=20))
def test_known_keys_are_those_of_a_set(batches, last):
    def keys(numbers: list[int]) -> pl.DataFrame:
        return pl.DataFrame(
            {"a": numbers, "b": [f"k{number}" for number in numbers]}, schema={"a": pl.Int64, "b": pl.String}
        )

    known = seen.SeenKeys(keys(batches[0] if batches else []))
    for batch in batches[1:]:
        known.add(keys(batch))
    every = {number for batch in batches for number in batch}
    assert known.unseen(keys(last)).to_list() == [number not in every for number in last]


def test_many_recent_keys_are_merged(monkeypatch):
    monkeypatch.setattr(seen, "_MERGE_ABOVE", 3)
    known = seen.SeenKeys(pl.DataFrame({"a": [1, 2]}))
    for number in range(3, 20):
        known.add(pl.DataFrame({"a": [number]}))
    assert known.unseen(pl.DataFrame({"a": list(range(25))})).arg_true().to_list() == [0, 20, 21, 22, 23, 24]


def test_parts_of_a_moment_are_wide_integers():
    frame = pl.DataFrame({"at": [datetime(2013, 1, 2, 23, 30, tzinfo=UTC)]})
    minutes = "extract(hour from at) * 60 + date_part('minute', at)"
    assert frame.select(declared.expression(minutes)).item() == 23 * 60 + 30
