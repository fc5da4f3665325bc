"""What keeps Delta tables small, and brings older versions back: compaction, restoring, differences, vacuum."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

import msgspec
import polars as pl
from deltalake import CommitProperties, DeltaTable

from ondol.adapters.delta_open import Opened, OpenTables
from ondol.adapters.delta_snapshot import Snapshot, check_writable, has_deletion_vectors
from ondol.kernel.errors import NotFound, Unavailable

# Files below this size are joined every so many versions; larger ones are left alone, so
# that a growing table is not rewritten again and again.
_COMPACT_BELOW_BYTES = 8 << 20


class Upkeep(OpenTables):
    """The part of `DeltaTables` that looks after versions and files."""

    def compact(self, table: str) -> dict[str, Any]:
        """`{"files_added": n, "files_removed": n, "version": n}`. Nothing is deleted: older versions stay readable."""
        opened = self._opened(table)
        with opened.lock:
            with self._upkeep_turn(table) as mine:
                if not mine:
                    raise Unavailable(f"{table}: another process is joining its files.", hint="Try again in a minute.")
                known = self._known(table, opened)
                check_writable(known, table)
                metrics = known.optimize.compact()
                known.create_checkpoint()
            opened.table = None
            return {
                "files_added": metrics["numFilesAdded"],
                "files_removed": metrics["numFilesRemoved"],
                "version": self._known(table, opened).version(),
            }

    def restore(self, table: str, version: int) -> int:
        def write(known: DeltaTable | None, opened: Opened) -> int:
            if known is None:
                raise NotFound(f"There is no table {table!r}.")
            if not 0 <= version <= known.version():
                raise NotFound(
                    f"The table {table!r} has no version {version}.", hint=f"The newest is {known.version()}."
                )
            check_writable(known, table)
            known.restore(version, commit_properties=CommitProperties(max_commit_retries=0))
            return self._landed(table, opened)

        return self._written(table, write)

    def difference(self, table: str, before: int, after: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Files that both versions have hold the same rows, and are not read."""
        old, new = self._snapshot(table, before), self._snapshot(table, after)
        if has_deletion_vectors(new):
            return old.frame(), new.frame()
        gone, come = set(old.file_uris()) - set(new.file_uris()), set(new.file_uris()) - set(old.file_uris())
        return old.only(gone).frame(), new.only(come).frame()

    def vacuum(
        self, table: str, *, keep: Collection[int], grace_hours: float = 24, dry_run: bool = True
    ) -> dict[str, Any]:
        opened = self._opened(table)
        with opened.lock, self._upkeep_turn(table) as mine:
            if not mine:
                raise Unavailable(f"{table}: another process looks after its files.", hint="Try again in a minute.")
            newest = self._known(table, opened)
            check_writable(newest, table)
            kept: set[str] = set()
            for version in {*keep, newest.version()}:
                kept |= set(self._paths(self._snapshot(table, version)))
            until = time.time() - 3600 * grace_hours
            gone = [
                blob
                for blob in self._blobs.list(table)
                if not blob.path.startswith((f"{table}/_", f"{table}/."))
                and blob.path not in kept
                and blob.modified_at.timestamp() < until
            ]
            if not dry_run:
                for blob in gone:
                    self._blobs.delete(blob.path)
                with self._guard:
                    for known in [one for one in self._versions if one[0] == table and one[1] not in keep]:
                        del self._versions[known]
        deleted = {blob.path.removeprefix(f"{table}/") for blob in gone}
        return {
            "files": len(gone),
            "bytes": sum(blob.size for blob in gone),
            "kept_files": len(kept),
            "gone": self._torn(table, deleted, newest.version()),
        }

    def _torn(self, table: str, deleted: set[str], newest: int) -> list[int]:
        """The versions that had one of these files, by replaying the log."""
        torn, missing = [], set[str]()
        for version in range(newest + 1):
            try:
                content = self._blobs.get(f"{table}/_delta_log/{version:020}.json")
            except NotFound:
                continue
            for action in msgspec.json.Decoder().decode_lines(content):
                if "remove" in action:
                    missing.discard(unquote(action["remove"]["path"]))
                elif "add" in action and (path := unquote(action["add"]["path"])) in deleted:
                    missing.add(path)
            if missing:
                torn.append(version)
        return torn

    def _paths(self, snapshot: Snapshot) -> list[str]:
        """The files of a version, and those of its deletion vectors, as the store knows them."""
        root = f"{self._root}/"
        found = [file.removeprefix(root) for file in snapshot.file_uris()]
        if has_deletion_vectors(snapshot):
            # They lie beside the files, under names that only the log knows: none of them is deleted.
            table = snapshot.name
            found += [blob.path for blob in self._blobs.list(table) if blob.path.endswith(".bin")]
        return found

    def _tidy(self, table: str, opened: Opened) -> None:
        """Join what many small appends left, unless another process is at it."""
        with self._upkeep_turn(table) as mine:
            known = self._known(table, opened)
            if mine:
                known.optimize.compact(target_size=_COMPACT_BELOW_BYTES)
            known.create_checkpoint()
            opened.table = None
