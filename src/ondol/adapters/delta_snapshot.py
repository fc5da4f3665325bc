"""A version of a Delta table as Polars reads it, and which tables can be read and written without losing anything.

What a protocol asks for and a reader does not know reads as NULL or as rows that were deleted:
such a table is refused. Deletion vectors are honoured, column mapping is when the table is flat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ondol.adapters.delta_types import stored_columns
from ondol.kernel.errors import Refused

_MAPPED = "delta.columnMapping.physicalName"
_DELETION_VECTORS = "deletionVectors"
_READABLE = frozenset({_DELETION_VECTORS, "timestampNtz", "columnMapping", "vacuumProtocolCheck", "v2Checkpoint"})
_WRITABLE = frozenset({_DELETION_VECTORS, "timestampNtz", "appendOnly", "invariants", "vacuumProtocolCheck",
                       "v2Checkpoint", "checkConstraints"})  # fmt: skip
_READER_FEATURES_FROM, _WRITER_FEATURES_FROM = 3, 7


def check_readable(table: DeltaTable, name: str) -> None:
    """`Refused` when the table asks readers for something that would read as other values than were written."""
    protocol = table.protocol()
    unknown = set(protocol.reader_features or ()) - _READABLE
    if protocol.min_reader_version > _READER_FEATURES_FROM or unknown:
        raise _refused(name, "read", unknown or {f"reader version {protocol.min_reader_version}"})


def check_writable(table: DeltaTable, name: str) -> None:
    """`Refused` when our files would not be what the table's protocol promises its readers.

    delta-rs 1.6 writes columns of a mapped table under their logical names, where nobody finds them again.
    """
    if is_mapped(table):
        raise _refused(name, "written to", {"columnMapping"})
    protocol = table.protocol()
    unknown = set(protocol.writer_features or ()) - _WRITABLE
    if protocol.min_writer_version > _WRITER_FEATURES_FROM or unknown:
        raise _refused(name, "written to", unknown or {f"writer version {protocol.min_writer_version}"})


def _refused(name: str, what: str, features: Collection[str]) -> Refused:
    listed = ", ".join(sorted(features))
    return Refused(
        f"{name} cannot be {what} here: it uses {listed}, which would be read back as other values.",
        hint="Copy it with the engine that wrote it into a table without that feature.",
        details={"table": name, "features": sorted(features)},
    )


def is_mapped(table: DeltaTable) -> bool:
    """Whether the files hold the columns under other names than the schema gives them."""
    return table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"


def has_deletion_vectors(table: DeltaTable) -> bool:
    return _DELETION_VECTORS in (table.protocol().reader_features or ())


class Snapshot(DeltaTable):
    """A version for Polars, taken from a table that goes on: what it asks for is kept here, which is a
    hundred times cheaper than opening the table at the version.

    Paths are plain: delta-rs writes blanks and letters beyond ASCII in the table's own path as `%20`.
    `more` answers what only some scans ask, from a table that stands at this version.
    """

    def __init__(self, live: DeltaTable, name: str, more: Callable[[Callable[[DeltaTable], Any]], Any]) -> None:
        check_readable(live, name)
        self.name = name
        self._number = live.version()
        self._uri = live.table_uri
        self._schema, self._metadata, self._protocol = live.schema(), live.metadata(), live.protocol()
        self._storage_options = live._storage_options
        self._files = self._plain(live.file_uris())
        self._sizes = live._table.get_add_file_sizes()
        self._table: Any = SimpleNamespace(get_add_file_sizes=lambda: self._sizes)
        self._places: list[int] | None = None
        self._more = more

    def version(self) -> int:
        return self._number

    def schema(self) -> Any:
        return self._schema

    def metadata(self) -> Any:
        return self._metadata

    def protocol(self) -> Any:
        return self._protocol

    @property
    def table_uri(self) -> str:
        return unquote(self._uri)

    def file_uris(self, *_args: Any, **_kwargs: Any) -> list[str]:
        return self._files

    def get_add_actions(self, flatten: bool = False) -> Any:
        actions = pl.DataFrame(self._more(lambda table: table.get_add_actions(flatten)))
        return actions if self._places is None else actions[self._places]

    def deletion_vectors(self) -> Any:
        return self._more(lambda table: pl.DataFrame(table.deletion_vectors()))

    def only(self, files: Collection[str]) -> Snapshot:
        """The same version with some of its files."""
        part = object.__new__(Snapshot)
        part.__dict__.update(self.__dict__)
        part._places = [place for place, file in enumerate(self._files) if file in files]
        part._files = [self._files[place] for place in part._places]
        return part

    def frame(self) -> pl.LazyFrame:
        if not self._files:
            return pl.DataFrame(schema=stored_columns(self._schema)).lazy()
        if is_mapped(self):
            return self._scan_mapped()
        return pl.scan_delta(self)

    def _scan_mapped(self) -> pl.LazyFrame:
        names = {field.metadata.get(_MAPPED, field.name): field.name for field in self._schema.fields}
        columns = stored_columns(self._schema)
        nested = any(dtype.is_nested() for dtype in columns.values())
        if nested or self._metadata.partition_columns or has_deletion_vectors(self):
            raise _refused(self.name, "read", {"columnMapping together with partitions, nesting or deletion vectors"})
        return pl.scan_parquet(
            self._files,
            schema={physical: columns[logical] for physical, logical in names.items()},
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=self._storage_options,
        ).rename(names)

    def _plain(self, uris: list[str]) -> list[str]:
        written, plain = self._uri.removeprefix("file://"), self.table_uri.removeprefix("file://")
        return [plain + uri.removeprefix("file://").removeprefix(written) for uri in uris]
