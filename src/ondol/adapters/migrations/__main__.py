"""`python -m ondol.adapters.migrations "what changed"`: write the next migration.

`--all-anew` writes all of them again, one a room; only before the first release, because
databases that exist are not migrated by it.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command

import ondol
from ondol.adapters.sql import MIGRATIONS, alembic_config, head_version, migrate
from ondol.ports.schema import metadata as house_metadata


def import_repos() -> None:
    """Load every room's tables into the metadata."""
    for _ in _rooms_one_by_one():
        pass


def _rooms_one_by_one() -> Iterator[str]:
    for room in pkgutil.iter_modules(ondol.__path__, "ondol."):
        if room.ispkg and any(part.name == "repo" for part in pkgutil.iter_modules([_folder(room.name)])):
            importlib.import_module(f"{room.name}.repo")
            yield room.name.rpartition(".")[2]


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
    for file in (migrations / "versions").glob(f"{version}_*.py"):
        # Alembic's "please adjust" stands in what is about to be read and adjusted.
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")))
    return version


def write_all_anew(migrations: Path = MIGRATIONS) -> str:
    """Before the first release only: one migration a room, in place of all there are. Returns the newest version."""
    for file in (migrations / "versions").glob("[0-9]*_*.py"):
        file.unlink()
    known = 0
    for room in _rooms_one_by_one():
        if len(house_metadata.tables) > known:
            known = len(house_metadata.tables)
            write_migration(room, migrations)
    return head_version(migrations)


def main(arguments: list[str]) -> None:
    message = " ".join(arguments)
    if not message:
        sys.exit(__doc__)
    if message == "--all-anew":
        write_all_anew()
    else:
        import_repos()
        write_migration(message)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(MIGRATIONS / "versions")], check=False)
    print("Read what was written before you commit it.")


if __name__ == "__main__":
    main(sys.argv[1:])
