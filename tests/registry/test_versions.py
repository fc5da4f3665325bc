"""Models, versions and aliases as a caller sees them."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace
from ondol.registry import reactions, service
from ondol.registry.rules import package as rules
from ondol.registry.types import (
    About,
    FindVersion,
    GetModel,
    GetVersion,
    ListAliasHistory,
    ListModels,
    ListVersions,
    Package,
    PointAlias,
    RegisterVersion,
    VersionRegistered,
)
from tests.registry.weights import Weights, declare, pack, register, registration, with_weights

FIXTURE = Path(__file__).parent / "fixtures" / "package-1"


def point(house, version, alias="champion", **fields):
    return house.call(
        service.point_alias, PointAlias(model=version.model, alias=alias, version=version.id, **fields), actor="kim"
    )


def wait(house, **span):
    house.tools().clock.set(house.tools().now() + timedelta(**span))
    return house.tools().now()


def test_a_model_is_declared_and_declared_anew(house):
    first = declare(house, description="old")
    wait(house, days=1)
    assert declare(house, description="old") == first
    second = declare(house, description="new")
    assert (second.spec.description, second.versions, second.aliases) == ("new", 0, {})
    assert second.updated_at > first.updated_at
    assert house.call(service.list_models, ListModels()) == [second]


def test_versions_are_numbered_and_found_by_id_number_and_alias(house):
    declare(house)
    versions = [register(house, {"a": 1.0}, f"run_{number}", metrics={"auc": 0.7}) for number in range(3)]
    assert [version.number for version in versions] == [1, 2, 3]
    assert house.call(service.get_version, GetVersion(version=versions[0].id)) == versions[0]
    assert house.call(service.list_versions, ListVersions(model="flight-delay")) == versions[::-1]
    point(house, versions[1])
    for reference, version in {"3": versions[2], "champion": versions[1]}.items():
        found = house.call(service.find_version, FindVersion(model="flight-delay", reference=reference))
        assert found == version
    assert house.call(service.get_model, GetModel(model="flight-delay")).aliases == {"champion": 2}
    events = [event for event in house.call("events.list", {}) if event.name == "VersionRegistered"]
    assert [event.payload["number"] for event in events] == [1, 2, 3]


def test_the_same_key_registers_once(house):
    declare(house)
    first = register(house, {"a": 1.0}, "run_1")
    assert register(house, {"a": 2.0}, "run_1") == first
    assert len(house.call(service.list_versions, ListVersions(model="flight-delay"))) == 1


PROGRAM = """
import sys, msgspec
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.registry.types import RegisterVersion
house = open_house(Config(home=sys.argv[1], database=sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
print(house.call("versions.register", msgspec.json.decode(sys.argv[2], type=RegisterVersion)).id)
house.close()
"""


def test_two_processes_that_register_the_same_key_make_one_version(house):
    declare(house)
    request = msgspec.json.encode(registration(pack(house, Weights({"a": 1.0})), "run_1")).decode()
    command = [sys.executable, "-c", PROGRAM, str(house.config.home_path), request, house.config.database]
    rivals = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for rival in rivals:
        assert rival.stdout.readline() == "ready\n"
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    answers = {rival.communicate(timeout=100)[0].strip() for rival in rivals}
    assert answers == {version.id for version in house.call(service.list_versions, ListVersions(model="flight-delay"))}
    assert len(answers) == 1


def test_a_package_that_is_not_what_was_said_is_refused(house):
    declare(house)
    package = pack(house, Weights({"a": 1.0}))
    other = {**package.files, "weights.json": "0" * 64}
    with pytest.raises(Refused, match=r"weights\.json was changed"):
        house.call(service.register_version, msgspec.structs.replace(registration(package, "k"), files=other))
    with pytest.raises(Refused, match="is missing"):
        house.call(
            service.register_version, msgspec.structs.replace(registration(package, "k"), package="models/nowhere")
        )
    with pytest.raises(Invalid, match="'weights' model"):
        house.call(service.register_version, msgspec.structs.replace(registration(package, "k"), flavor="lightgbm"))
    bare = {"weights.json": package.files["weights.json"]}
    with pytest.raises(Invalid, match=r"no ondol\.json"):
        house.call(service.register_version, msgspec.structs.replace(registration(package, "k"), files=bare))
    assert house.call(service.list_versions, ListVersions(model="flight-delay")) == []


def test_what_is_not_said_is_read_from_the_package(house):
    declare(house)
    package = pack(house, Weights({"a": 1.0, "b": 2.0}), "late")
    bare = RegisterVersion(model="flight-delay", key="k", flavor="weights", package=package.folder, files=package.files)
    version = house.call(service.register_version, bare)
    assert (version.features, version.label, version.service) == (["a", "b"], "late", "flight_inputs")
    assert version.signature["importance"] == {"a": 1.0, "b": 2.0}
    with pytest.raises(Invalid, match="not those of the package"):
        house.call(service.register_version, msgspec.structs.replace(bare, key="k2", features=["b", "a"]))


def test_a_loaded_version_predicts_as_the_model_did(house):
    declare(house)
    model = Weights({"a": 2.0, "b": -1.0}, bias=0.5)
    version = house.call(service.register_version, registration(pack(house, model), "run_1"))
    rows = pl.DataFrame({"b": [1.0, 0.0], "a": [0.0, 3.0], "extra": ["x", "y"]})
    tools = with_weights(house.tools())
    predictor = service.load(tools, version.id)
    assert predictor.predict(rows) == model.predict(rows)
    assert service.load(tools, version.id) is predictor


def test_a_tampered_package_is_not_loaded(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    house.tools().blobs.put(f"{version.package}/weights.json", b'{"weights": {"a": -1.0}, "bias": 0.0}')
    with pytest.raises(Refused, match=r"weights\.json was changed") as caught:
        service.load(with_weights(house.tools()), version.id)
    assert caught.value.details == {"files": ["weights.json was changed"]}
    house.tools().blobs.delete(f"{version.package}/weights.json")
    with pytest.raises(Refused, match=r"weights\.json is missing"):
        service.load(with_weights(house.tools()), version.id)


def test_a_model_of_an_unknown_kind_is_neither_packed_nor_loaded(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    with pytest.raises(Unavailable, match="'weights'"):
        service.load(house.tools(), version.id)
    with pytest.raises(Invalid, match=r"builtins\.dict"):
        service.write_package(house.tools(), "models/x", {}, About())


def test_a_package_of_the_first_format_is_registered_and_loaded(house):
    declare(house)
    tools, files = house.tools(), {}
    for file in FIXTURE.iterdir():
        tools.blobs.put(f"models/old/{file.name}", file.read_bytes())
        files[file.name] = rules.digest(file.read_bytes())
    manifest = rules.read_manifest(tools.blobs.get("models/old/ondol.json"))
    package = Package(folder="models/old", files=files, manifest=manifest)
    version = house.call(service.register_version, registration(package, "old"))
    rows = pl.DataFrame({"wind_speed": [0.0], "late_share_7d": [0.5]})
    assert service.load(with_weights(tools), version.id).predict(rows) == [0.5]


def test_the_history_of_an_alias_answers_who_was_champion_then(house):
    declare(house)
    first, second = (register(house, {"a": 1.0}, f"run_{number}") for number in range(2))
    april = point(house, first, reason="first").since
    july = wait(house, days=91)
    point(house, second, reason="better", evidence="can_1")
    point(house, first, alias="previous")

    def champion(at):
        spans = house.call(service.alias_history, ListAliasHistory(model="flight-delay", alias="champion", at=at))
        return [span.version for span in spans]

    assert champion(april) == champion(july - timedelta(microseconds=1)) == [first.id]
    assert champion(july) == champion(july + timedelta(days=900)) == [second.id]
    assert champion(july.replace(tzinfo=None)) == [second.id]
    assert champion(april - timedelta(days=1)) == []
    spans = house.call(service.alias_history, ListAliasHistory(model="flight-delay", alias="champion"))
    assert [(span.number, span.until, span.by, span.evidence) for span in spans] == [
        (2, None, "kim", "can_1"),
        (1, july, "kim", ""),
    ]
    assert len(house.call(service.alias_history, ListAliasHistory(model="flight-delay"))) == 3


def test_pointing_at_the_same_version_again_changes_nothing(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    span = point(house, version)
    wait(house, days=1)
    assert point(house, version, reason="again") == span
    assert [event.name for event in house.call("events.list", {})].count("AliasPointed") == 1


def test_an_alias_points_only_at_versions_of_its_model(house):
    declare(house)
    declare(house, "other")
    version = register(house, {"a": 1.0}, "run_1")
    with pytest.raises(Invalid):
        house.call(service.point_alias, PointAlias(model="other", alias="champion", version=version.id))


def test_what_is_not_there_is_not_found(house):
    declare(house)
    package = pack(house, Weights({"a": 1.0}))
    for which, request in (
        (service.get_model, GetModel(model="x")),
        (service.get_version, GetVersion(version="mv_x")),
        (service.find_version, FindVersion(model="flight-delay", reference="1")),
        (service.find_version, FindVersion(model="flight-delay", reference="champion")),
        (service.register_version, registration(package, "k", model="x")),
        (service.point_alias, PointAlias(model="flight-delay", alias="champion", version="mv_x")),
    ):
        with pytest.raises(NotFound) as caught:
            house.call(which, request)
        assert caught.value.hint


def test_a_version_remembers_what_it_was_made_from(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1", run="run_1", training_set="ts_1", code="c" * 40, tables={"t": 1})
    with house.tools().transaction(write=False) as tools:
        graph = lineage.trace(tools, Trace(id=version.id))
    assert {(edge.origin, edge.relation) for edge in graph.edges} == {
        ("run_1", "trained_in"),
        ("ts_1", "learned_from"),
        ("code:cccccccccccc", "defined_by"),
        ("feature_service:flight_inputs@01234567", "reads"),
    }
    assert graph.nodes[0].title == "flight-delay 1"
    bare = register(house, {"a": 1.0}, "run_2", tables={"silver/flights": 12})
    with house.tools().transaction(write=False) as tools:
        assert "table:silver/flights@12" in [node.id for node in lineage.trace(tools, Trace(id=bare.id)).nodes]


def test_the_card_lies_beside_the_files(house):
    declare(house, intended_use="Warn passengers.")
    version = register(house, {"a": 1.0}, "run_1")
    assert "Warn passengers." in version.card
    event = VersionRegistered(subject="flight-delay", version=version.id, number=1, metrics={}, run="")
    for _ in range(2):
        reactions.put_card(house.tools(), event)
    assert house.tools().blobs.get(f"{version.package}/README.md").decode() == version.card
    assert service.load(with_weights(house.tools()), version.id)


def test_lightgbm_models_go_the_same_way(house):
    lightgbm = pytest.importorskip("lightgbm")
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(1)
    x = random.normal(size=(300, 2))
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(x, (x[:, 0] > 0).astype(int), feature_name=["wind", "hour"]),
        num_boost_round=5,
    )
    declare(house)
    package = service.write_package(house.tools(), "models/lgb", booster, About(label="late"))
    assert set(package.files) == {"model.txt", "ondol.json", "MLmodel", "python_env.yaml", "requirements.txt"}
    version = house.call(service.register_version, registration(package, "run_1"))
    assert version.features == ["wind", "hour"]
    frame = pl.DataFrame({"wind": x[:20, 0].tolist(), "hour": x[:20, 1].tolist()})
    assert service.load(house.tools(), version.id).predict(frame) == pytest.approx(booster.predict(x[:20]).tolist())
