"""Tracking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cleared_experiments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cleared_experiments")),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("name", name=op.f("uq_experiments_name")),
    )
    op.create_table(
        "metric_points",
        sa.Column("series", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("nan", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("series", "at", "step", "value", "nan", name=op.f("pk_metric_points")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "experiment_tags",
        sa.Column(
            "experiment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("experiment", "key", name=op.f("pk_experiment_tags")),
    )
    op.create_table(
        "logged_models",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("experiment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("source_run", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_models")),
    )
    with op.batch_alter_table("logged_models", schema=None) as batch_op:
        batch_op.create_index("ix_logged_models_experiment_created_ms", ["experiment", "created_ms"], unique=False)
        batch_op.create_index("ix_logged_models_source_run", ["source_run"], unique=False)

    op.create_table(
        "run_datasets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("experiment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=36), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_datasets")),
        sa.UniqueConstraint("experiment", "name", "digest", name=op.f("uq_run_datasets_experiment_name_digest")),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("experiment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("clearing", sa.SmallInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index("ix_runs_experiment_started_ms_id", ["experiment", "started_ms", "id"], unique=False)
        batch_op.create_index(
            "ix_runs_experiment_status_started_ms", ["experiment", "status", "started_ms"], unique=False
        )
        batch_op.create_index("ix_runs_started_ms_id", ["started_ms", "id"], unique=False)

    op.create_table(
        "traces",
        sa.Column("id", sa.String(length=250), nullable=False),
        sa.Column("experiment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("finished", sa.SmallInteger(), nullable=False),
        sa.Column("client_request", sa.Text(), nullable=True),
        sa.Column("request_preview", sa.Text(), nullable=True),
        sa.Column("response_preview", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
    )
    with op.batch_alter_table("traces", schema=None) as batch_op:
        batch_op.create_index("ix_traces_experiment_started_ms_id", ["experiment", "started_ms", "id"], unique=False)
        batch_op.create_index("ix_traces_started_ms_id", ["started_ms", "id"], unique=False)

    op.create_table(
        "assessments",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("id", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("valid", sa.SmallInteger(), nullable=False),
        sa.Column("overrides", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "id", name=op.f("pk_assessments")),
    )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("dataset_name", sa.String(length=500), nullable=False),
        sa.Column("dataset_digest", sa.String(length=36), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key", "at", "step", "run", name=op.f("pk_logged_model_metrics")),
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_logged_model_params")),
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model", sa.String(length=64), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["logged_models.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_logged_model_tags")),
    )
    op.create_table(
        "run_inputs",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["run_datasets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "dataset", name=op.f("pk_run_inputs")),
    )
    with op.batch_alter_table("run_inputs", schema=None) as batch_op:
        batch_op.create_index("ix_run_inputs_dataset_run", ["dataset", "run"], unique=False)

    op.create_table(
        "run_metrics",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("series", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_metrics")),
        sa.UniqueConstraint("series", name=op.f("uq_run_metrics_series")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("run_metrics", schema=None) as batch_op:
        batch_op.create_index("ix_run_metrics_key_value_run", ["key", "value", "run"], unique=False)

    op.create_table(
        "run_models",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=6), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "model", "direction", name=op.f("pk_run_models")),
    )
    op.create_table(
        "run_params",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("start", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_params")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("run_params", schema=None) as batch_op:
        batch_op.create_index("ix_run_params_key_start_run", ["key", "start", "run"], unique=False)

    op.create_table(
        "run_tags",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("start", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "key", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("run_tags", schema=None) as batch_op:
        batch_op.create_index("ix_run_tags_key_start_run", ["key", "start", "run"], unique=False)

    op.create_table(
        "spans",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=250), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("started_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_ns", sa.BigInteger(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "id", name=op.f("pk_spans")),
    )
    op.create_table(
        "trace_metadata",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "key", name=op.f("pk_trace_metadata")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trace_prompts",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("prompt", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "prompt", name=op.f("pk_trace_prompts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trace_runs",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "run", name=op.f("pk_trace_runs")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("trace_runs", schema=None) as batch_op:
        batch_op.create_index("ix_trace_runs_run_trace", ["run", "trace"], unique=False)

    op.create_table(
        "trace_tags",
        sa.Column("trace", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trace"], ["traces.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace", "key", name=op.f("pk_trace_tags")),
        sqlite_with_rowid=False,
    )
