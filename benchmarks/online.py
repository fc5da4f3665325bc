"""Online: reading features in process and over HTTP, and bringing views online, against Feast on SQLite."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import world
from benchmarks.homes import opened, raw_sqlite
from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from benchmarks.peers import PEERS, Unavailable, environment
from benchmarks.servers import Client, Server, free_port
from ondol.features import service as features
from ondol.features.types import MaterializeView

_VIEWS = {
    "place": world.SKY,
    "line": ["line_late", "line_delay"],
    "route": ["route_late", "route_delay"],
    "unit": ["age", "seats", "weight"],
}
"""The 15 features of the four views, by the column of their entity."""
_PEER = "Feast 0.67, SQLite online store"


class _Feast:
    """Feast in a process of its own, with the same keys and as many features online."""

    def __init__(self, folder: Path, questions: dict[str, list[Any]], unit_rows: int) -> None:
        try:
            self.python = environment("feast")
        except Unavailable as reason:
            raise Skipped(str(reason)) from None
        self.folder = folder
        folder.mkdir()
        sizes = {"place": world.PLACES, "line": world.LINES, "route": world.ROUTES, "unit": unit_rows}
        at = world.last_hour() - timedelta(hours=1)
        for name, names in _VIEWS.items():
            keys = [f"{name[0]}{number}" for number in range(sizes[name])]
            values = {feature: [number * 0.5 for number in range(len(keys))] for feature in names}
            pl.DataFrame({name: keys, "at": [at] * len(keys), **values}).write_parquet(folder / f"{name}.parquet")
        (folder / "views.json").write_text(json.dumps(_VIEWS))
        (folder / "questions.json").write_text(json.dumps(questions))
        self._process = subprocess.Popen(
            [self.python, PEERS / "feast" / "online.py", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._answer() != "ready":
            raise RuntimeError("Feast did not start")

    def ask(self, task: str) -> Took:
        assert self._process.stdin is not None
        print(task, file=self._process.stdin, flush=True)
        wall, cpu = map(float, self._answer().split())
        return Took(wall, cpu)

    def stop(self) -> None:
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def _feast(setting: Setting, questions: dict[str, list[Any]], unit_rows: int) -> Iterator[_Feast]:
    peer = _Feast(setting.folder / "feast", questions, unit_rows)
    try:
        yield peer
    finally:
        peer.stop()


@contextmanager
def _read(setting: Setting, rows: int) -> Iterator[Pair]:
    calls, unit_rows = setting.count(2000 // rows, least=20), setting.count(25_000, least=100)
    given = world.questions(rows, unit_rows)
    with opened(setting.folder) as house, _feast(setting, given, unit_rows) as feast:
        name = world.four_views(house, setting.folder, setting.count(20_000, least=500), unit_rows)
        tools, now = house.tools(), house.tools().now()
        service = features.service_of(tools, name)

        def ours(_: int) -> None:
            for _ in range(calls):
                features.values_of(tools, service, given, now)

        few = max(calls // 10, 10)
        yield Pair(ours=ours, against=lambda _: feast.ask(f"read {few}"), calls=calls)


@contextmanager
def _http(setting: Setting, rows: int) -> Iterator[Pair]:
    calls, unit_rows = setting.count(1000 if rows == 1 else 200, least=50), setting.count(25_000, least=100)
    given = world.questions(rows, unit_rows)
    with opened(setting.folder) as house:
        name = world.four_views(house, setting.folder, setting.count(20_000, least=500), unit_rows)
    port, their_port = free_port(), free_port()
    with _feast(setting, given, unit_rows) as feast, contextlib.ExitStack() as servers:
        up = [sys.executable, "-m", "ondol", "up", "--home", setting.folder / "home", "--port", str(port)]
        serve = [feast.python.parent / "feast", "-c", feast.folder, "serve", "-h", "127.0.0.1", "-p", str(their_port)]
        house_server, feast_server = Server(up, port, ("", ""), {}), Server(serve, their_port, ("", ""), {})
        servers.callback(house_server.stop)
        servers.callback(feast_server.stop)
        wanted = [f"{view}_view:{feature}" for view, names in _VIEWS.items() for feature in names]
        asked = json.dumps({"rows": [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]})
        theirs = json.dumps({"features": wanted, "entities": given})
        yield Pair(
            ours=_asking(house_server, f"/v1/feature-services/{name}/vectors", asked, calls),
            against=_asking(feast_server, "/get-online-features", theirs, max(calls // 5, 20)),
        )


def _asking(server: Server, path: str, body: str, calls: int) -> Callable[[int], Took]:
    """What the server took for a call; its clock of CPU time ticks a hundred times a second."""
    client: Client = server.client()

    def ask(_: int) -> Took:
        wall, cpu = time.perf_counter(), server.cpu_seconds()
        for _ in range(calls):
            client.send("POST", path, body.encode())
        cpu = max(server.cpu_seconds() - cpu, 0.01)
        return Took((time.perf_counter() - wall) / calls, cpu / calls)

    return ask


@contextmanager
def _materialize(setting: Setting) -> Iterator[Pair]:
    unit_rows = setting.count(50_000, least=500)
    with opened(setting.folder) as house, _feast(setting, world.questions(1, unit_rows), unit_rows) as feast:
        world.four_views(house, setting.folder, 500, unit_rows)

        def ours(_: int) -> None:
            if house.call("views.materialize", MaterializeView(view="unit", full=True)).online_keys != unit_rows:
                raise RuntimeError("not all units are online")

        yield Pair(ours=ours, against=lambda _: feast.ask("materialize unit_view"))


@contextmanager
def _materialize_raw(setting: Setting) -> Iterator[Pair]:
    unit_rows = setting.count(50_000, least=500)
    with opened(setting.folder) as house, raw_sqlite(setting.folder / "raw.db") as raw:
        world.four_views(house, setting.folder, 500, unit_rows)
        frame = house.tools().tables.scan("silver/units").collect()
        raw.execute("CREATE TABLE packed (view TEXT, key TEXT, packed BLOB, PRIMARY KEY (view, key)) WITHOUT ROWID")

        def against(_: int) -> None:
            import struct

            pack = struct.Struct("<3d").pack
            rows = frame.sort("unit").select("unit", "age", "seats", "weight").iter_rows()
            raw.execute("BEGIN")
            raw.execute("DELETE FROM packed")
            raw.executemany("INSERT INTO packed VALUES (?, ?, ?)", (("unit", key, pack(*row)) for key, *row in rows))
            raw.execute("COMMIT")

        def ours(_: int) -> None:
            house.call("views.materialize", MaterializeView(view="unit", full=True))

        yield Pair(ours=ours, against=against)


@contextmanager
def _apply(setting: Setting) -> Iterator[Pair]:
    """A project with nothing changed, by the command line: our side counts the server too."""
    port, folder = free_port(), setting.folder / "project"
    shutil.copytree(Path(__file__).parents[1] / "examples" / "flights", folder)
    up = [sys.executable, "-m", "ondol", "up", "--home", setting.folder / "home", "--port", str(port)]
    server = Server(up, port, ("", ""), {})
    about = os.environ | {"ONDOL_URL": f"http://127.0.0.1:{port}"}
    with _feast(setting, world.questions(1, 100), 100) as feast, contextlib.ExitStack() as ending:
        ending.callback(server.stop)
        definitions = "import json, sys\nfrom pathlib import Path\nsys.path.insert(0, {!r})\nfrom online import view\n"
        each = "".join(
            f"{name}, {name}_view = view({name!r}, {names!r}, Path({str(feast.folder)!r}))\n"
            for name, names in _VIEWS.items()
        )
        (feast.folder / "views.py").write_text(definitions.format(str(PEERS / "feast")) + each)

        def ours(_: int) -> Took:
            wall, cpu = time.perf_counter(), server.cpu_seconds() + _awaited()
            subprocess.run(
                [sys.executable, "-m", "ondol", "apply"], cwd=folder, env=about, check=True, capture_output=True
            )
            return Took(time.perf_counter() - wall, server.cpu_seconds() + _awaited() - cpu)

        def against(_: int) -> None:
            command = [feast.python.parent / "feast", "-c", feast.folder, "apply"]
            subprocess.run(command, check=True, capture_output=True)

        ours(0)
        time.sleep(3)  # what the first one set going
        yield Pair(ours=ours, against=against)


def _awaited() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


BENCHMARKS = [
    Benchmark(
        name="online/apply",
        what="`ondol apply` with nothing changed, the command and the server",
        against="`feast apply`",
        open=_apply,
        at_most=0.3 / 4.6,
    ),
    *(
        Benchmark(
            name=f"online/read/{rows}",
            what=f"what a request reads: 15 features of 4 views, {rows} row{'s' * (rows > 1)}",
            against=_PEER,
            open=partial(_read, rows=rows),
            at_most=1 / times,
        )
        for rows, times in ((1, 20), (100, 15))
    ),
    *(
        Benchmark(
            name=f"online/http/{rows}",
            what=f"features.read over HTTP, CPU of the server, {rows} row{'s' * (rows > 1)}",
            against="feast serve",
            open=partial(_http, rows=rows),
            at_most=1 / 8,
        )
        for rows in (1, 100)
    ),
    Benchmark(
        name="online/materialize",
        what="views.materialize: 50k keys of 3 features",
        against=_PEER,
        open=_materialize,
        at_most=1 / 10,
    ),
    Benchmark(
        name="online/materialize/raw",
        what="views.materialize: 50k keys of 3 features, from Delta",
        against="raw sqlite3, packed rows from a frame in memory, one transaction",
        open=_materialize_raw,
    ),
]
