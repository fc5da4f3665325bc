"""Stores of the tracking room filled far beyond what clients could send in a benchmark's time.

Written by the database itself: generated SQL into the real tables of a house, then its server is started on them.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import sqlite3
import string
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.measure import Skipped
from benchmarks.servers import Server, free_port
from ondol.home import open_house
from ondol.kernel.config import Config

SERIES = 10
"""Metrics of a run."""
STEPS = 100
"""Points of a series."""
BEGAN = 1_700_000_000_000
_WAIT_SECONDS = 60


class Postgres:
    """A PostgreSQL server in a folder of its own, with the settings it comes with and 256 MB of buffers."""

    def __init__(self) -> None:
        initdb, program = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="ondol-bench-pg-"))
        self.port = free_port()
        how = _unprivileged()
        if how:
            os.chown(self._folder, how["user"], how["group"])
        data = self._folder / "data"
        made = [initdb, "-D", data, "-U", "ondol", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run([*map(str, made)], check=True, capture_output=True, cwd=self._folder, **how)
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self._folder,
            "shared_buffers": "256MB", "max_wal_size": "4GB",
        }  # fmt: skip
        command = [program, "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
        self._process = subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            **how,
        )  # fmt: skip
        atexit.register(self.stop)
        self._wait()

    def database(self, name: str) -> str:
        """The address of a new, empty database."""
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return f"postgresql://ondol@127.0.0.1:{self.port}/{name}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self, name: str) -> Any:
        import psycopg

        return psycopg.connect(f"postgresql://ondol@127.0.0.1:{self.port}/{name}", autocommit=True)

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise Skipped("PostgreSQL did not start") from None
                time.sleep(0.1)
            else:
                return


def _programs() -> tuple[str, str]:
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), None):
        initdb, server = (shutil.which(name, path=folder and str(folder)) for name in ("initdb", "postgres"))
        if initdb and server:
            return initdb, server
    raise Skipped("PostgreSQL is not here: apt-get install postgresql")


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@cache
def postgres() -> Postgres:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise Skipped("psycopg is not here: pip install 'ondol[postgres]'") from None
    return Postgres()


@cache
def served(dialect: str, runs: int) -> Server:
    """A server over a store of that many runs with `SERIES` metrics of `STEPS` points each; 0 is an empty store."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="ondol-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = postgres().database(f"store_{runs}") if dialect == "postgres" else ""
    house = open_house(Config(home=str(folder), database=url))
    experiment: str = house.call("experiments.create", {"name": "bench"}).id
    house.close()
    if runs:
        fill = _fill_postgres if url else _fill_sqlite
        fill(url or str(folder / "ondol.db"), int(experiment), runs)
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "ondol", "up", "--home", folder, "--port", str(port)]
    besides = (postgres().pid,) if url else ()
    server = Server(command, port, (experiment, identity_of(1)), {"ONDOL_DATABASE": url}, besides)
    server.runs = runs
    return server


def identity_of(number: int) -> str:
    return f"run_{number:026d}"


def _statements(runs: int, experiment: int, **words: str) -> list[str]:
    """`identity` and `chance` are what the dialects say differently."""
    text = string.Template(Path(__file__).with_suffix(".sql").read_text())
    filled = text.substitute(words, runs=runs, experiment=experiment, began=BEGAN, series=SERIES, steps=STEPS)
    return [statement for statement in filled.split(";\n") if statement.strip()]


def _fill_sqlite(file: str, experiment: int, runs: int) -> None:
    raw = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000", "temp_store=MEMORY"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY)")
    raw.execute(
        "INSERT INTO numbers WITH RECURSIVE up(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM up WHERE n < ?)"
        " SELECT n FROM up",
        (max(runs, STEPS),),
    )
    raw.create_function("identity", 1, identity_of)
    # Random integers are of 64 bits with a sign.
    chance = "(0.5 + random() / 18446744073709551616.0)"
    for text in _statements(runs, experiment, identity="identity(n)", chance=chance):
        raw.execute(text)
    raw.close()


def _fill_postgres(url: str, experiment: int, runs: int) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as raw:
        for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'", "work_mem = '256MB'"):
            raw.execute(f"SET {setting}")
        raw.execute(f"CREATE TEMP TABLE numbers AS SELECT generate_series(0, {max(runs, STEPS)}) AS n")
        raw.execute("ANALYZE numbers")
        # The key is made after the rows: twice as fast, and the same in the end.
        raw.execute("ALTER TABLE metric_points DROP CONSTRAINT pk_metric_points")
        for text in _statements(runs, experiment, identity="'run_' || lpad(n::text, 26, '0')", chance="random()"):
            raw.execute(text)
        raw.execute(
            "ALTER TABLE metric_points ADD CONSTRAINT pk_metric_points PRIMARY KEY (series, at, step, value, nan)"
        )
        raw.execute("VACUUM ANALYZE")
