"""The tables of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata

NAME = sa.String(256)
"""As long as the names that MLflow's clients may give."""
_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", NAME, primary_key=True),
    sa.Column("spec", Json, nullable=False),
    # Counted here and not by `max(number)`: a number is never given twice, whatever happens to its version.
    sa.Column("last_number", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("deleted_at", Moment),
)
model_tags = sa.Table(
    "model_tags",
    metadata,
    sa.Column("model", NAME, sa.ForeignKey("models.name"), primary_key=True),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("model", NAME, sa.ForeignKey("models.name"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("flavor", sa.String(40), nullable=False),
    sa.Column("package", sa.String(500), nullable=False),
    sa.Column("files", Json, nullable=False),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("training_set", sa.String(64), nullable=False),
    sa.Column("service", sa.String(200), nullable=False),
    sa.Column("service_hash", sa.String(64), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("signature", Json, nullable=False),
    sa.Column("tables", Json, nullable=False),
    sa.Column("code", sa.String(200), nullable=False),
    sa.Column("git_commit", sa.String(64), key="commit", nullable=False),
    sa.Column("environment", Json, nullable=False),
    sa.Column("evidence", Json, nullable=False),
    sa.Column("seal", sa.String(100), nullable=False),
    sa.Column("consent", Json),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("run_link", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("pruned_at", Moment),
    sa.Column("deleted_at", Moment),
    sa.UniqueConstraint("model", "number"),
    sa.UniqueConstraint("model", "key"),
    sa.Index("ix_versions_run", "run"),
    sa.Index("ix_versions_updated_at", "updated_at"),
)
version_tags = sa.Table(
    "version_tags",
    metadata,
    sa.Column("version", sa.String(64), sa.ForeignKey("versions.id"), primary_key=True),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
alias_history = sa.Table(
    "alias_history",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("model", NAME, sa.ForeignKey("models.name"), nullable=False),
    sa.Column("alias", sa.String(255), nullable=False),
    sa.Column("version", sa.String(64), sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.String(64), nullable=False),
    sa.Index("ix_alias_history_model_since", "model", "since"),
)
# An alias points at one version at a time: the database itself says so.
sa.Index(
    "uq_alias_history_model_alias_open",
    alias_history.c.model,
    alias_history.c.alias,
    unique=True,
    sqlite_where=alias_history.c.until.is_(None),
    postgresql_where=alias_history.c.until.is_(None),
)
production = sa.Table(
    "production",
    metadata,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("model", NAME, sa.ForeignKey("models.name"), nullable=False),
    sa.Column("endpoint", sa.String(200), nullable=False),
    sa.Column("version", sa.String(64), sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.String(64), nullable=False),
    sa.Index("ix_production_model_since", "model", "since"),
    sa.Index("ix_production_endpoint_until", "endpoint", "until"),
)
reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("model", NAME, sa.ForeignKey("models.name"), nullable=False),
    sa.Column("version", sa.String(64), sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("asked_by", sa.String(200), nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("decided_by", sa.String(200), nullable=False),
    sa.Column("decided_at", Moment),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_reviews_version_asked_at", "version", "asked_at"),
    sa.Index("ix_reviews_model_asked_at", "model", "asked_at"),
)
