"""The `Sources` port: folders, object stores, SQL databases, JSON APIs and Kafka topics.

Drivers are imported when a source needs them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ondol.adapters.sources import files
from ondol.kernel.errors import Invalid
from ondol.ports.sources import FoundFile, Piece, SourceRequest


class OutsideSources:
    """Reads what other programs wrote."""

    def find_files(self, root: str, pattern: str) -> list[FoundFile]:
        return files.find_remote(pattern) if "://" in pattern else files.find_local(root, pattern)

    def read_file(self, root: str, pattern: str, path: str) -> bytes:
        return files.read_remote(pattern, path) if "://" in pattern else files.read_local(root, path)

    def read(self, request: SourceRequest) -> Iterator[Piece]:
        if request.kind == "sql":
            from ondol.adapters.sources import sql

            return sql.read(request)
        if request.kind == "http":
            from ondol.adapters.sources import http

            return http.read(request)
        if request.kind == "kafka":
            from ondol.adapters.sources import kafka

            return kafka.read(request)
        raise Invalid(f"A source of kind {request.kind!r} cannot be read piece by piece.")
