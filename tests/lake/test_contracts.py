"""Rules about values, rows and batches; what a broken one means; quarantine, and the way out of it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ondol as od
from ondol.kernel.errors import Conflict, Invalid, Refused
from ondol.lake import service
from ondol.lake.rules import contract, history
from ondol.lake.types import (
    Batch,
    ColumnStatistics,
    DatasetSpec,
    DiscardBatch,
    GetBatch,
    GetDataset,
    GetQuarantinedRows,
    ListBatches,
    RetryBatch,
    Rule,
    ValidateDataset,
)
from tests.lake.shore import FLIGHTS, START, Lake, flight, flights

_TEXT = {"number": pl.String, "word": pl.String}
CARRIERS = DatasetSpec(name="carriers", columns={"code": "string", "name": "string"}, key=["code"])


def _declare(lake: Lake, *contract: Rule, **fields: Any) -> None:
    lake.declare(msgspec.structs.replace(FLIGHTS, contract=list(contract), **fields))


def _refused(lake: Lake, rows: list[dict[str, Any]], key: str = "bad") -> list[tuple[str, list[int]]]:
    with pytest.raises(Refused) as caught:
        lake.append(key, rows)
    return [(one["message"], one["rows"]) for one in caught.value.details["violations"]]


def _batch(lake: Lake, identity: str) -> Batch:
    return lake.call(service.get_batch, GetBatch(batch=identity))


def _dataset(lake: Lake) -> Any:
    return lake.call(service.get_dataset, GetDataset(dataset="flights"))


def test_values_have_a_pattern_a_reference_and_a_condition(lake: Lake):
    lake.declare(CARRIERS)
    lake.append("all", [{"code": "UA", "name": "United"}, {"code": "DL", "name": "Delta"}], "carriers")
    _declare(
        lake,
        od.matches("flight_id", "f[0-9]+"),
        od.exists_in("carrier", "carriers", "code"),
        od.holds("arrival_delay < distance and extract(hour from departs_at) * 60 >= 300"),
    )
    rows = [
        flight(1),
        flight(2, carrier="XX"),
        flight(3, flight_id="xf3"),
        flight(4, arrival_delay=500.0),
        flight(5, carrier=None),
        flight(6, departs_at="2013-01-02T04:59:00Z"),
    ]
    assert _refused(lake, rows) == [
        ("flight_id like f[0-9]+: rows 2", [2]),
        ("carrier in carriers.code: rows 1", [1]),
        ("arrival_delay < distance and extract(hour from departs_at) * 60 >= 300: rows 3, 5", [3, 5]),
    ]
    lake.append("more", [{"code": "XX", "name": "new"}], "carriers")
    assert lake.append("good", [flight(7, carrier="XX")]).landed_rows == 1


def test_a_reference_to_nothing_is_told(lake: Lake):
    _declare(lake, od.exists_in("carrier", "carriers", "code"))
    with pytest.raises(Invalid, match="refers to the dataset 'carriers', and there is none"):
        lake.append("one", [flight(1)])
    lake.declare(CARRIERS)
    assert _refused(lake, [flight(1)])[0][1] == [0]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (od.matches("distance", "x"), "'distance' is integer; a pattern is for text"),
        (od.matches("carrier", "("), "is no regular expression"),
        (od.holds("distance + 1"), "gives Int64; a rule is true or false"),
        (od.holds("distanc > 1"), "there is no column"),
        (od.holds("(select 1) > 0"), "uses 'subquery'"),
        (od.holds("pg_sleep(5) > 0"), "uses 'pg_sleep'"),
        (od.holds("read_csv('/etc/passwd') is null"), "uses"),
        (od.steady("departs_at"), "PSI is for numbers"),
        (od.steady("carrier", mean_shift=1), "only numbers have a mean"),
        (od.steady("distance", psi=0), "psi is 0"),
        (od.row_count(), "rows needs `low`"),
        (od.row_count(5, on_violation="go_on"), "rows says nothing of single rows"),
        (Rule(kind="exists_in", column="carrier"), "exists_in needs"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(lake: Lake, rule: Rule, told: str):
    with pytest.raises(Invalid, match=told):
        _declare(lake, rule)


def test_a_batch_has_so_many_rows(lake: Lake):
    _declare(lake, od.row_count(2, 4))
    assert _refused(lake, flights(0, 5))[0][0] == "rows between 2 and 4: the batch has 5"
    assert _refused(lake, [], "none")[0][0] == "rows between 2 and 4: the batch has 0"
    assert lake.append("good", flights(0, 3)).landed_rows == 3


def test_a_batch_that_is_not_like_those_before_is_refused(lake: Lake):
    _declare(lake, od.steady("distance", psi=0.2, null_share=0.1, mean_shift=1), od.steady("carrier"))
    for number in range(4):
        rows = [flight(number * 100 + each, distance=each % 100, carrier="UADL"[each % 2 :][:2]) for each in range(100)]
        lake.append(f"usual-{number}", rows)
    shifted = [flight(1000 + each, distance=300 if each % 2 else None, carrier="ZZ") for each in range(100)]
    told = [message for message, _ in _refused(lake, shifted)]
    assert told[0] == "distance distribution: 50.0% null, usual are 0.0%, allowed is a change of 10.0%"
    assert told[1].startswith("distance distribution: mean 300 is 8.7 standard deviations from the usual 49.5")
    assert told[2].startswith("distance distribution: PSI ")
    assert told[3].startswith("carrier distribution: PSI ")
    same = [flight(2000 + each, distance=each % 100, carrier="UADL"[each % 2 :][:2]) for each in range(100)]
    assert lake.append("as usual", same).landed_rows == 100


def test_small_samples_of_one_distribution_are_no_drift():
    before = ColumnStatistics(rows=1000, nulls=0, edges=[1.0, 2.0], counts=[330, 340, 330])
    assert history.stability_index(ColumnStatistics(rows=6, nulls=0, edges=[1.0, 2.0], counts=[1, 3, 2]), before) < 0.1
    assert history.stability_index(ColumnStatistics(rows=60, nulls=0, edges=[1.0, 2.0], counts=[0, 0, 60]), before) > 1


def test_good_rows_go_on_and_bad_ones_wait(lake: Lake):
    _declare(lake, od.between("distance", 1, 6000), on_violation="go_on")
    rows = [flight(1), flight(2, distance=-5), flight(3, distance="x"), flight(4), flight(5), flight(5)]
    batch = lake.append("mixed", rows)
    assert (batch.status, batch.rows, batch.landed_rows, batch.refused_rows) == ("landed", 6, 2, 4)
    assert [one.action for one in batch.violations] == ["go_on"] * 3
    assert sorted(row["flight_id"] for row in lake.silver()) == ["f1", "f4"]
    assert lake.tools.tables.scan("bronze/flights").collect()["flight_id"].to_list() == ["f1", "f4"]
    (rest,) = lake.call(service.list_batches, ListBatches(dataset="flights", status="quarantined"))
    assert (rest.key, rest.rows) == ("mixed#refused", 4)
    kept = lake.call(service.quarantined_rows, GetQuarantinedRows(batch=rest.id, offset=1, limit=2))
    assert (kept.total, kept.rows) == (4, rows[2:3] + rows[4:5])
    mended = [flight(2), flight(3), flight(5)]
    again = lake.call(service.retry_batch, RetryBatch(batch=rest.id, rows=mended))
    assert (again.landed_rows, _batch(lake, rest.id).replaced_by) == (3, again.id)
    assert len(lake.silver()) == 5
    assert lake.append("mixed", rows) == batch
    assert _dataset(lake).quarantined == 0


def test_where_good_rows_go_on_and_none_is_good_the_batch_is_refused_and_a_retry_changes_nothing(lake: Lake):
    _declare(lake, od.between("distance", 1, 6000), on_violation="go_on")
    lake.append("mixed", [flight(1), flight(2, distance=-5), flight(3, distance=-6)])
    (rest,) = lake.call(service.list_batches, ListBatches(dataset="flights", status="quarantined"))
    with pytest.raises(Refused, match="distance between 1 and 6000: rows 0, 1"):
        lake.call(service.retry_batch, RetryBatch(batch=rest.id))
    assert _dataset(lake).quarantined == 1
    half = lake.call(service.retry_batch, RetryBatch(batch=rest.id, rows=[flight(2), flight(3, distance=-6)]))
    assert (half.landed_rows, half.refused_rows, _dataset(lake).quarantined) == (1, 1, 1)
    assert _refused(lake, [flight(4, distance=0)])[0][1] == [0]


def test_a_rule_may_only_warn_but_not_of_what_cannot_be_read(lake: Lake):
    _declare(
        lake, od.between("distance", 1, 200), od.one_of("carrier", ["UA"], on_violation="stop"), on_violation="warn"
    )
    batch = lake.append("far", [flight(1, distance=300)])
    assert (batch.landed_rows, [one.action for one in batch.violations]) == (1, ["warn"])
    with pytest.raises(Refused, match="1 rule broken: distance is no integer"):
        lake.append("text", [flight(2, distance="far")])
    with pytest.raises(Refused, match="1 rule broken: carrier one of UA"):
        lake.append("carrier", [flight(3, distance=300, carrier="DL")])
    assert lake.call(service.validate_dataset, ValidateDataset(dataset="flights")).passed


def test_what_is_about_the_whole_batch_stops_it_also_where_good_rows_go_on(lake: Lake):
    _declare(lake, od.row_count(3), on_violation="go_on")
    with pytest.raises(Refused, match="rows at least 3"):
        lake.append("few", flights(0, 2))
    row = flight(1)
    del row["carrier"]
    with pytest.raises(Refused, match='missing column "carrier"'):
        lake.append("columns", [row] * 3)


def test_a_refused_key_may_be_sent_again_mended(lake: Lake):
    lake.declare()
    _refused(lake, [flight(1, distance=-1)], "day-1")
    _refused(lake, [flight(1, distance=-2)], "day-1")
    (second, first) = lake.call(service.list_batches, ListBatches(dataset="flights"))
    assert (first.status, first.replaced_by, second.status) == ("replaced", second.id, "quarantined")
    assert _dataset(lake).quarantined == 1
    landed = lake.append("day-1", [flight(1)])
    assert landed.landed_rows == 1
    assert _batch(lake, second.id).replaced_by == landed.id
    assert (_dataset(lake).quarantined, _dataset(lake).batches) == (0, 1)
    assert lake.append("day-1", [flight(1, distance=-1)]) == landed


def test_a_quarantined_batch_lands_after_its_contract_was_mended(lake: Lake):
    lake.declare()
    _refused(lake, [flight(1, distance=-1), flight(2)])
    (refused,) = lake.call(service.list_batches, ListBatches(dataset="flights"))
    with pytest.raises(Refused, match="distance between 1 and 6000"):
        lake.call(service.retry_batch, RetryBatch(batch=refused.id))
    _declare(lake, od.between("distance", 0))
    with pytest.raises(Refused, match="distance at least 0"):
        lake.call(service.retry_batch, RetryBatch(batch=refused.id))
    assert _batch(lake, refused.id).violations[0].message == "distance at least 0: rows 0"
    _declare(lake)
    landed = lake.call(service.retry_batch, RetryBatch(batch=refused.id))
    assert (landed.landed_rows, landed.key) == (2, "bad")
    with pytest.raises(Conflict, match=f"is replaced by {landed.id}"):
        lake.call(service.retry_batch, RetryBatch(batch=refused.id))


def test_a_batch_that_nobody_wants_is_discarded_and_its_key_is_free(lake: Lake):
    lake.declare()
    _refused(lake, [flight(1, distance=-1)])
    (refused,) = lake.call(service.list_batches, ListBatches(dataset="flights"))
    assert lake.call(service.discard_batch, DiscardBatch(batch=refused.id)).status == "discarded"
    assert _dataset(lake).quarantined == 0
    assert lake.append("bad", [flight(1)]).landed_rows == 1


_CELLS = st.one_of(st.none(), st.sampled_from(["", "0", "1", "-3", "7.0", "x", "N12", "n1", "UA", "DL", " 5 ", "1e3"]))
_RULES = [
    od.between("number", 0, 5),
    od.not_null("word"),
    od.one_of("word", ["UA", "DL", "N12"]),
    od.matches("word", "[A-Z0-9]+"),
    od.exists_in("word", "words"),
    od.unique("word"),
    od.holds("number > 0 or word = 'x'"),
]


def _number(text: str | None) -> int | None:
    """As the column `number` reads it; a `ValueError` when it is none."""
    if text is None or text in ("", "NA"):
        return None
    value = float(text.strip())
    if value != int(value):
        raise ValueError(text)
    return int(value)


def _breaks(rule: Rule, number: int | None, word: str | None, words: list[str | None]) -> bool:
    if rule.kind == "between":
        return number is not None and not 0 <= number <= 5
    if rule.kind == "not_null":
        return word is None
    if rule.kind == "unique":
        return word is not None and words.count(word) > 1
    if rule.kind == "expression":
        left, right = None if number is None else number > 0, None if word is None else word == "x"
        return left is not True and right is not True and left is not None and right is not None
    if word is None:
        return False
    if rule.kind == "matches":
        return not re.fullmatch("[A-Z0-9]+", word)
    return word not in (["UA", "DL", "N12"] if rule.kind == "one_of" else ["UA", "x"])


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(_CELLS, _CELLS), max_size=12), rules=st.lists(st.sampled_from(_RULES), unique_by=str))
def test_a_contract_says_what_a_row_by_row_reading_says(rows: list[tuple[str | None, str | None]], rules: list[Rule]):
    columns: dict[str, Any] = {"number": "integer", "word": "string"}
    spec = DatasetSpec(name="some", columns=columns, key=[], contract=rules, on_violation="go_on")
    text = pl.DataFrame({"number": [row[0] for row in rows], "word": [row[1] for row in rows]}, schema=_TEXT)
    known = contract.Known(references={("words", "word"): pl.Series(["UA", "x", None])})
    checked = contract.check(spec, text, START, known=known)
    expected: dict[tuple[str, str], list[int]] = {}
    words = [word for _, word in rows]
    for place, (cell, word) in enumerate(rows):
        try:
            number = _number(cell)
        except ValueError:
            number = None
            expected.setdefault(("types", "number"), []).append(place)
        for rule in rules:
            if _breaks(rule, number, word, words):
                expected.setdefault((rule.kind, rule.column), []).append(place)
    assert {(one.rule, one.column): one.rows for one in checked.violations} == expected
    bad = {place for places in expected.values() for place in places}
    assert checked.usable.height == len(rows) - len(bad)
    assert checked.refused == (bool(rows) and len(bad) == len(rows))
