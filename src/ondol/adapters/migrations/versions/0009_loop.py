"""Loop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loops",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("endpoint", sa.String(length=255), nullable=False),
        sa.Column("alarm", sa.String(length=40), nullable=False),
        sa.Column("pipeline", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("comparison", sa.String(length=40), nullable=False),
        sa.Column("canary", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loops")),
    )
    with op.batch_alter_table("loops", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loops_canary"), ["canary"], unique=False)
        batch_op.create_index("ix_loops_endpoint_id", ["endpoint", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_loops_run"), ["run"], unique=False)
        batch_op.create_index(
            "uq_loops_alarm",
            ["alarm"],
            unique=True,
            sqlite_where=sa.text("alarm != ''"),
            postgresql_where=sa.text("alarm != ''"),
        )
        batch_op.create_index(
            "uq_loops_open",
            ["endpoint"],
            unique=True,
            sqlite_where=sa.text("status IN ('retraining', 'canary')"),
            postgresql_where=sa.text("status IN ('retraining', 'canary')"),
        )
