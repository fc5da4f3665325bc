"""Spark, by its own `spark-submit`: the house neither imports pyspark nor keeps a Java process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from ondol.kernel.errors import Invalid, Unavailable
from ondol.ports.training_engine import EngineJob

_JOB = Path(__file__).with_name("spark_job.py")
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.ui.showConsoleProgress": "false",
}
_ON_THIS_MACHINE = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}


class SparkEngine:
    """The `TrainingEngine` port.

    `address` is a Spark master with settings behind a question mark:
    `local[4]?spark.driver.memory=4g`, `spark://host:7077`, `yarn`. `spark-submit` is taken from
    `PATH`, or stands beside this Python (`pip install pyspark`).
    """

    name = "spark"
    dialect = "spark"

    def __init__(self, address: str, scratch: Path) -> None:
        self.master, _, settings = address.partition("?")
        if not self.master.startswith(("local", "spark://", "yarn", "k8s://")):
            raise Invalid(
                f"training_engine = {address!r} is not an address we know.",
                hint="duckdb, local[4], spark://host:7077, yarn, k8s://...",
            )
        mine = _ON_THIS_MACHINE if self.master.startswith("local") else {}
        self._settings = _SETTINGS | mine | dict(parse_qsl(settings))
        self._scratch = scratch

    def run(self, jobs: Sequence[EngineJob]) -> None:
        submit = shutil.which("spark-submit") or shutil.which("spark-submit", path=str(Path(sys.executable).parent))
        if submit is None:
            raise Unavailable(
                "Spark is not here: there is no `spark-submit`.",
                hint="Put Spark's bin folder on PATH, or `pip install pyspark`; it needs Java 17.",
            )
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            request = Path(folder, "request.json")
            request.write_bytes(msgspec.json.encode(list(jobs)))
            settings = [word for name, value in self._settings.items() for word in ("--conf", f"{name}={value}")]
            done = subprocess.run(
                [submit, "--master", self.master, *settings, str(_JOB), str(request)],
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
            )
            error = Path(folder, "error.txt")
            if done.returncode:
                raise _failure(error.read_text() if error.exists() else done.stderr)


def _failure(said: str) -> Unavailable:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any("JAVA_HOME" in line or "java: not found" in line for line in lines[:5]):
        return Unavailable("Spark found no Java.", hint="Install Java 17 (`apt install openjdk-17-jre-headless`).")
    telling = [line for line in lines if " WARN " not in line and " INFO " not in line]
    message = (telling or lines or ["it said nothing"])[0]
    return Unavailable(f"Spark failed: {message[:500]}", hint="Its log says more: run the statement by hand.")
