"""`python -m ondol.adapters.migrations "what changed"`: write the next migration."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

import ondol
from ondol.adapters.sql import MIGRATIONS, alembic_config, head_version, migrate
from ondol.ports.schema import metadata as house_metadata


def import_repos() -> None:
    """Load every room's tables into the metadata."""
    for room in pkgutil.iter_modules(ondol.__path__, "ondol."):
        if room.ispkg and any(part.name == "repo" for part in pkgutil.iter_modules([_folder(room.name)])):
            importlib.import_module(f"{room.name}.repo")


def _folder(package: str) -> str:
    return str(Path(ondol.__path__[0]) / package.partition(".")[2])


def write_migration(message: str, migrations: Path = MIGRATIONS, metadata: sa.MetaData = house_metadata) -> str:
    """Compare a database at the newest migration with the tables; write the difference. Returns the new version."""
    version = f"{int(head_version(migrations)) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        engine = sa.create_engine(f"sqlite:///{folder}/schema.db")
        with engine.begin() as connection:
            migrate(connection, migrations, metadata)
            config = alembic_config(connection, migrations, metadata)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(config, message, autogenerate=True, rev_id=version)
        engine.dispose()
    return version


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m ondol.adapters.migrations "what changed"')
    import_repos()
    print(write_migration(sys.argv[1]))
