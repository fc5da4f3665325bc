"""What a registry takes, and what it says of a version."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ondol.kernel.errors import Invalid, Refused
from ondol.registry.rules import card, evidence, names, package, search
from ondol.registry.types import GateRule, Manifest, ModelSpec, RegisterVersion, Version
from ondol.registry.types.evidence import Generation, VersionEvidence
from ondol.sdk import plots

FIXTURE = Path(__file__).parent / "fixtures" / "package-1"
SHA = "0" * 64


def version(**fields):
    known = dict(id="mv_1", model="flight-delay", number=3, created_at=datetime(2013, 4, 1, tzinfo=UTC))
    known |= dict(created_by="hand", flavor="lightgbm", package="models/a", files={"model.txt": SHA})
    return Version(**(known | fields))


def test_the_first_format_of_a_package_is_still_read():
    manifest = package.read_manifest((FIXTURE / "ondol.json").read_bytes())
    assert (manifest.flavor, manifest.features) == ("weights", ["wind_speed", "late_share_7d"])
    assert manifest.signature["importance"] == {"wind_speed": 0.5, "late_share_7d": 2.0}


def test_a_manifest_reads_back_as_it_was_written():
    manifest = Manifest(format=package.FORMAT, flavor="weights", features=["a"], label="b > 1", signature={"x": [1]})
    assert package.read_manifest(package.write_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"{", Invalid), (b"[]", Invalid), (b'{"format": 2}', Refused), (b"{}", Refused), (b'{"format": 1}', Invalid)],
)
def test_a_manifest_we_cannot_read_is_refused(content, error):
    with pytest.raises(error, match=r"ondol\.json"):
        package.read_manifest(content)


def test_every_changed_and_missing_file_is_named():
    expected = {"a": package.digest(b"1"), "b": package.digest(b"2"), "c": package.digest(b"3")}
    assert package.altered(expected, {"a": b"1", "b": b"2", "c": b"3", "README.md": b""}) == []
    assert package.altered(expected, {"a": b"1", "b": b"x"}) == ["c is missing", "b was changed"]


@pytest.mark.parametrize("name", ["", " a", "../a", "..", "a:b", "a/b", "a\nb", "x" * 257])
def test_a_model_needs_a_name_that_fits_a_path(name):
    with pytest.raises(Invalid):
        names.check_spec(ModelSpec(name=name))


@pytest.mark.parametrize(
    "rule",
    [
        ("at_least", "f1", 0.5),
        ("at_least", "log_loss", 0.5),
        ("better", "brier", 0.05),
        ("better", "auc", 1.5),
        ("no_worse", "auc", -0.1),
        ("no_worse", "auc", float("nan")),
    ],
)
def test_a_gate_that_cannot_be_kept_is_refused_at_once(rule):
    kind, metric, value = rule
    with pytest.raises(Invalid, match="gate"):
        names.check_spec(ModelSpec(name="m", gate=[GateRule(kind=kind, metric=metric, value=value)]))


@pytest.mark.parametrize("alias", ["3", "v3", "V3", "latest", "Latest", "", "a b", "a.b", "x" * 256])
def test_an_alias_is_never_taken_for_a_number(alias):
    with pytest.raises(Invalid):
        names.check_alias(alias)


@pytest.mark.parametrize(
    "wrong",
    [
        {"package": "../secrets"},
        {"package": "models/a/../b"},
        {"package": "models"},
        {"key": ""},
        {"files": {}},
        {"files": {"../x": SHA}},
        {"files": {"model.txt": "abc"}},
        {"metrics": {"auc": float("nan")}},
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(wrong):
    known = dict(model="m", key="k", flavor="weights", package="models/a", files={"model.txt": SHA})
    names.check_registration(RegisterVersion(**known))
    with pytest.raises(Invalid):
        names.check_registration(RegisterVersion(**(known | wrong)))


def test_the_card_says_what_a_person_must_know():
    spec = ModelSpec(
        name="flight-delay",
        description="Will this flight be late?",
        intended_use="Warn passengers.",
        limits="New York only.",
        gate=[GateRule(kind="at_least", metric="auc", value=0.68)],
    )
    text = card.write_card(
        version(
            label="arrival_delay > 15",
            features=["wind_speed", "hour"],
            metrics={"auc": 0.71234},
            params={"leaves": 63, "odd|name": "a\nb"},
            signature={"importance": {"wind_speed": 1.0, "hour": 3.0}},
            tables={"silver/flights": 12},
            environment={"lightgbm": "4.7.0"},
            run="run_1",
            training_set="ts_1",
            service="flight_inputs",
            service_hash="0123456789abcdef",
            code="c" * 40,
        ),
        spec,
    )
    for words in (
        "# flight-delay 3",
        "Warn passengers.",
        "New York only.",
        "| auc | 0.7123 |",
        "auc is at least 0.68",
        "| `silver/flights` | 12 |",
        "| leaves | 63 |",
        "| odd\\|name | a b |",
        "`flight_inputs` (01234567)",
        "`ts_1`",
        "`run_1`",
        "| lightgbm | 4.7.0 |",
        "ondol lineage mv_1",
        SHA,
    ):
        assert words in text
    assert text.index("| `hour` | 75.0% |") < text.index("| `wind_speed` | 25.0% |")


def test_a_bare_card_has_no_empty_sections_and_says_what_is_missing():
    text = card.write_card(version(), ModelSpec(name="flight-delay"))
    assert "## Gate" not in text
    assert "## Parameters" not in text
    assert "Nobody has written down what it is meant for" in text


def test_a_search_of_parameters_is_told_with_its_ranges_and_the_values_taken():
    generation = Generation(
        framework="lightgbm 4.7.0",
        method="random search",
        runs=40,
        ranges={"leaves": [7, 255]},
        chosen={"leaves": 63},
        pipeline="training",
    )
    searched = version(code="c" * 64, files={"code.json": SHA}, evidence=VersionEvidence(generation=generation))
    kind = {kind.name: kind for kind in evidence.kinds(searched, ModelSpec(name="flight-delay"))}["generation"]
    assert kind.summary.startswith("lightgbm 4.7.0, random search, 40 runs, leaves in [7, 255]; leaves=63")
    assert "| leaves | 63 |" in card.write_card(version(params={"leaves": 63}), ModelSpec(name="flight-delay"))
    assert "Searched: leaves in [7, 255]" in card.write_card(searched, ModelSpec(name="flight-delay"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("name = 'a'", [("name", "", "=", "a")]),
        ("attribute.name LIKE '%a\\'b'", [("name", "", "LIKE", "%a'b")]),
        ('tags."a b".c != "x"', [("", "a b.c", "!=", "x")]),
        ("tags.`a.b` ILIKE 'x' And name = 'b'", [("", "a.b", "ILIKE", "x"), ("name", "", "=", "b")]),
        ("name NOT IN ('a','b')", [("name", "", "NOT IN", ("a", "b"))]),
    ],
)  # fmt: skip
def test_a_search_is_read(text, found):
    assert [tuple(one) for one in search.parse(text, "models")] == found


def test_curves_go_from_corner_to_corner_and_tenths_hold_all_rows():
    labels, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert plots.roc_points(labels, scores) == [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]
    assert plots.roc_points([1, 1], [0.1, 0.2]) == []
    assert plots.roc_points([0, 1, 1], [0.5, 0.5, 0.5]) == [(0.0, 0.0), (1.0, 1.0)]
    many = plots.roc_points([number % 2 for number in range(5_000)], [number / 5_000 for number in range(5_000)])
    assert (many[0], many[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert len(many) < 120
    assert plots.calibration_points([0, 1] * 5, [0.5] * 10)[0] == (0.5, 0.0)
    assert "&lt;b&gt;" in plots.importance({"<b>": 1.0})
