"""Settings: defaults < `ondol.toml` < `ONDOL_*` < arguments. Nothing else reads the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from ondol.kernel.errors import Invalid


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set.

    `database` and `artifacts` are URLs; empty means SQLite and files below `home`.
    `keys` is the folder of the keys that seal versions and keep secrets (empty: below `home`); servers that share a
    database share it.
    `online` keeps feature values: `sqlite` (also when empty), `lmdb`, or `redis://host:6379/0?prefix=name`.
    `url` is a house that serves elsewhere, `spool` the folder where logs wait for it (empty: below `home`).
    `openlineage_url` is a collector that hears of every pipeline run in the words of OpenLineage.
    `webhook_networks` are networks of one's own that webhooks may call, as `10.1.0.0/16, 127.0.0.0/8`; this machine
    itself when the house listens nowhere else.
    `presigned`: artifacts in S3 go between clients and the bucket, by signed addresses; `false` when clients cannot
    reach it.
    `warm_runner_minutes`: how long a process that has loaded the project's libraries waits for the next run
    of a pipeline, after the project was applied and after a run; 0: none waits.
    `training_engine` joins training sets: empty for the house itself, `duckdb` for what this machine's memory does not
    hold, or a Spark master (`local[4]`, `spark://host:7077`); settings stand behind a question mark
    (`duckdb?memory_limit=4GB`, `local[4]?spark.driver.memory=4g`).
    `clock` starts a house whose time is moved by `POST /v1/clock` (for replays).
    """

    home: str = ".ondol"
    url: str = ""
    host: str = "127.0.0.1"
    port: int = 7878
    database: str = ""
    artifacts: str = ""
    keys: str = ""
    online: str = ""
    executor: str = "process"
    training_engine: str = ""
    clock: str = ""
    workers: int = 2
    token: str = ""
    language: str = "en"
    log_level: str = "info"
    notify_url: str = ""
    openlineage_url: str = ""
    webhook_networks: str = ""
    presigned: bool = True
    spool: str = ""
    capture_flush_seconds: float = 5.0
    job_attempts: int = 3
    warm_runner_minutes: float = 10.0
    body_limit_mb: int = 64

    @property
    def home_path(self) -> Path:
        return Path(self.home).expanduser().resolve()

    @property
    def keys_path(self) -> Path:
        return Path(self.keys).expanduser().resolve() if self.keys else self.home_path / "keys"

    @property
    def spool_path(self) -> Path:
        return Path(self.spool).expanduser().resolve() if self.spool else self.home_path / "spool"


def load_config(start: Path | None = None, **arguments: Any) -> Config:
    """The settings in force below the folder `start`; arguments that are `None` are not set.

    Raises `Invalid` naming the file or variable and the field.
    """
    values: dict[str, Any] = {}
    file = (start or Path.cwd()) / "ondol.toml"
    if file.is_file():
        try:
            values |= tomllib.loads(file.read_text())
        except tomllib.TOMLDecodeError as error:
            raise Invalid(f"{file}: {error}", hint="Fix the file, or move it away.") from error
    names = {field.name for field in msgspec.structs.fields(Config)}
    values |= {name: text for name in names if (text := os.environ.get(f"ONDOL_{name.upper()}"))}
    values |= {name: value for name, value in arguments.items() if value is not None}
    try:
        return msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"A setting is wrong: {error}", hint=f"Look at {file} and the ONDOL_* variables.") from error
