"""Project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project_things",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("project", sa.String(length=255), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_project_things")),
    )
    with op.batch_alter_table("project_things", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_project_things_project"), ["project"], unique=False)

    op.create_table(
        "projects",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=512), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("declarations", sa.Text(), nullable=False),
        sa.Column("applied_at", sa.String(length=32), nullable=False),
        sa.Column("applied_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projects")),
    )
