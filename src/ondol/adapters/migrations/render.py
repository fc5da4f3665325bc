"""Migrations spell column types out, so that a later change of our types does not change history."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa


def plain_types(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """`sa.String(length=32)` for `Moment`, `sa.Text()` for `Json`; False leaves it to alembic."""
    if kind == "type" and isinstance(item, sa.types.TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False
