"""What people and judges say of traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.trace_tables import assessments
from ondol.tracking.rules.traces import TrackedAssessment

TOGETHER = 500


_FIELDS = TrackedAssessment.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)


def _record(row: Sequence[Any]) -> TrackedAssessment:
    given = dict(zip(_FIELDS, row, strict=True))
    return TrackedAssessment(
        **given | {"valid": bool(given["valid"]), "content": msgspec.json.decode(given["content"])}
    )


def put_assessment(connection: sa.Connection, row: TrackedAssessment) -> None:
    """One with the same id is replaced."""
    marks = ", ".join("?" for _ in _FIELDS)
    changed = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS[2:])
    text = f"INSERT INTO assessments ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (trace, id) DO UPDATE SET {changed}"  # noqa: S608
    given = msgspec.structs.asdict(row)
    given |= {"valid": int(row.valid), "content": msgspec.json.encode(row.content).decode()}
    driver.run(connection, text, *(given[name] for name in _FIELDS))


def find_assessment(connection: sa.Connection, trace: str, identity: str) -> TrackedAssessment | None:
    text = f"SELECT {_COLUMNS} FROM assessments WHERE trace = ? AND id = ?"  # noqa: S608
    found = driver.rows(connection, text, trace, identity)
    return _record(found[0]) if found else None


def set_valid(connection: sa.Connection, trace: str, identity: str, valid: int) -> bool:
    """Whether it is there."""
    return (
        driver.run(connection, "UPDATE assessments SET valid = ? WHERE trace = ? AND id = ?", valid, trace, identity)
        > 0
    )


def delete_assessment(connection: sa.Connection, trace: str, identity: str) -> None:
    driver.run(connection, "DELETE FROM assessments WHERE trace = ? AND id = ?", trace, identity)


def read_assessments(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[TrackedAssessment]]:
    """Those of each of these traces, the oldest first."""
    found: dict[str, list[TrackedAssessment]] = {}
    order = (assessments.c.trace, assessments.c.created_ms, assessments.c.id)
    unique = list(dict.fromkeys(ids))
    for place in range(0, len(unique), TOGETHER):
        query = sa.select(*(assessments.c[name] for name in _FIELDS))
        query = query.where(assessments.c.trace.in_(unique[place : place + TOGETHER])).order_by(*order)
        for row in connection.execute(query):
            found.setdefault(row.trace, []).append(_record(row))
    return found
