"""Rollout."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("endpoint", sa.String(length=255), nullable=False),
        sa.Column("candidate", sa.String(length=40), nullable=False),
        sa.Column("candidate_number", sa.Integer(), nullable=False),
        sa.Column("champion", sa.String(length=40), nullable=False),
        sa.Column("champion_number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("stage_since", sa.String(length=32), nullable=False),
        sa.Column("started_by", sa.String(length=255), nullable=False),
        sa.Column("ended_at", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canaries")),
        sa.UniqueConstraint("key", name=op.f("uq_canaries_key")),
    )
    with op.batch_alter_table("canaries", schema=None) as batch_op:
        batch_op.create_index("ix_canaries_endpoint_id", ["endpoint", "id"], unique=False)
        batch_op.create_index(
            "uq_canaries_open",
            ["endpoint"],
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "canary_checks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("canary", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canary_checks")),
    )
    with op.batch_alter_table("canary_checks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_canary_checks_canary"), ["canary"], unique=False)
