"""JSON APIs: every paging, pages that grow, and what goes wrong on the way; on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import ondol as od
from ondol.adapters.sources import http
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.lake import service
from ondol.lake.types import DatasetSpec, GetSource, RefreshDataset, RefreshReport
from tests.lake.api import Api, served
from tests.lake.shore import Lake

ORDERS = DatasetSpec(
    name="orders",
    columns={"id": "integer", "updated_at": "timestamp", "total": "double"},
    key=["id"],
    time="updated_at",
)


@pytest.fixture
def api(monkeypatch) -> Iterator[Api]:
    monkeypatch.setattr(http, "FIRST_WAIT_SECONDS", 0.001)
    with served() as api:
        api.rows = [_order(number) for number in range(25)]
        yield api


def _order(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": number, "updated_at": f"2013-01-02T05:{number % 60:02}:00Z", "total": number / 4} | changes


def _declare(lake: Lake, url: str, **options: Any) -> None:
    lake.declare(msgspec.structs.replace(ORDERS, source=od.http(url, **options)))


def _refresh(lake: Lake) -> RefreshReport:
    return lake.call(service.refresh_dataset, RefreshDataset(dataset="orders"))


def _bronze(lake: Lake) -> list[int]:
    return sorted(int(number) for number in lake.tools.tables.scan("bronze/orders").collect()["id"])


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/links", {"rows": "data.items", "next": "meta.next"}),
        ("/header", {"next": "Link"}),
        ("/pages", {"rows": "data.items", "page": "page"}),
        ("/tokens", {"rows": "data.items", "cursor": "after", "next": "meta.next"}),
        ("/plain", {}),
    ],
)
def test_every_row_of_every_page_arrives_once_also_as_the_last_page_grows(
    lake: Lake, api: Api, path: str, options: dict[str, Any]
):
    _declare(lake, api.url + path, **options)
    assert sum(batch.landed_rows for batch in _refresh(lake).batches) == 25
    assert _refresh(lake).batches == []
    api.rows += [_order(number) for number in range(25, 48)]
    api.asked.clear()
    assert sum(batch.landed_rows for batch in _refresh(lake).batches) == 23
    assert _refresh(lake).batches == []
    assert _bronze(lake) == list(range(48))
    if path == "/links":
        assert "/links?after=20" in api.asked[0]


def test_since_asks_for_what_is_new_and_ties_arrive_once(lake: Lake, api: Api):
    options = {"rows": "data.items", "next": "meta.next", "since": "since", "watermark": "updated_at"}
    _declare(lake, api.url + "/links", **options)
    _refresh(lake)
    api.rows.insert(0, _order(100, updated_at="2013-01-02T05:24:00Z"))
    api.rows.append(_order(101, updated_at="2013-01-03T00:00:00Z"))
    api.asked.clear()
    (batch,) = _refresh(lake).batches
    assert (batch.rows, batch.landed_rows) == (2, 2)
    assert api.asked == ["/links?since=2013-01-02T05%3A24%3A00Z"]
    assert _refresh(lake).batches == []
    assert _bronze(lake) == [*range(25), 100, 101]


def test_errors_a_full_waiting_room_and_a_cut_connection_are_retried(lake: Lake, api: Api):
    _declare(lake, api.url + "/links", rows="data.items", next="meta.next")
    api.troubles = [500, "cut", 429, 200, 503, 200, "cut"]
    assert sum(batch.landed_rows for batch in _refresh(lake).batches) == 25
    assert _bronze(lake) == list(range(25))


def test_what_came_before_a_failure_stays_and_the_next_look_goes_on(lake: Lake, api: Api):
    _declare(lake, api.url + "/links", rows="data.items", next="meta.next")
    api.troubles = [200, 200, *[500] * http.ATTEMPTS]
    with pytest.raises(Unavailable, match=r"/links: it answered 500, after 5 attempts"):
        _refresh(lake)
    assert _bronze(lake) == list(range(20))
    state = lake.call(service.get_source, GetSource(dataset="orders"))
    assert (state.position["page"], "it answered 500" in state.error) == ({"link": "/links?after=20"}, True)
    api.asked.clear()
    _refresh(lake)
    assert (_bronze(lake), api.asked) == (list(range(25)), ["/links?after=20"])


def test_secrets_are_named_and_appear_nowhere(lake: Lake, api: Api, monkeypatch, tmp_path):
    with pytest.raises(Invalid, match="a secret must not stand in the declaration"):
        _declare(lake, api.url + "/plain", headers={"Authorization": "Bearer hunter2"})
    with pytest.raises(Invalid, match="a secret must not stand"):
        _declare(lake, api.url + "/plain?api_key=hunter2")
    _declare(lake, api.url + "/plain", headers={"Authorization": "Bearer env:SHOP_TOKEN"})
    with pytest.raises(Invalid, match="needs the variable SHOP_TOKEN, which is not set"):
        _refresh(lake)
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    api.troubles = [401]
    with pytest.raises(Invalid, match=r"refuses us \(401\)") as caught:
        _refresh(lake)
    _refresh(lake)
    assert api.headers[-1]["Authorization"] == "Bearer hunter2"
    assert "hunter2" not in str(caught.value)
    files = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert [file for file in files if b"hunter2" in file.read_bytes()] == []


def test_a_key_that_a_link_hands_back_is_not_stored(lake: Lake, api: Api, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "hunter2")
    monkeypatch.setenv("HOME_KEY", "mine")
    options = {"rows": "data.items", "next": "meta.next", "parameters": {"key": "env:SHOP_KEY"}}
    api.tail = "&key=hunter2&other=env:HOME_KEY"
    _declare(lake, api.url + "/links", **options)
    _refresh(lake)
    assert _bronze(lake) == list(range(25))
    state = lake.call(service.get_source, GetSource(dataset="orders"))
    assert state.position["page"] == {"link": "/links?after=20&key=env:SHOP_KEY&other=env:HOME_KEY"}
    assert api.asked[-1] == "/links?after=20&key=hunter2&other=env%3AHOME_KEY"


def test_no_link_and_no_redirect_leads_to_another_host(lake: Lake, api: Api):
    _declare(lake, api.url + "/links", rows="data.items", next="meta.next")
    api.next_host = "http://localhost:1"
    with pytest.raises(Refused, match=r"the next page is at another host \(localhost\)"):
        _refresh(lake)
    api.troubles = [302]
    with pytest.raises(Refused, match="sends us elsewhere"):
        _refresh(lake)
    _declare(lake, "http://0.0.0.0:1/x")
    with pytest.raises((Refused, Unavailable)):
        _refresh(lake)


@pytest.mark.parametrize(
    ("trouble", "options", "kind", "told"),
    [
        (404, {}, NotFound, r"/links is not there \(404\)"),
        (418, {}, Refused, "answered 418"),
        (200, {}, Refused, "at 'the top' of the answer is no list of objects; it has data, meta"),
        (200, {"rows": "data.rows"}, Refused, "at 'data.rows' of the answer"),
    ],
)
def test_what_no_other_try_can_mend_is_told_at_once(
    lake: Lake, api: Api, trouble: int, options: dict[str, Any], kind: type[Exception], told: str
):
    _declare(lake, api.url + "/links", **options)
    api.troubles = [trouble]
    with pytest.raises(kind, match=told):
        _refresh(lake)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("ftp://host/x", {}, "must be an http or https address"),
        ("http://user:word@host/x", {}, "a password must not stand in the address"),
        ("http://host/x", {"cursor": "after"}, "source.next: paging by cursor"),
        ("http://host/x", {"since": "from"}, "source.watermark"),
        ("http://host/x", {"every": "often"}, "'often' is not a duration"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(lake: Lake, url: str, options: dict[str, Any], told: str):
    with pytest.raises(Invalid, match=told):
        _declare(lake, url, **options)
