"""Features."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feature_definitions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("views", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_feature_definitions")),
    )
    op.create_table(
        "feature_holds",
        sa.Column("holder", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("holder", "hash", name=op.f("pk_feature_holds")),
    )
    op.create_table(
        "feature_services",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("label_hash", sa.String(length=64), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feature_services")),
    )
    op.create_table(
        "feature_views",
        sa.Column("name", sa.String(length=110), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("dataset", sa.String(length=100), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("online_version", sa.Integer(), nullable=False),
        sa.Column("online_keys", sa.Integer(), nullable=False),
        sa.Column("online_at", sa.String(length=32), nullable=True),
        sa.Column("online_newest", sa.String(length=32), nullable=True),
        sa.Column("stale_since", sa.String(length=32), nullable=True),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", "hash", name=op.f("pk_feature_views")),
    )
    with op.batch_alter_table("feature_views", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feature_views_dataset"), ["dataset"], unique=False)

    op.create_table(
        "training_sets",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=100), nullable=False),
        sa.Column("service_hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("label_hash", sa.String(length=64), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("table", sa.String(length=200), nullable=False),
        sa.Column("table_version", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=True),
        sa.Column("until", sa.String(length=32), nullable=False),
        sa.Column("positive_share", sa.Float(), nullable=True),
        sa.Column("tables", sa.Text(), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_sets")),
    )
    with op.batch_alter_table("training_sets", schema=None) as batch_op:
        batch_op.create_index("ix_training_sets_service_at", ["service", "at"], unique=False)
