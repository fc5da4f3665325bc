"""What a project file declares, and how it is told that something is wrong: by file and line."""

from __future__ import annotations

import pytest

import ondol as od
from ondol.features.types import Feature
from ondol.kernel.errors import Invalid, OndolError
from ondol.lake.types import FileSource, Rule
from ondol.sdk.collector import collecting
from ondol.sdk.data import Dataset

COLUMNS = {
    "id": "string",
    "at": "timestamp",
    "known": "timestamp",
    "shop": "string",
    "hour": "integer",
    "sum": "double",
}


def sales(**options: object) -> Dataset:
    return od.dataset("sales", columns=COLUMNS, key="id", time="at", known_at="known", **options)  # type: ignore[arg-type]


def test_a_dataset_has_columns_a_key_a_source_and_a_contract() -> None:
    spec = sales(
        source="data/*.parquet",
        contract=[od.unique("id"), od.between("sum", 0), od.not_null("shop"), od.one_of("shop", ["a"]), od.fresh("2d")],
    ).spec
    assert spec.key == ["id"]
    assert spec.source == FileSource(format="parquet", path="data/*.parquet")
    assert [rule.kind for rule in spec.contract] == ["unique", "between", "not_null", "one_of", "fresh"]
    assert spec.contract[1] == Rule(kind="between", column="sum", low=0)


def test_features_are_written_as_expressions_or_as_aggregates() -> None:
    view = od.feature_view(
        "shops",
        entity="shop",
        dataset=sales(),
        features=[
            "sum",
            "sum > 10 as large",
            "cast(hour as double) as h",
            "max(sum) over 7d as most",
            "count(1) over 2d by 1h as n",
        ],
    )
    assert view.spec.features == [
        Feature(name="sum", expression="sum"),
        Feature(name="large", expression="sum > 10"),
        Feature(name="h", expression="cast(hour as double)"),
        Feature(name="most", expression="sum", aggregate="max", window="7d"),
        Feature(name="n", expression="1", aggregate="count", window="2d", tile="1h"),
    ]
    named = od.feature_view("m", entity="shop", dataset=sales(), features={"mean_7d": od.mean("sum > 1", window="7d")})
    assert named.spec.features == [Feature(name="mean_7d", expression="sum > 1", aggregate="mean", window="7d")]


def test_a_service_takes_key_time_and_row_columns_from_its_dataset() -> None:
    data = sales()
    view = od.feature_view("shops", entity="shop", dataset=data, features=["sum as last_sum"])
    row = od.row_features(
        "row", ["extract(hour from at) as hour_of_day", "case when shop = 'hour' then 1 else 0 end as x"]
    )
    service = od.feature_service("inputs", [view, row], dataset=data, label="sum > 10")
    assert (service.spec.key, service.spec.time, service.spec.views) == ("id", "at", ["shops"])
    assert service.spec.row_features[0].columns == {"at": "timestamp", "shop": "string"}
    assert service.features == ["last_sum", "hour_of_day", "x"]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: sales(contract=[od.unique("ix")]), "no column 'ix'"),
        (lambda: sales(tiem="at"), "no setting 'tiem'"),
        (lambda: sales(source="data/x.xlsx"), "does not say what it is"),
        (lambda: od.dataset("d", columns={"a": "text"}, key="a"), "Invalid enum value 'text'"),  # type: ignore[dict-item]
        (lambda: od.feature_view("v", entity="town", dataset=sales(), features=["sum"]), "no column 'town'"),
        (lambda: od.feature_view("v", entity="shop", dataset=sales(), features=["sum > 1"]), "has no name"),
        (lambda: od.row_features("r", {"m": od.mean("sum", window="7d")}), "sees one only"),
        (lambda: od.feature_service("s", [], dataset=sales(), label="sum", key="nokey"), "no column 'nokey'"),
        (lambda: od.pipeline(lambda needed: None), "needs a default"),
        (lambda: od.pipeline(schedule="sometimes")(lambda: None), "not a duration"),
    ],
)
def test_a_mistake_is_said_with_its_place(declare, message) -> None:
    with pytest.raises(Invalid) as caught:
        declare()
    assert caught.value.message.startswith("test_declarations.py:")
    assert message in caught.value.message


def test_declarations_go_to_the_collector_that_is_open_and_to_no_other() -> None:
    sales()
    with collecting() as outer:
        sales()
        with collecting() as inner:
            sales()
        with pytest.raises(Invalid, match=r"declared already, at test_declarations.py:\d+"):
            sales()
    assert [len(each.declarations().datasets) for each in (outer, inner)] == [1, 1]


def test_steps_and_pipelines_stay_plain_functions_outside_a_run() -> None:
    @od.step(retries=3)
    def double(x: int) -> int:
        """Twice."""
        return 2 * x

    @od.pipeline
    def plain(x: int = 4) -> int:
        return double(x)

    assert double(4) == 8
    assert double.__doc__ == "Twice."
    assert plain() == 8
    assert plain.spec.parameters == {"x": 4}
    with pytest.raises(OndolError, match="inside the run of a pipeline"):
        od.ingest(sales())


def test_classification_scores_are_those_of_the_gate() -> None:
    found = od.classification_scores([0, 1, 1, 0], [0.1, 0.8, 0.6, 0.7])
    assert found["auc"] == 0.75
    assert found["positive_share"] == 0.5
