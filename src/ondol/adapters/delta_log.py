"""Plain appends, committed by hand: Parquet files, then one line each in the next file of `_delta_log`.

The Delta protocol lets a blind append follow any commit that changes neither schema nor protocol. delta-rs
lists the whole log for each commit, so that an append costs more with every one before it; here it reads
the commits it has not seen, which are few, and creates the next one if nobody else has (a conditional put).
Whatever is not plain (new columns, other types, constraints) is left to delta-rs.

Protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md (Actions, Per-file Statistics,
Partition Value Serialization).
"""

from __future__ import annotations

import io
import math
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import polars as pl
from deltalake import DeltaTable

from ondol.adapters.blobs import ObjectBlobs
from ondol.adapters.delta_snapshot import check_writable, has_deletion_vectors, is_mapped
from ondol.adapters.delta_types import MOMENT, stored_columns
from ondol.kernel.errors import NotFound

KEY_NOTE = "ondolKey"
_CREATED = (pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.Float64, pl.Float32, pl.Boolean, pl.String, pl.Date)
_COLUMNS_WITH_STATISTICS = 32
_LONGEST_TEXT = 64
_PLAIN_FEATURES = {"timestampNtz", "deletionVectors", "appendOnly", "v2Checkpoint", "vacuumProtocolCheck"}
_SURE_SECONDS = 600


class Taken(Exception):
    """Somebody else made the next version."""


class Tail:
    """What an append must know of a table, at the newest version that this process has seen.

    `keys` are those that were appended under; None when they must be asked for one by one.
    `plain` is whether a commit of ours is what the table's protocol asks for.
    """

    def __init__(self, known: DeltaTable, name: str, blobs: ObjectBlobs) -> None:
        check_writable(known, name)
        protocol, about = known.protocol(), known.metadata()
        self._blobs, self._name = blobs, name
        self.version = known.version()
        self.columns = stored_columns(known.schema())
        self.partition_columns = about.partition_columns
        self.keys = _keys(blobs, name, self.version)
        nullable = all(field.nullable and not field.metadata for field in known.schema().fields)
        features = set(protocol.writer_features or ()) <= _PLAIN_FEATURES
        constrained = any(option.startswith("delta.constraints.") for option in about.configuration)
        low = protocol.min_writer_version <= 2 or protocol.min_writer_version == 7
        self.plain = nullable and features and low and not constrained and not is_mapped(known)
        self._vectors = has_deletion_vectors(known)
        # Paths of all files below the table, once somebody has asked for them.
        self._files_there: set[str] | None = None
        self._looked_at = time.monotonic()

    def follow(self) -> bool:
        """Read the commits since; False when the table has become another one, or may have."""
        if time.monotonic() - self._looked_at > _SURE_SECONDS:
            return False
        while commit := self._commit(self.version + 1):
            if any("metaData" in action or "protocol" in action for action in commit):
                return False
            if self.keys is not None:
                self.keys |= _keys_of(commit)
            self._follow_files(commit)
            self.version += 1
        self._looked_at = time.monotonic()
        return True

    def append(self, frame: pl.DataFrame, key: str) -> int | None:
        """Commit rows that fit the columns; None when delta-rs must. Raises `Taken`, and nothing is written."""
        if not self.plain or not _is_plain(frame, self.partition_columns):
            return None
        return self._put(frame, [], self._about(frame, key), key)

    def knows_files(self) -> bool:
        return self._files_there is not None

    def know_files(self, files: Iterable[str]) -> None:
        """All that this version has, below the table."""
        self._files_there = set(files)

    def _follow_files(self, commit: list[dict[str, Any]]) -> None:
        if self._files_there is None:
            return
        for action in commit:
            if "remove" in action:
                self._files_there.discard(action["remove"]["path"])
            if "add" in action:
                self._files_there.add(action["add"]["path"])

    def replace(self, frame: pl.DataFrame, where: Mapping[str, Sequence[int | str]], key: str) -> int | None:
        """Commit rows in the place of those partitions; the files must be known. None and `Taken` as with an append:
        whoever was faster may have added to the same partitions."""
        if not self.plain or self._vectors or not _is_plain(frame, self.partition_columns):
            return None
        removed = []
        for path in sorted(self._files_there or ()):
            values = dict(part.partition("=")[::2] for part in path.split("/")[:-1])
            if set(values) != set(self.partition_columns):
                return None
            if all(values[name] in map(str, wanted) for name, wanted in where.items()):
                removed.append({"remove": {"path": path, "deletionTimestamp": _milliseconds(), "dataChange": True}})
        return self._put(frame, removed, self._about(frame, key, "Overwrite"), key)

    def _put(self, frame: pl.DataFrame, removed: list[dict[str, Any]], about: dict[str, Any], key: str) -> int:
        added = list(self._files(frame)) if frame.height else []
        content = msgspec.json.Encoder().encode_lines([about, *removed, *added, *_transaction(key)])
        if not self._blobs.put_new(self._path(self.version + 1), content):
            for action in added:
                self._blobs.delete(f"{self._name}/{action['add']['path']}")
            raise Taken
        self._follow_files([*removed, *added])
        self.version += 1
        if key and self.keys is not None:
            self.keys.add(key)
        return self.version

    def _files(self, frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
        parts: dict[Any, pl.DataFrame] = {(): frame}
        if self.partition_columns:
            parts = frame.partition_by(self.partition_columns, as_dict=True, include_key=False)
        for values, rows in parts.items():
            named = dict(zip(self.partition_columns, map(str, values), strict=True))
            folder = "".join(f"{name}={value}/" for name, value in named.items())
            path = f"{folder}part-00000-{uuid.uuid4()}-c000.snappy.parquet"
            into = io.BytesIO()
            rows.write_parquet(into, compression="snappy")
            content = into.getvalue()
            self._blobs.put(f"{self._name}/{path}", content)
            yield {
                "add": {
                    "path": path,
                    "partitionValues": named,
                    "size": len(content),
                    "modificationTime": _milliseconds(),
                    "dataChange": True,
                    "stats": msgspec.json.encode(statistics(rows)).decode(),
                }
            }

    def _about(self, frame: pl.DataFrame, key: str, mode: str = "Append") -> dict[str, Any]:
        partitions = msgspec.json.encode(self.partition_columns).decode()
        return {
            "commitInfo": {
                "timestamp": _milliseconds(),
                "operation": "WRITE",
                "operationParameters": {"mode": mode, "partitionBy": partitions},
                "operationMetrics": {"num_added_rows": frame.height},
                "isBlindAppend": mode == "Append",
                "engineInfo": "ondol",
                **({KEY_NOTE: key} if key else {}),
            }
        }

    def _commit(self, version: int) -> list[dict[str, Any]]:
        try:
            content = self._blobs.get(self._path(version))
        except NotFound:
            return []
        found: list[dict[str, Any]] = msgspec.json.Decoder().decode_lines(content)
        return found

    def _path(self, version: int) -> str:
        return f"{self._name}/_delta_log/{version:020}.json"


def statistics(frame: pl.DataFrame) -> dict[str, Any]:
    """`numRecords`, `nullCount`, and `minValues` and `maxValues` where both are exact.

    Instants are cut to milliseconds, as every writer does; readers widen the largest.
    """
    names = [name for name, dtype in frame.schema.items() if dtype in (*_CREATED, MOMENT)][:_COLUMNS_WITH_STATISTICS]
    chosen = frame.select(names)
    found = chosen.select(
        *(pl.all().null_count().name.prefix("n:"), pl.all().min().name.prefix("l:"), pl.all().max().name.prefix("h:")),
        *(pl.col(pl.Float64, pl.Float32).is_nan().any().name.prefix("x:"),),
    ).row(0, named=True) if names else {}  # fmt: skip
    low, high = {}, {}
    for name in names:
        least, most = _written(found[f"l:{name}"]), _written(found[f"h:{name}"])
        if least is not None and most is not None and not found.get(f"x:{name}"):
            low[name], high[name] = least, most
    nulls = {name: found[f"n:{name}"] for name in names}
    return {"numRecords": frame.height, "minValues": low, "maxValues": high, "nullCount": nulls}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _is_plain(frame: pl.DataFrame, partition_columns: list[str]) -> bool:
    if not all(dtype in _CREATED or dtype == MOMENT for dtype in frame.dtypes):
        return False
    return all(frame.schema[name].is_integer() and not frame[name].null_count() for name in partition_columns)


def _transaction(key: str) -> list[dict[str, Any]]:
    return [{"txn": {"appId": key, "version": 1, "lastUpdated": _milliseconds()}}] if key else []


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _keys_of(commit: list[dict[str, Any]]) -> set[str]:
    return {action["txn"]["appId"] for action in commit if "txn" in action}


def _keys(blobs: ObjectBlobs, name: str, version: int) -> set[str] | None:
    """All keys until a version: those of the last checkpoint, and of the commits after it."""
    first, found = 0, set()
    try:
        last = msgspec.json.decode(blobs.get(f"{name}/_delta_log/_last_checkpoint"))
        if "parts" in last or "v2Checkpoint" in last or last["version"] > version:
            return None
        content = blobs.get(f"{name}/_delta_log/{last['version']:020}.checkpoint.parquet")
        known = pl.read_parquet(io.BytesIO(content), columns=["txn"])["txn"].struct.field("appId").drop_nulls()
        first, found = last["version"] + 1, set(known.to_list())
    except NotFound:
        if version > 0 and first == 0 and not _exists(blobs, f"{name}/_delta_log/{0:020}.json"):
            return None
    except pl.exceptions.PolarsError:
        return None
    try:
        for number in range(first, version + 1):
            lines = msgspec.json.Decoder().decode_lines(blobs.get(f"{name}/_delta_log/{number:020}.json"))
            found |= _keys_of(lines)
    except NotFound:
        return None
    return found


def _exists(blobs: ObjectBlobs, path: str) -> bool:
    try:
        blobs.head(path)
    except NotFound:
        return False
    return True
