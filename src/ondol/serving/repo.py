"""The tables `endpoints` and `requests`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.ports import driver
from ondol.ports.schema import Json, Moment, metadata
from ondol.serving.types import Endpoint, EndpointSpec, ListRequests, Request, Route

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("traffic", Json, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("version", sa.String(40), nullable=False, index=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("latency_ms", sa.Float, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_requests_endpoint_at", "endpoint", "at"),
)


def put_endpoint(connection: sa.Connection, endpoint: Endpoint) -> None:
    connection.execute(endpoints.delete().where(endpoints.c.name == endpoint.name))
    connection.execute(endpoints.insert().values(**msgspec.structs.asdict(endpoint)))


def find_endpoint(connection: sa.Connection, name: str) -> Endpoint | None:
    row = connection.execute(sa.select(endpoints).where(endpoints.c.name == name)).mappings().first()
    return _to_endpoint(row) if row else None


def select_endpoints(connection: sa.Connection) -> list[Endpoint]:
    return [_to_endpoint(row) for row in connection.execute(sa.select(endpoints).order_by(endpoints.c.name)).mappings()]


def select_revisions(connection: sa.Connection) -> dict[str, int]:
    return {row.name: row.revision for row in connection.execute(sa.select(endpoints.c.name, endpoints.c.revision))}


def _to_endpoint(row: sa.RowMapping) -> Endpoint:
    fields = dict(row)
    fields["spec"] = msgspec.convert(fields["spec"], EndpointSpec)
    fields["traffic"] = msgspec.convert(fields["traffic"], list[Route])
    return Endpoint(**fields)


def insert_requests(connection: sa.Connection, found: Sequence[Request]) -> None:
    """Store requests; those that are stored already stay as they are."""
    values = [msgspec.structs.asdict(request) for request in found]
    if values:
        connection.execute(driver.insert(connection, requests).on_conflict_do_nothing(), values)


def find_request(connection: sa.Connection, identity: str) -> Request | None:
    row = connection.execute(sa.select(requests).where(requests.c.id == identity)).mappings().first()
    return Request(**row) if row else None


def select_requests(connection: sa.Connection, wanted: ListRequests) -> list[Request]:
    query = sa.select(requests).order_by(requests.c.id.desc()).limit(wanted.limit)
    if wanted.endpoint:
        query = query.where(requests.c.endpoint == wanted.endpoint)
    if wanted.version:
        query = query.where(requests.c.version == wanted.version)
    return [Request(**row) for row in connection.execute(query).mappings()]


def select_requests_since(
    connection: sa.Connection, endpoint: str, since: datetime | None, until: datetime | None = None
) -> list[Request]:
    query = sa.select(requests).where(requests.c.endpoint == endpoint).order_by(requests.c.at)
    if since is not None:
        query = query.where(requests.c.at >= since)
    if until is not None:
        query = query.where(requests.c.at < until)
    return [Request(**row) for row in connection.execute(query).mappings()]
