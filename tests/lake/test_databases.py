"""Tables of SQL databases: each row once, whatever shares its watermark."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import ondol as od
from ondol.adapters.sources import sql
from ondol.kernel.errors import Conflict, OndolError, Refused
from ondol.lake import service
from ondol.lake.types import GetSource, ListSources, ResetSource
from tests.lake.shops import ORDERS, START, Shop, arrived, check_increments, declare, expected, order, refresh
from tests.lake.shore import Lake


@pytest.fixture
def shop(tmp_path: Path, monkeypatch) -> Shop:
    monkeypatch.setattr(sql, "ROWS_AT_ONCE", 5)
    return Shop(f"sqlite:///{tmp_path}/shop.db")


def test_rows_that_share_a_watermark_arrive_once(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path))
    check_increments(lake, shop)


@pytest.mark.postgres
def test_rows_of_postgres_arrive_once(lake: Lake, postgres_url: str, monkeypatch):
    monkeypatch.setattr(sql, "ROWS_AT_ONCE", 5)
    declare(lake, postgres_url)
    check_increments(lake, Shop(postgres_url.replace("postgresql://", "postgresql+psycopg://")))


@pytest.mark.mariadb
def test_rows_of_mariadb_arrive_once(lake: Lake, mariadb_url: str, monkeypatch):
    monkeypatch.setattr(sql, "ROWS_AT_ONCE", 5)
    declare(lake, mariadb_url)
    check_increments(lake, Shop(mariadb_url.replace("mariadb://", "mariadb+pymysql://")))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("aAbé"), st.integers(0, 4)), unique=True, max_size=30),
    size=st.integers(1, 7),
    position=st.integers(0, 40),
)
def test_the_query_after_a_row_gives_exactly_the_rows_behind_it(
    rows: list[tuple[int, str, int]], size: int, position: int
):
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("w", sa.Integer), sa.Column("k", sa.String), sa.Column("n", sa.Integer)
    )
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        if rows:
            connection.execute(table.insert(), [dict(zip("wkn", row, strict=True)) for row in rows])
        order_by = [table.c.w, table.c.k, table.c.n]
        whole = [tuple(row) for row in connection.execute(sa.select(table).order_by(*order_by))]
        got: list[tuple[Any, ...]] = []
        while True:
            query = sa.select(table).order_by(*order_by).limit(size)
            page = [
                tuple(row) for row in connection.execute(query.where(sql._after(order_by, got[-1])) if got else query)
            ]
            if not page:
                break
            got += page
    engine.dispose()
    assert got == whole == sorted(rows, key=lambda row: (row[0], row[1].encode(), row[2]))


def test_many_rows_of_one_watermark_that_come_in_any_order_arrive_once(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path))
    numbers = [*range(0, 40, 3), *range(1, 40, 3), *range(2, 40, 3)]
    for start in range(0, 40, 13):
        shop.add(*(order(number, updated_at=START) for number in numbers[start : start + 13]))
        refresh(lake)
    assert arrived(lake) == expected(40)
    assert refresh(lake).batches == []


def test_a_row_that_is_updated_comes_again_and_takes_the_place_of_the_one_before(
    lake: Lake, shop: Shop, tmp_path: Path
):
    source = od.sql("sqlite:///shop.db", table="orders", watermark="updated_at")
    lake.declare(msgspec.structs.replace(ORDERS, source=source, mode="upsert"), root=str(tmp_path))
    shop.add(*(order(number) for number in range(8)))
    refresh(lake)
    later = START + timedelta(hours=1)
    with shop.engine.begin() as connection:
        connection.execute(shop.orders.update().where(shop.orders.c.id == 2).values(total=99, updated_at=later))
    (batch,) = refresh(lake).batches
    assert (batch.rows, batch.landed_rows) == (2, 2)
    assert sorted(row["total"] for row in lake.silver("orders")) == [0, 0.25, 0.5, 0.75, 1.5, 1.75, 99, 99]


def test_without_a_watermark_the_key_alone_leads(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path), watermark="")
    shop.add(*(order(number) for number in range(12)))
    refresh(lake)
    shop.add({**order(0), "shop": "c"})
    assert sum(batch.landed_rows for batch in refresh(lake).batches) == 1


def test_a_piece_that_breaks_the_contract_waits_and_the_next_ones_come(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path))
    shop.add(*(order(number, total=number) for number in range(8)))
    shop.add(order(8))
    with shop.engine.begin() as connection:
        connection.execute(sa.text("update orders set total = 'much' where shop = 'b' and id = 1"))
    assert [batch.status for batch in refresh(lake).batches] == ["landed", "quarantined"]
    assert refresh(lake).batches == []


def test_a_look_says_how_far_it_came(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path))
    (state,) = lake.call(service.list_sources, ListSources())
    assert (state.kind, state.address, state.position, state.looked_at) == ("sql", "sqlite:///shop.db orders", {}, None)
    shop.add(order(1))
    refresh(lake)
    state = lake.call(service.get_source, GetSource(dataset="orders"))
    assert state.position["after"] == ["2013-01-02 05:00:00.000000", "b", 0]
    assert lake.call(service.reset_source, ResetSource(dataset="orders")).position == {}
    (batch,) = refresh(lake).batches
    assert (batch.landed_rows, batch.duplicates) == (0, 1)
    lake.declare()
    with pytest.raises(Conflict, match="has no position"):
        lake.call(service.reset_source, ResetSource(dataset="flights"))


def test_another_table_is_read_from_its_beginning(lake: Lake, shop: Shop, tmp_path: Path):
    declare(lake, "sqlite:///shop.db", str(tmp_path))
    shop.add(order(1), order(2))
    refresh(lake)
    other = Shop(f"sqlite:///{tmp_path}/other.db")
    other.add(order(0))
    declare(lake, "sqlite:///other.db", str(tmp_path))
    assert sum(batch.landed_rows for batch in refresh(lake).batches) == 1
    assert arrived(lake) == expected(3)


def test_young_rows_wait_for_transactions_that_began_before_them(lake: Lake, shop: Shop, tmp_path: Path):
    now = lake.tools.wall().replace(tzinfo=None)
    declare(lake, "sqlite:///shop.db", str(tmp_path), lag="1h")
    shop.add(order(1), order(2, updated_at=now))
    assert [batch.landed_rows for batch in refresh(lake).batches] == [1]


def test_rows_without_a_watermark_are_not_lost_in_silence(lake: Lake, shop: Shop, tmp_path: Path):
    with shop.engine.begin() as connection:
        connection.execute(sa.text("create table loose (shop text, id integer, updated_at text)"))
        connection.execute(sa.text("insert into loose values ('a', 1, null)"))
    declare(lake, "sqlite:///shop.db", str(tmp_path), table="loose")
    with pytest.raises(Refused, match=r"orders: .* rows without updated_at; they would never be read"):
        refresh(lake)


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("sqlite:///gone.db", {}, "There is no database 'gone.db'"),
        ("sqlite:////etc/passwd", {}, "must lie below the project's folder"),
        ("sqlite:///../shop.db", {}, "must lie below the project's folder"),
        ("sqlite:///shop.db", {"table": "order"}, "there is no such table"),
        ("sqlite:///shop.db", {"table": "orders; drop table orders"}, "is no table"),
        ("postgresql://me:word@host/shop", {}, "a password must not stand in the declaration"),
        ("postgresql://me:env:GONE@host/shop", {}, "needs the variable GONE, which is not set"),
        ("postgresql://127.0.0.1:1/shop", {}, "postgresql://127.0.0.1:1/shop orders cannot be read now"),
        ("oracle://host/shop", {}, r"orders: .* is not installed"),
        ("sqlite:///shop.db", {"watermark": "at"}, "has no column 'at'"),
        ("sqlite:///shop.db", {"lag": "5s", "watermark": "id"}, "it needs a `watermark` that is a timestamp"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_without_secrets(
    lake: Lake, shop: Shop, tmp_path: Path, url: str, options: dict[str, Any], told: str
):
    def look() -> None:
        declare(lake, url, str(tmp_path), **options)
        refresh(lake)

    with pytest.raises(OndolError, match=told) as caught:
        look()
    assert type(caught.value) is not OndolError
    assert "word" not in str(caught.value).replace("password", "")
