"""Which files hold the rows of a version, for engines that read Parquet themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.adapters.delta_types import stored_columns
from ondol.ports.tables import TableFiles

if TYPE_CHECKING:
    from deltalake import DeltaTable

# With one of these, what a file holds is not what the table says.
_BEYOND_FILES = {"deletionVectors", "columnMapping"}
# Engines take these for patterns, and `=` for a partition.
_PATTERNS = "*?["


def plain_files(table: DeltaTable) -> TableFiles | None:
    """See `Tables.files`; the table's paths must be those on the disk."""
    metadata, protocol = table.metadata(), table.protocol()
    mapped = metadata.configuration.get("delta.columnMapping.mode", "none") != "none"
    if mapped or _BEYOND_FILES & set(protocol.reader_features or ()):
        return None
    root, paths = table.table_uri.removeprefix("file://"), table.file_uris()
    if "=" in root or any(mark in path for path in paths for mark in _PATTERNS):
        return None
    columns = {name: str(dtype) for name, dtype in stored_columns(table.schema()).items()}
    return TableFiles(paths=paths, columns=columns, partitions=list(metadata.partition_columns))
