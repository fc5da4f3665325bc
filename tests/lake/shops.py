"""A table of orders in a database of somebody else's, on any SQLAlchemy address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

import ondol as od
from ondol.lake import service
from ondol.lake.types import DatasetSpec, RefreshDataset, RefreshReport
from tests.lake.shore import Lake

ORDERS = DatasetSpec(
    name="orders",
    columns={
        "id": "integer",
        "shop": "string",
        "total": "double",
        "paid": "boolean",
        "updated_at": "timestamp",
    },
    key=["shop", "id"],
    time="updated_at",
)
START = datetime(2013, 1, 2, 5, tzinfo=UTC).replace(tzinfo=None)


class Shop:
    """`orders` of two shops; ids are told apart only together with the shop."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        text = (
            sa.String(20, collation="utf8mb4_bin")
            if self.engine.dialect.name in ("mysql", "mariadb")
            else sa.String(20)
        )
        moment = sa.DateTime()
        if self.engine.dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import DATETIME

            moment = DATETIME(fsp=6)
        self.orders = sa.Table(
            "orders",
            sa.MetaData(),
            sa.Column("shop", text, primary_key=True),
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("total", sa.Numeric(10, 2)),
            sa.Column("paid", sa.Boolean),
            sa.Column("updated_at", moment, nullable=False, index=True),
        )
        self.orders.create(self.engine)

    def add(self, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(self.orders.insert(), list(rows))


def order(number: int, **changes: Any) -> dict[str, Any]:
    """Eight in a row have the same watermark."""
    row = {
        "shop": "ab"[number % 2],
        "id": number // 2,
        "total": number / 4,
        "paid": number % 3 == 0,
        "updated_at": START + timedelta(microseconds=number // 8),
    }
    return row | changes


def declare(lake: Lake, url: str, root: str = "", **options: Any) -> None:
    source = od.sql(url, **{"table": "orders", "watermark": "updated_at"} | options)
    lake.declare(msgspec.structs.replace(ORDERS, source=source), root=root)


def refresh(lake: Lake) -> RefreshReport:
    return lake.call(service.refresh_dataset, RefreshDataset(dataset="orders"))


def arrived(lake: Lake) -> list[tuple[str, int]]:
    """What bronze has, with repetitions."""
    rows = lake.tools.tables.scan("bronze/orders").select("shop", "id").collect()
    return sorted((str(shop), int(number)) for shop, number in rows.rows())


def expected(count: int) -> list[tuple[str, int]]:
    return sorted(("ab"[number % 2], number // 2) for number in range(count))


def check_increments(lake: Lake, shop: Shop) -> None:
    """Rows come in between looks, with old and equal watermarks; each arrives once, with its exact moment."""
    shop.add(*(order(number) for number in range(43)))
    assert sum(batch.landed_rows for batch in refresh(lake).batches) == 43
    assert refresh(lake).batches == []
    shop.add(*(order(number) for number in range(43, 50)))
    assert sum(batch.landed_rows for batch in refresh(lake).batches) == 7
    assert arrived(lake) == expected(50)
    rows = {(row["shop"], row["id"]): row for row in lake.silver("orders")}
    last = rows["b", 24]
    assert (last["total"], last["paid"], last["updated_at"].microsecond) == (12.25, False, 6)
