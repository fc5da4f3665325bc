"""A database that was migrated has the schema of a fresh one, and its rows are still there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ondol.adapters.migrations.__main__ import import_repos, write_migration
from ondol.adapters.postgres import PostgresDb
from ondol.adapters.sql import MIGRATIONS, SqlDb, head_version, migrate
from ondol.adapters.sqlite import SqliteDb
from ondol.kernel.errors import Conflict
from ondol.ports.schema import Json, Moment
from ondol.ports.schema import metadata as house_metadata

NAMES = house_metadata.naming_convention
Open = Callable[..., SqlDb]


def _first_release() -> sa.MetaData:
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table("models", metadata, sa.Column("id", sa.String(40), primary_key=True), sa.Column("note", sa.String(20)))
    sa.Table(
        "versions",
        metadata,
        sa.Column("model", sa.String(40), sa.ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", Moment, nullable=False, index=True),
    )
    return metadata


def _second_release() -> sa.MetaData:
    metadata = sa.MetaData(naming_convention=NAMES)
    sa.Table(
        "models",
        metadata,
        sa.Column("id", sa.String(40), primary_key=True),
        # Another length: SQLite has to copy the table that `versions` refers to.
        sa.Column("note", sa.String(200), nullable=False, server_default=""),
        sa.Column("card", Json),
    )
    sa.Table(
        "versions",
        metadata,
        sa.Column("model", sa.String(40), sa.ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", Moment, nullable=False, index=True),
    )
    sa.Table(
        "aliases",
        metadata,
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("model", sa.String(40)),
        sa.UniqueConstraint("model", "name"),
    )
    return metadata


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A folder of migrations of its own, with none in it."""
    folder = tmp_path / "50% migrations"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(MIGRATIONS / name, folder)
    return folder


def _plain(index: Any) -> str:
    """An index as text; its condition is an object whose own text says where in memory it is."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr({**index, "dialect_options": options})


def _schema(db: SqlDb) -> dict[str, Any]:
    """Everything the database says about its tables, in an order that does not depend on how they came."""
    with db.transaction(write=False) as connection:
        inspector = sa.inspect(connection)
        return {
            table: {
                "columns": sorted(
                    (column["name"], str(column["type"]), column["nullable"], column["default"])
                    for column in inspector.get_columns(table)
                ),
                "key": inspector.get_pk_constraint(table),
                "references": sorted(map(repr, inspector.get_foreign_keys(table))),
                "indexes": sorted(map(_plain, inspector.get_indexes(table))),
                "unique": sorted(map(repr, inspector.get_unique_constraints(table))),
                "checks": sorted(map(repr, inspector.get_check_constraints(table))),
            }
            for table in sorted(inspector.get_table_names())
        }


def _upgrade_keeps_rows(open_db: Open, fresh_db: Open, migrations: Path) -> None:
    first, second = _first_release(), _second_release()
    assert write_migration("first release", migrations, first) == "0001"
    old = open_db(metadata=first, migrations=migrations)
    old.prepare()
    with old.transaction(write=True) as connection:
        connection.execute(first.tables["models"].insert().values(id="m", note="kept"))
        moment = house_now()
        connection.execute(first.tables["versions"].insert().values(model="m", number=1, at=moment))
    old.close()

    assert write_migration("cards, aliases", migrations, second) == "0002"
    assert head_version(migrations) == "0002"
    migrated = open_db(metadata=second, migrations=migrations)
    migrated.prepare()
    migrated.prepare()
    with migrated.transaction(write=False) as connection:
        assert connection.execute(sa.select(second.tables["models"])).all() == [("m", "kept", None)]
        assert connection.execute(sa.select(second.tables["versions"])).all() == [("m", 1, moment)]
    fresh = fresh_db(metadata=second, migrations=migrations)
    fresh.prepare()
    assert _schema(migrated) == _schema(fresh)
    migrated.close()
    fresh.close()

    late = open_db(metadata=first, migrations=_only_first(migrations))
    with pytest.raises(Conflict, match="0002"):
        late.prepare()
    late.close()


def house_now() -> Any:
    from ondol.kernel.clock import SystemClock

    return SystemClock().now()


def _only_first(migrations: Path) -> Path:
    for file in (migrations / "versions").glob("0002_*"):
        file.unlink()
    return migrations


def test_an_older_sqlite_database_is_migrated_with_its_rows(tmp_path: Path, migrations: Path) -> None:
    _upgrade_keeps_rows(
        lambda **how: SqliteDb(tmp_path / "old.db", **how),
        lambda **how: SqliteDb(tmp_path / "new.db", **how),
        migrations,
    )


def _another_database(url: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {url.rpartition('/')[2]}_other TEMPLATE template0")
    return f"{url}_other"


@pytest.mark.postgres
def test_an_older_postgres_database_is_migrated_with_its_rows(postgres_url: str, migrations: Path) -> None:
    other = _another_database(postgres_url)
    _upgrade_keeps_rows(
        lambda **how: PostgresDb(postgres_url, **how), lambda **how: PostgresDb(other, **how), migrations
    )


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path, migrations: Path) -> None:
    first = _first_release()
    write_migration("first release", migrations, first)
    db = SqliteDb(tmp_path / "old.db", metadata=first, migrations=migrations)
    db.prepare()
    before = _schema(db)
    (migrations / "versions" / "0002_broken.py").write_text(
        'from alembic import op\nrevision = "0002"\ndown_revision = "0001"\n'
        'def upgrade():\n    op.drop_table("versions")\n    op.drop_table("nothing")\n'
    )
    with pytest.raises(sa.exc.OperationalError, match="nothing"):
        db.prepare()
    assert _schema(db) == before
    db.close()


def _house_is_the_same(fresh: SqlDb, migrated: SqlDb) -> None:
    import_repos()
    fresh.prepare()
    with migrated.transaction(write=True) as connection:
        migrate(connection, MIGRATIONS, house_metadata)
    hint = 'write the missing migration: python -m ondol.adapters.migrations "what changed"'
    assert _schema(migrated) == _schema(fresh), hint
    migrated.prepare()
    fresh.close()
    migrated.close()


def test_the_house_built_by_migrations_is_the_house_built_fresh(tmp_path: Path) -> None:
    _house_is_the_same(SqliteDb(tmp_path / "fresh.db"), SqliteDb(tmp_path / "migrated.db"))


@pytest.mark.postgres
def test_the_house_on_postgres_built_by_migrations_is_the_house_built_fresh(postgres_url: str) -> None:
    _house_is_the_same(PostgresDb(postgres_url), PostgresDb(_another_database(postgres_url)))
