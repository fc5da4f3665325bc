"""Files of a source: which are new, and how they travel together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Conflict, Invalid, OndolError
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting, contract, text
from ondol.lake.service import landing
from ondol.lake.types import Batch, DatasetSpec, FileSource, RefreshReport
from ondol.ports.sources import FoundFile
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

ROWS_TOGETHER = 200_000
"""Small files land together up to this many rows; a larger file lands in slices of this size."""
BYTES_KEPT = 256 << 20


@dataclass(frozen=True, kw_only=True)
class _Read:
    mark: repo.SourceFile
    rows: pl.DataFrame


def refresh(tools: Tools, there: repo.Stored, source: FileSource) -> RefreshReport:
    """Land what is new in the dataset's files. Each content of each file is brought once."""
    spec = there.dataset.spec
    found = find(tools, there, source)
    reading = _Reading(tools, there, source, new_ones(tools, spec.name, found))
    delivery = contract.Delivery(newest=reading.newest())
    batches: list[Batch] = []
    for group in _groups(spec, reading):
        batches += _land_group(tools, spec.name, group, delivery)
    if reading.unreadable:
        raise reading.unreadable[0]
    with tools.transaction(write=False) as inner:
        version = landing.stored(inner, spec.name).dataset.version
    return RefreshReport(dataset=spec.name, files=len(found), new_files=reading.count, batches=batches, version=version)


class _Reading:
    """The files whose contents are new, one after the other; why others could not be read is in `unreadable`: a file
    that is broken holds up no good one."""

    def __init__(self, tools: Tools, there: repo.Stored, source: FileSource, found: list[FoundFile]) -> None:
        self._tools, self._there, self._source, self._found = tools, there, source, found
        with tools.transaction(write=False) as inner:
            self._known = repo.select_files(inner.connection, there.dataset.name)
        self._kept: list[_Read] | None = None
        self.unreadable: list[OndolError] = []
        self.count = 0

    def __iter__(self) -> Iterator[_Read]:
        self.count = 0
        for read in self._kept if self._kept is not None else self._read_all():
            self.count += 1
            yield read

    def newest(self) -> datetime | None:
        """The latest moment of the whole delivery, if a rule asks for it: it is fresh when its freshest part is.

        A delivery that is too large to be kept is read once more for that.
        """
        spec = self._there.dataset.spec
        columns = {rule.column or spec.time for rule in spec.contract if rule.kind == "fresh"}
        if len(columns) != 1:
            return None
        if sum(file.size for file in self._found) <= BYTES_KEPT:
            self._kept = list(self._read_all())
        moments = [_newest(spec, read, column) for column in columns for read in self]
        return max((moment for moment in moments if moment), default=None)

    def _read_all(self) -> Iterator[_Read]:
        self.unreadable = []
        for file in self._found:
            try:
                read = _read(self._tools, self._there, self._source, file, self._known)
            except (Invalid, Conflict) as error:
                self.unreadable.append(error)
                continue
            if read:
                yield read


def find(tools: Tools, there: repo.Stored, source: FileSource) -> list[FoundFile]:
    """What a listing of the source shows now."""
    if not there.root and "://" not in source.path:
        raise Conflict(
            f"The dataset {there.dataset.name!r} was declared without a folder.", hint="Declare it with `root`."
        )
    pattern = f"{source.path.rstrip('/')}/**/*" if source.format == "tree" else source.path
    return tools.sources.find_files(there.root, pattern)


def new_ones(tools: Tools, dataset: str, found: list[FoundFile]) -> list[FoundFile]:
    """Those that are not as they were when they were read; the others are not even opened."""
    with tools.transaction(write=False) as inner:
        known = repo.select_files(inner.connection, dataset)
    seen = {path: (file.size, file.modified_ns) for path, file in known.items()}
    return [file for file in found if seen.get(file.path) != (file.size, file.modified_ns)]


def _read(
    tools: Tools, there: repo.Stored, source: FileSource, file: FoundFile, known: dict[str, repo.SourceFile]
) -> _Read | None:
    """The rows of a file whose content we have not seen."""
    content = tools.sources.read_file(there.root, source.path, file.path)
    digest = hashlib.sha256(content).hexdigest()
    mark = repo.SourceFile(path=file.path, size=len(content), modified_ns=file.modified_ns, digest=digest)
    before = known.get(file.path)
    if before and before.digest == digest:
        with tools.transaction(write=True) as inner:
            repo.touch_file(inner.connection, there.dataset.name, mark)
        return None
    try:
        rows = _text_row(mark, content) if source.format == "text" else parse(content, source.format)
        return _Read(mark=mark, rows=rows)
    except (pl.exceptions.PolarsError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise Invalid(
            f"{there.dataset.name}: {file.path} is no {source.format} file we can read: {reason}",
            hint=f"Mend or move the file, then `ondol datasets refresh {there.dataset.name}`.",
        ) from error


def _text_row(mark: repo.SourceFile, content: bytes) -> pl.DataFrame:
    moment = datetime.fromtimestamp(mark.modified_ns // 1_000_000_000, UTC)
    row = {
        "path": mark.path,
        "digest": mark.digest,
        "bytes": mark.size,
        "modified_at": moment,
        "text": content.decode("utf-8-sig"),
    }
    return text.text_of_rows([row])


def parse(content: bytes, form: str) -> pl.DataFrame:
    """The rows of a file as text. Raises the errors of Polars and msgspec."""
    if form == "json":
        return text.text_of_json(content)
    if form == "parquet":
        return text.text_of_frame(pl.read_parquet(content))
    if not content.strip():
        return pl.DataFrame()
    return pl.read_csv(content, infer_schema=False)


def _newest(spec: DatasetSpec, read: _Read, column: str) -> datetime | None:
    if column not in read.rows.columns:
        return None
    return contract.newest_of(casting.typed(read.rows.select(column), {column: spec.columns[column]})[0], column)


def _groups(spec: DatasetSpec, fresh: Iterable[_Read]) -> Iterator[list[_Read]]:
    """Neighbours with the same columns, together at most `ROWS_TOGETHER` rows, unless a single file has more.

    Each file by itself when the contract says what a batch must be like as a whole.
    """
    alone = any(rule.kind in ("rows", "distribution") for rule in spec.contract)
    group: list[_Read] = []
    for read in fresh:
        together = sum(one.rows.height for one in group) + read.rows.height
        if group and (alone or together > ROWS_TOGETHER or read.rows.columns != group[0].rows.columns):
            yield group
            group = []
        group.append(read)
    if group:
        yield group


def _land_group(tools: Tools, dataset: str, group: list[_Read], delivery: contract.Delivery) -> list[Batch]:
    """One batch for the group; one for each file when a rule is broken: a bad file takes no good one with it."""
    if len(group) == 1:
        return _land_file(tools, dataset, group[0], delivery)
    marks = [read.mark for read in group]
    listed = "\n".join(f"{mark.digest} {mark.path}" for mark in marks)
    arrival = landing.Arrival(
        dataset=dataset,
        key=f"files:{hashlib.sha256(listed.encode()).hexdigest()[:32]}",
        text=pl.concat([read.rows for read in group]),
        origin=f"{len(marks)} files: {marks[0].path} .. {marks[-1].path}",
        files=marks,
        delivery=delivery,
    )
    batch = landing.land(tools, arrival, whole=False)
    if batch:
        return [batch]
    return [batch for read in group for batch in _land_file(tools, dataset, read, delivery)]


def _land_file(tools: Tools, dataset: str, read: _Read, delivery: contract.Delivery) -> list[Batch]:
    batches = []
    starts = range(0, max(read.rows.height, 1), ROWS_TOGETHER)
    for start in starts:
        slice_name = f"#{start // ROWS_TOGETHER}" if len(starts) > 1 else ""
        arrival = landing.Arrival(
            dataset=dataset,
            key=f"file:{read.mark.digest[:32]}{slice_name}:{read.mark.path}"[:255],
            text=read.rows.slice(start, ROWS_TOGETHER),
            origin=f"{read.mark.path}{slice_name}",
            # The file counts as read with its last slice.
            files=[read.mark] if start == starts[-1] else [],
            delivery=contract.Delivery(newest=delivery.newest, rows=read.rows.height),
        )
        batch = landing.land(tools, arrival)
        assert batch is not None
        batches.append(batch)
    return batches
