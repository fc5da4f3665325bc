"""What is online: brought there in parts, how fresh it is, who is told, and in which store."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from msgspec.structs import replace
from polars.testing import assert_frame_equal

from ondol.features import service as features
from ondol.features.rules.definitions import stairs_of
from ondol.features.service import materialise
from ondol.features.types import BuildTrainingSet, DeclareService, DeclareView, GetView, MaterializeView, PushRows
from ondol.heartbeat import settle
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, NotFound
from ondol.lake.types import DeclareDataset
from tests.features.test_house import FLIGHTS, INPUTS, LATE, NOW, SKY, WEATHER, append, flight, read, sky


@pytest.fixture(params=["sqlite", "lmdb", pytest.param("redis", marks=pytest.mark.redis)])
def stored(request, tmp_path):
    """A house on each of the online stores."""
    address = request.getfixturevalue("redis_url") if request.param == "redis" else request.param
    house = open_house(Config(home=str(tmp_path / "home"), clock=NOW.isoformat(), online=address))
    declare(house)
    yield house
    house.close()


@pytest.fixture
def declared(house):
    declare(house)
    return house


def declare(house):
    for spec in (FLIGHTS, WEATHER):
        house.call("datasets.declare", DeclareDataset(spec=spec))
    for view in (SKY, LATE):
        house.call("views.declare", DeclareView(spec=view))
    house.call("services.declare", DeclareService(spec=INPUTS))


def test_values_expire_online_exactly_as_in_training_sets(stored):
    """The sky of 20:00 lives three hours, to the microsecond; so does a pushed one."""
    eight = NOW - timedelta(hours=4)
    moments = [timedelta(0), timedelta(hours=3), timedelta(hours=3, microseconds=1), timedelta(microseconds=-1)]
    flights = [flight(n, eight + after, flown=timedelta(minutes=1)) for n, after in enumerate(moments)]
    append(stored, "weather", sky(eight, 7.0, rain=1.0))
    append(stored, "flights", *flights)
    settle(stored)
    online = [read(stored, eight + after)[:2] for after in moments]
    assert online == [[7.0, 1.0], [7.0, 1.0], [None, None], [None, None]]
    made = stored.call("training_sets.build", BuildTrainingSet(service="inputs", until=NOW))
    rows = stored.tools().tables.scan(made.table).collect().sort("id")
    assert [list(row) for row in rows.select("wind", "wet").iter_rows()] == online
    stored.call("views.push", PushRows(view="sky", rows=[sky(NOW, 9.0)]))
    assert [read(stored, NOW + after)[0] for after in moments] == [9.0, 9.0, None, None]


def test_pushed_values_survive_the_next_batch_until_theirs_comes(stored):
    append(stored, "weather", sky(NOW - timedelta(hours=2), 1.0))
    settle(stored)
    stored.call("views.push", PushRows(view="sky", rows=[sky(NOW, 9.0)]))
    append(stored, "weather", sky(NOW - timedelta(hours=1), 2.0), key="second")
    settle(stored)
    assert [read(stored, NOW - timedelta(hours=hours))[0] for hours in (2, 1, 0)] == [1.0, 2.0, 9.0]
    append(stored, "weather", sky(NOW, 3.0), key="third")
    settle(stored)
    assert read(stored)[0] == 3.0


def test_a_broken_off_materialisation_says_how_far_it_came_and_goes_on_there(declared, monkeypatch):
    declare_rows = [flight(n, NOW - timedelta(days=1), carrier=f"c{n:03}") for n in range(100)]
    append(declared, "flights", *declare_rows)
    online, (stair,) = declared.tools().online, stairs_of(LATE)
    put, puts = online.put, []

    def break_off(store, stairs, **how):
        if len(puts) == 3:
            raise KeyboardInterrupt
        puts.append(list(stairs))
        return put(store, puts[-1], **how)

    monkeypatch.setattr(materialise, "CHUNK_KEYS", 10)
    monkeypatch.setattr(online, "put", break_off)
    with pytest.raises(KeyboardInterrupt):
        declared.call("views.materialize", MaterializeView(view="carrier_late"))
    broken = declared.call("views.get", GetView(view="carrier_late"))
    assert (broken.materialization.keys, broken.materialization.of, broken.online_version) == (30, 100, -1)
    assert broken.materialization.started_at == NOW
    monkeypatch.setattr(online, "put", put)
    declared.tools().clock.set(NOW + timedelta(minutes=1))
    whole = declared.call("views.materialize", MaterializeView(view="carrier_late"))
    assert (whole.materialization, whole.online_keys, online.revision(stair.store)) == (None, 100, 10)
    declared.call("views.materialize", MaterializeView(view="carrier_late"))
    assert online.revision(stair.store) == 10
    again = declared.call("views.materialize", MaterializeView(view="carrier_late", full=True))
    assert (again.materialization, online.revision(stair.store)) == (None, 21)


def test_a_view_says_how_far_it_is_behind(declared):
    empty = declared.call("views.get", GetView(view="sky")).freshness
    assert (empty.newest, empty.behind_seconds, empty.age_seconds) == (None, None, None)
    append(declared, "weather", sky(NOW - timedelta(hours=2), 1.0))
    settle(declared)
    append(declared, "weather", sky(NOW - timedelta(minutes=30), 1.0), key="second")
    found = declared.call("views.get", GetView(view="sky"))
    assert (found.freshness.newest, found.online_at) == (NOW - timedelta(hours=2), NOW)
    assert (found.freshness.behind_seconds, found.freshness.age_seconds) == (5400, 7200)
    declared.call("views.push", PushRows(view="sky", rows=[sky(NOW - timedelta(minutes=1), 1.0)]))
    pushed = declared.call("views.get", GetView(view="sky")).freshness
    assert (pushed.newest, pushed.pushed) == (NOW - timedelta(minutes=1),) * 2
    assert (pushed.behind_seconds, pushed.age_seconds) == (0, 60)


def test_people_are_told_once_when_a_view_is_stale(declared):
    """By the schedule of a view that says how old it may be."""
    declared.call("views.declare", DeclareView(spec=replace(SKY, fresh="2h")))
    append(declared, "weather", sky(NOW, 1.0))
    told = []
    for hours in (1, 2, 3, 4, 5, 6):
        declared.tools().clock.set(NOW + timedelta(hours=hours))
        if hours == 5:
            append(declared, "weather", sky(NOW + timedelta(hours=4), 1.0), key="second")
        settle(declared)
        told.append(declared.call("views.get", GetView(view="sky")).freshness.stale_since)
    assert told == [None, None, *[NOW + timedelta(hours=3)] * 3, None]
    names = [event.name for event in declared.call("events.list", {"limit": 1000})]
    assert (names.count("ViewStale"), names.count("ViewFresh")) == (1, 1)


def test_what_has_no_time_cannot_be_fresh(house):
    house.call("datasets.declare", DeclareDataset(spec=replace(WEATHER, time="")))
    with pytest.raises(Invalid, match="fresh"):
        house.call("views.declare", DeclareView(spec=replace(SKY, ttl="", fresh="1h")))


def test_metrics_tell_how_old_every_view_is(declared, open_doors):
    import httpx

    append(declared, "weather", sky(NOW - timedelta(hours=2), 1.0))
    settle(declared)
    text = httpx.get(f"{open_doors.url}/metrics").text
    age = next(line for line in text.splitlines() if line.startswith('ondol_feature_view_age_seconds{view="sky"}'))
    assert 7200 <= float(age.split()[-1]) < 7300
    assert 'ondol_feature_view_online_keys{view="sky"} 1' in text


def test_what_offline_says_for_served_rows_is_what_a_training_set_holds(declared):
    """Also for those without a label, at the moments of serving; rows that have not landed are left out."""
    days = [NOW - timedelta(days=number) for number in range(10, 0, -1)]
    append(declared, "flights", *(flight(n, day, delay=20.0 * (n % 2)) for n, day in enumerate(days)))
    append(declared, "weather", *(sky(NOW - timedelta(hours=n), float(n)) for n in range(1, 250)))
    settle(declared)
    made = declared.call("training_sets.build", BuildTrainingSet(service="inputs", until=NOW))
    rows = declared.tools().tables.scan(made.table).collect().sort("id")
    service = features.service_of(declared.tools(), "inputs")
    asked = rows.select(pl.col("id").alias("key"), pl.col("departs_at").alias("time"))
    asked = pl.concat([asked, asked.head(1).with_columns(key=pl.lit("not landed"))])
    found = features.offline_values(declared.tools(), service, asked).sort("key")
    assert_frame_equal(found.select(service.features), rows.select(service.features))
    later = features.offline_values(
        declared.tools(), service, asked.head(1).with_columns(pl.col("time") + timedelta(days=9))
    )
    assert later["flown"].item() == 7


def test_features_are_read_over_http_by_many_rows_and_few(declared, open_doors):
    append(declared, "weather", *(sky(NOW - timedelta(minutes=n), float(n)) for n in range(1, 30)))
    settle(declared)
    rows = [{"carrier": "UA", "origin": "JFK", "distance": 5000, "departs_at": NOW.isoformat()}]
    for times in (1, 100, 400):
        found = open_doors.features.read(service="inputs", rows=rows * times)
        assert [row[:2] for row in found.rows] == [[1.0, 0.0]] * times
    with pytest.raises(Invalid, match="departs_at"):
        open_doors.features.read(service="inputs", rows=[{"carrier": "UA", "origin": "JFK", "distance": 1}])
    with pytest.raises(Invalid, match="departs_at"):
        open_doors.features.read(service="inputs", rows=[{"else": "x"}])
    with pytest.raises(NotFound, match="inputz"):
        open_doors.features.read(service="inputz", rows=rows)
