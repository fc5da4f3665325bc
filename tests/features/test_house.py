"""Feature views, services and training sets in a real house."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from ondol.features import service as features
from ondol.features.types import (
    BuildTrainingSet,
    DeclareService,
    DeclareView,
    Feature,
    GetDefinition,
    GetView,
    ListTrainingSets,
    MaterializeView,
    PushRows,
    ReadFeatures,
    RowFeatures,
    ServiceSpec,
    ViewSpec,
)
from ondol.heartbeat import settle
from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.lake.types import AppendBatch, DatasetSpec, DeclareDataset
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace

NOW = datetime(2013, 4, 1, tzinfo=UTC)
FLIGHTS = DatasetSpec(
    name="flights",
    columns={
        "id": "string", "departs_at": "timestamp", "lands_at": "timestamp", "carrier": "string", "origin": "string",
        "distance": "integer", "delay": "double",
    },
    key=["id"],
    time="departs_at",
    known_at="lands_at",
    partition="day",
)  # fmt: skip
WEATHER = DatasetSpec(
    name="weather",
    columns={"origin": "string", "time": "timestamp", "wind": "double", "rain": "double"},
    key=["origin", "time"],
    time="time",
)
LATE = ViewSpec(
    name="carrier_late",
    entity=["carrier"],
    dataset="flights",
    features=[
        Feature(name="late_share", expression="delay > 15", aggregate="mean", window="7d"),
        Feature(name="flown", expression="1", aggregate="count", window="7d"),
    ],
)
SKY = ViewSpec(
    name="sky",
    entity=["origin"],
    dataset="weather",
    features=[Feature(name="wind", expression="wind"), Feature(name="wet", expression="rain > 0")],
    ttl="3h",
)
INPUTS = ServiceSpec(
    name="inputs",
    dataset="flights",
    key="id",
    time="departs_at",
    label="delay > 15",
    views=["sky", "carrier_late"],
    row_features=[
        RowFeatures(
            name="schedule",
            columns={"departs_at": "timestamp", "distance": "integer"},
            features=[
                Feature(name="minute_of_day", expression="extract(hour from departs_at) * 60"),
                Feature(name="far", expression="distance > 1000"),
            ],
        )
    ],
)


def flight(number, departs_at, *, carrier="UA", delay=0.0, flown=timedelta(hours=2), origin="JFK"):
    landed = None if delay is None else departs_at + flown
    return {
        "id": f"f{number}", "departs_at": departs_at.isoformat(), "lands_at": landed and landed.isoformat(),
        "carrier": carrier, "origin": origin, "distance": 900 + number, "delay": delay,
    }  # fmt: skip


def sky(at, wind, rain=0.0, origin="JFK"):
    return {"origin": origin, "time": at.isoformat(), "wind": wind, "rain": rain}


def of_row(expression, columns=(), name="a"):
    feature = Feature(name=name, expression=expression)
    return dict(row_features=[RowFeatures(name="r", columns=dict(columns), features=[feature])])


def append(house, dataset, *rows, key="first"):
    return house.call("datasets.append", AppendBatch(dataset=dataset, key=key, rows=list(rows)))


@pytest.fixture
def declared(house):
    for spec in (FLIGHTS, WEATHER):
        house.call("datasets.declare", DeclareDataset(spec=spec))
    for view in (SKY, LATE):
        house.call("views.declare", DeclareView(spec=view))
    house.call("services.declare", DeclareService(spec=INPUTS))
    return house


@pytest.fixture
def filled(declared):
    """Ten days of one carrier: two flights a day, at 10:00 and, late, at 12:00 UTC; an hourly sky on the last day."""
    days = [NOW - timedelta(days=number) for number in range(10, 0, -1)]
    rows = [flight(2 * n, day + timedelta(hours=10)) for n, day in enumerate(days)]
    rows += [flight(2 * n + 1, day + timedelta(hours=12), delay=40.0) for n, day in enumerate(days)]
    append(declared, "flights", *rows, flight(90, NOW - timedelta(hours=5), delay=None))
    append(declared, "weather", *(sky(NOW - timedelta(hours=n), float(n), rain=float(n % 2)) for n in range(1, 25)))
    settle(declared)
    return declared


def read(house, at=NOW, **row):
    row = {"carrier": "UA", "origin": "JFK", "distance": 5000, "departs_at": at.isoformat()} | row
    (values,) = house.call("features.read", ReadFeatures(service="inputs", rows=[row])).rows
    return values


def test_a_service_says_what_a_model_sees_and_what_a_request_brings(declared):
    service = features.service_of(declared.tools(), "inputs")
    assert service.features == ["wind", "wet", "late_share", "flown", "minute_of_day", "far"]
    assert service.inputs == {
        "origin": "string", "carrier": "string", "departs_at": "timestamp", "distance": "integer",
    }  # fmt: skip
    assert declared.call("views.get", GetView(view="sky")).used_by == ["inputs"]


def test_values_come_online_with_the_batch(filled):
    view = filled.call("views.get", GetView(view="carrier_late"))
    assert (view.online_version, view.online_keys) == (0, 1)
    assert read(filled) == [1.0, 1.0, 0.5, 14.0, 0.0, 1.0]


def test_values_fade_without_new_rows(filled):
    assert read(filled, NOW + timedelta(hours=2))[:2] == [1.0, 1.0]
    assert read(filled, NOW + timedelta(hours=2, seconds=1))[:2] == [None, None]
    assert [read(filled, NOW + timedelta(days=days))[3] for days in (0, 1, 5, 6, 7)] == [14, 12, 4, 2, None]


def test_unknown_and_missing_entities_have_no_values(filled):
    assert read(filled, carrier="ZZ", origin=None)[:4] == [None] * 4


def test_a_request_without_what_is_needed_is_told_what(filled):
    with pytest.raises(Invalid, match="carrier, departs_at, distance"):
        filled.call("features.read", ReadFeatures(service="inputs", rows=[{"origin": "JFK"}]))
    with pytest.raises(Invalid, match=r"distance.*integer"):
        read(filled, distance="far")


def test_a_training_set_holds_what_was_known_at_each_moment(filled):
    made = filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
    frame = features.training_frame(filled.tools(), made)
    assert frame.columns == ["id", "departs_at", "origin", "carrier", *made.features, "label"]
    assert (made.rows, made.positive_share, frame["label"].sum()) == (20, 0.5, 10)
    assert frame["flown"].to_list() == [None, None, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14, 14, 14, 14, 14]
    assert frame["late_share"].drop_nulls().unique().to_list() == [0.5]
    assert frame["wind"].to_list() == [None] * 18 + [14.0, 12.0]
    assert frame["minute_of_day"].to_list() == [600.0, 720.0] * 10
    assert made.tables == {"silver/flights": 0, "silver/weather": 0}


def test_the_online_values_are_those_of_the_training_set(filled):
    made = filled.call("training_sets.build", BuildTrainingSet(service="inputs", since=NOW - timedelta(days=1)))
    frame = features.training_frame(filled.tools(), made.id)
    rows = [
        {"carrier": "UA", "origin": "JFK", "distance": 900 + int(key[1:]), "departs_at": moment.isoformat()}
        for key, moment in frame.select("id", "departs_at").iter_rows()
    ]
    online = filled.call("features.read", ReadFeatures(service="inputs", rows=rows))
    assert online.rows == [list(row) for row in frame.select(made.features).iter_rows()]


def test_only_labels_known_by_then_are_learned_from(filled):
    until = NOW - timedelta(days=1) + timedelta(hours=13)
    made = filled.call("training_sets.build", BuildTrainingSet(service="inputs", until=until))
    assert made.rows == 19
    frame = features.label_frame(filled.tools(), "inputs", NOW - timedelta(days=1), NOW)
    assert frame.rows() == [
        ("f18", NOW - timedelta(hours=14), 0.0), ("f19", NOW - timedelta(hours=12), 1.0),
    ]  # fmt: skip


def test_the_same_request_answers_the_same_set_until_something_changes(filled):
    request = BuildTrainingSet(service="inputs", until=NOW)
    made = filled.call("training_sets.build", request)
    assert filled.call("training_sets.build", request) == made
    append(filled, "flights", flight(91, NOW - timedelta(hours=9)), key="second")
    fresh = filled.call("training_sets.build", request)
    assert (fresh.id != made.id, fresh.rows) == (True, 21)
    assert features.training_frame(filled.tools(), made).height == 20
    assert {one.id for one in filled.call("training_sets.list", ListTrainingSets(service="inputs"))} == {
        made.id,
        fresh.id,
    }


def test_the_ancestry_of_a_training_set(filled):
    made = filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
    with filled.tools().transaction(write=False) as inner:
        graph = lineage.trace(inner, Trace(id=made.id))
    service = features.service_of(filled.tools(), "inputs")
    ids = {node.id for node in graph.nodes}
    assert {"table:silver/flights@0", "table:silver/weather@0", f"feature_service:inputs@{service.hash[:8]}"} <= ids
    assert {"dataset:weather"} <= ids
    assert {node.kind for node in graph.nodes} >= {"feature_view", "batch"}


def test_a_set_without_rows_is_refused(declared):
    with pytest.raises(Refused, match="has a label"):
        declared.call("training_sets.build", BuildTrainingSet(service="inputs"))


def test_pushed_rows_are_served_at_once_and_survive_the_batch_before_them(filled):
    later = NOW + timedelta(hours=1)
    pushed = filled.call("views.push", PushRows(view="sky", rows=[sky(later, 77.0), sky(later, 5.0, origin="EWR")]))
    assert pushed.keys == 2
    assert read(filled, later)[:2] == [77.0, 0.0]
    append(filled, "weather", sky(NOW, 33.0), key="second")
    settle(filled)
    assert read(filled, later)[0] == 77.0
    assert read(filled, NOW)[0] == 33.0
    assert read(filled, later, origin="EWR")[0] == 5.0


def test_windows_take_no_pushed_rows_and_rows_need_their_entity(filled):
    with pytest.raises(Conflict, match="windows"):
        filled.call("views.push", PushRows(view="carrier_late", rows=[flight(1, NOW)]))
    with pytest.raises(Invalid, match="1 of 2 rows"):
        filled.call("views.push", PushRows(view="sky", rows=[sky(NOW, 1.0), sky(NOW, 1.0, origin=None)]))


def test_a_batch_delivered_twice_changes_nothing(filled):
    online = filled.tools().online
    (stair,) = features.definitions.stairs_of(LATE)
    before = (online.revision(stair.store), online.get(stair.store, ["UA"]))
    filled.call("views.materialize", MaterializeView(view="carrier_late"))
    assert (online.revision(stair.store), online.get(stair.store, ["UA"])) == before
    filled.call("views.materialize", MaterializeView(view="carrier_late", full=True))
    assert online.get(stair.store, ["UA"]) == before[1]


def test_a_new_definition_is_a_new_start(filled):
    service = features.service_of(filled.tools(), "inputs")
    assert read(filled)[3] == 14
    shorter = [Feature(name="late_share", expression="delay > 30", aggregate="mean", window="3d"),
               Feature(name="flown", expression="1", aggregate="count", window="3d")]  # fmt: skip
    changed = ViewSpec(name="carrier_late", entity=["carrier"], dataset="flights", features=shorter)
    filled.call("views.declare", DeclareView(spec=changed))
    settle(filled)
    after = features.service_of(filled.tools(), "inputs")
    assert (after.hash != service.hash, after.label_hash == service.label_hash) == (True, True)
    assert read(filled)[3] == 6


def test_words_change_no_definition(declared):
    before = declared.call("views.get", GetView(view="sky"))
    described = ViewSpec(name="sky", entity=["origin"], dataset="weather", features=SKY.features, ttl="3h", owner="me")
    after = declared.call("views.declare", DeclareView(spec=described))
    assert (after.hash, after.spec.owner) == (before.hash, "me")


def test_a_clock_that_moves_on_keeps_only_what_the_present_can_reach(filled):
    (stair,) = features.definitions.stairs_of(SKY)
    filled.tools().clock.set(NOW + timedelta(days=2))
    append(filled, "weather", sky(NOW + timedelta(days=2), 3.0), key="later")
    settle(filled)
    (steps,) = filled.tools().online.get(stair.store, ["JFK"])
    assert len(steps) == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (dict(entity=["carier"]), "carier"),
        (dict(entity=["delay"]), "double"),
        (dict(entity=[]), "no entity"),
        (dict(features=[]), "no features"),
        (dict(features=[Feature(name="x", expression="dealy > 1")]), "dealy"),
        (dict(features=[Feature(name="x", expression="carrier")]), "gives string"),
        (dict(features=[Feature(name="x", expression="delay", aggregate="mean")]), "without a window"),
        (dict(features=[Feature(name="x", expression="delay", aggregate="sum", window="36h")]), "tiles"),
        (dict(features=[Feature(name="x y", expression="delay")]), "'x y'"),
        (dict(features=[Feature(name="carrier", expression="delay")]), "carrier"),
        (dict(features=[Feature(name="x", expression="delay"), Feature(name="x", expression="1")]), "two features"),
        (dict(features=[Feature(name="x", expression="1", aggregate="sum", window="7d")], ttl="1h"), "ttl"),
        (dict(name="a/b"), "a/b"),
    ],
)
def test_a_view_that_cannot_work_is_refused_when_it_is_declared(declared, fields, problem):
    known = dict(name="v", entity=["carrier"], dataset="flights", features=[Feature(name="x", expression="delay")])
    with pytest.raises(Invalid, match=problem):
        declared.call("views.declare", DeclareView(spec=ViewSpec(**(known | fields))))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (dict(views=["nowhere"]), NotFound),
        (dict(label="delai > 15"), Invalid),
        (dict(key="delay"), Invalid),
        (dict(time="carrier"), Invalid),
        (dict(views=["sky", "sky"]), Invalid),
        (dict(views=[], row_features=[]), Invalid),
        (of_row("1", {"distance": "string"}), Invalid),
        (of_row("distance"), Invalid),
        (of_row("1", name="label"), Invalid),
        (of_row("1", name="wind"), Invalid),
    ],
)
def test_a_service_that_cannot_work_is_refused_when_it_is_declared(declared, fields, error):
    spec = {name: getattr(INPUTS, name) for name in INPUTS.__struct_fields__} | {"name": "other"} | fields
    with pytest.raises(error):
        declared.call("services.declare", DeclareService(spec=ServiceSpec(**spec)))


PLANES = DatasetSpec(name="planes", columns={"carrier": "string", "seats": "integer"}, key=["carrier"])


def test_rows_without_a_time_hold_since_ever(filled):
    """A table of facts that do not change: no time, no ttl; values for every moment, in training and online."""
    filled.call("datasets.declare", DeclareDataset(spec=PLANES))
    view = ViewSpec(
        name="fleet", entity=["carrier"], dataset="planes", features=[Feature(name="seats", expression="seats")]
    )
    filled.call("views.declare", DeclareView(spec=view))
    spec = ServiceSpec(
        name="seated", dataset="flights", key="id", time="departs_at", label="delay", views=["fleet"],
    )  # fmt: skip
    filled.call("services.declare", DeclareService(spec=spec))
    append(filled, "planes", {"carrier": "UA", "seats": 180})
    settle(filled)
    made = filled.call("training_sets.build", BuildTrainingSet(service="seated"))
    assert (made.positive_share, features.training_frame(filled.tools(), made)["seats"].to_list()) == (
        None,
        [180.0] * 20,
    )
    rows = [{"carrier": "UA"}, {"carrier": "XX"}, {"carrier": "UA", "departs_at": "1999-01-01"}]
    assert filled.call("features.read", ReadFeatures(service="seated", rows=rows)).rows == [[180.0], [None], [180.0]]
    filled.call("views.push", PushRows(view="fleet", rows=[{"carrier": "UA", "seats": 200}]))
    assert filled.call("features.read", ReadFeatures(service="seated", rows=rows[:1])).rows == [[200.0]]


def test_a_new_view_starts_with_what_has_landed_already(filled):
    view = ViewSpec(name="sky_too", entity=["origin"], dataset="weather", features=SKY.features)
    assert filled.call("views.declare", DeclareView(spec=view)).online_version == -1
    settle(filled)
    assert filled.call("views.get", GetView(view="sky_too")).online_version == 0


def test_requests_and_pushes_meet_without_harm(filled):
    wind = {1.0}

    def push(number):
        wind.add(float(number))
        filled.call("views.push", PushRows(view="sky", rows=[sky(NOW, float(number))]))

    with ThreadPoolExecutor(4) as pool:
        for number in range(2, 30):
            pool.submit(push, number)
            found = pool.submit(read, filled).result()
            assert found[0] in wind
            assert found[2:4] == [0.5, 14.0]
    push(99)
    assert read(filled)[0] == 99.0


def test_a_feature_moves_from_a_view_to_the_row_in_two_declarations(filled):
    """As applying a project does it: the view first, then the service that no longer fits it."""
    fields = dict(name="carrier_late", entity=["carrier"], dataset="flights")
    far = Feature(name="far", expression="distance > 1000")
    filled.call("views.declare", DeclareView(spec=ViewSpec(**fields, features=[*LATE.features, far])))
    with pytest.raises(Conflict, match="other features now"):
        filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
    with pytest.raises(Conflict, match="other features now"):
        read(filled)
    group = replace(INPUTS.row_features[0], features=INPUTS.row_features[0].features[:1])
    filled.call("services.declare", DeclareService(spec=replace(INPUTS, row_features=[group])))
    settle(filled)
    assert read(filled)[2:] == [0.5, 14.0, 0.0, 0.0]


def test_declaring_the_same_service_again_changes_nothing(declared):
    before = features.service_of(declared.tools(), "inputs")
    declared.tools().clock.set(NOW + timedelta(hours=1))
    assert declared.call("services.declare", DeclareService(spec=INPUTS)) == before


SHORTER = [
    Feature(name="late_share", expression="delay > 30", aggregate="mean", window="3d"),
    Feature(name="flown", expression="1", aggregate="count", window="3d"),
]


def test_a_model_is_served_what_it_has_learned_from_until_nobody_needs_it(filled):
    """Between a change of the definitions and the next deployment."""
    learned = features.service_of(filled.tools(), "inputs")
    hold(filled, learned.hash)
    filled.call("views.declare", DeclareView(spec=replace(LATE, features=SHORTER)))
    settle(filled)
    assert read(filled)[3] == 6
    assert served(filled, learned)[3] == 14
    append(filled, "flights", flight(91, NOW - timedelta(hours=9)), key="second")
    settle(filled)
    assert (read(filled)[3], served(filled, learned)[3]) == (7, 15)
    kept = filled.call("definitions.get", GetDefinition(hash=learned.hash))
    assert (kept.service.hash, [view.name for view in kept.views]) == (learned.hash, ["sky", "carrier_late"])
    hold(filled)
    settle(filled)
    with pytest.raises(Conflict, match="no longer kept online"):
        served(filled, learned)
    assert filled.call("definitions.get", GetDefinition(hash=learned.hash)) == kept
    assert read(filled)[3] == 7


def hold(house, *hashes):
    with house.tools().transaction(write=True) as inner:
        features.hold_definitions(inner, "endpoint:delay", hashes)
    settle(house)


def served(house, service, at=NOW):
    given = {"carrier": ["UA"], "origin": ["JFK"], "distance": [5000], "departs_at": [at.isoformat()]}
    return [found[0] for found in features.values_of(house.tools(), service, given, at).values()]


def test_pushed_rows_reach_the_definition_of_before_too(filled):
    learned = features.service_of(filled.tools(), "inputs")
    hold(filled, learned.hash)
    doubled = [Feature(name="wind", expression="wind * 2"), SKY.features[1]]
    filled.call("views.declare", DeclareView(spec=replace(SKY, features=doubled)))
    settle(filled)
    later = NOW + timedelta(hours=1)
    filled.call("views.push", PushRows(view="sky", rows=[sky(later, 50.0)]))
    assert (read(filled, later)[0], served(filled, learned, later)[0]) == (100.0, 50.0)


def test_two_versions_of_a_view_live_side_by_side(filled):
    names = [replace(feature, name=f"{feature.name}_3d") for feature in SHORTER]
    second = replace(LATE, name="carrier_late@2", features=names)
    assert filled.call("views.declare", DeclareView(spec=second)).version == 2
    filled.call("services.declare", DeclareService(spec=replace(INPUTS, views=["sky", "carrier_late@1"])))
    both = replace(INPUTS, name="both", views=["carrier_late@1", "carrier_late@2"], row_features=[])
    assert filled.call("services.declare", DeclareService(spec=both)).spec.views == ["carrier_late", "carrier_late@2"]
    settle(filled)
    assert read(filled)[3] == 14
    rows = [{"carrier": "UA"}]
    assert filled.call("features.read", ReadFeatures(service="both", rows=rows)).rows == [[0.5, 14, 0.5, 6]]
    users = {
        name: filled.call("views.get", GetView(view=name)).used_by for name in ("carrier_late@1", "carrier_late@2")
    }
    assert users == {"carrier_late@1": ["both", "inputs"], "carrier_late@2": ["both"]}
    for name in ("spend@1", "spend@0", "spend@x", "@2"):
        with pytest.raises(Invalid, match=r"version 1|cannot be called"):
            filled.call("views.declare", DeclareView(spec=replace(LATE, name=name)))


def test_a_definition_that_comes_back_is_online_at_once(filled):
    learned = features.service_of(filled.tools(), "inputs")
    hold(filled, learned.hash)
    filled.call("views.declare", DeclareView(spec=replace(LATE, features=SHORTER)))
    settle(filled)
    assert filled.call("views.declare", DeclareView(spec=LATE)).online_version == 0
    assert (features.service_of(filled.tools(), "inputs").hash, read(filled)[3]) == (learned.hash, 14)
    settle(filled)
    assert read(filled)[3] == 14
