"""Files of a source: which are new, and how they travel together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting, contract, text
from ondol.lake.service import landing
from ondol.lake.types import Batch, DatasetSpec, RefreshReport
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

ROWS_TOGETHER = 200_000
"""Small files land together up to this many rows; a larger file lands in slices of this size."""


@dataclass(frozen=True, kw_only=True)
class _Read:
    mark: repo.SourceFile
    rows: pl.DataFrame


def refresh(tools: Tools, dataset: str) -> RefreshReport:
    """Land what is new in the dataset's source. Each content of each file is brought once."""
    landing.settle(tools, dataset)
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset)
        known = repo.select_files(inner.connection, dataset)
    spec = there.dataset.spec
    if spec.source is None:
        raise Conflict(f"The dataset {dataset!r} has no source.", hint="Declare one, or send rows: datasets.append.")
    if not there.root:
        raise Conflict(f"The dataset {dataset!r} was declared without a folder.", hint="Declare it with `root`.")
    root = Path(there.root)
    files = _find(root, spec.source.path)
    fresh = [read for file in files if (read := _read(tools, spec, root, file, known))]
    newest = _newest(spec, fresh)
    batches: list[Batch] = []
    for group in _groups(fresh):
        batches += _land_group(tools, dataset, group, newest)
    with tools.transaction(write=False) as inner:
        version = landing.stored(inner, dataset).dataset.version
    return RefreshReport(dataset=dataset, files=len(files), new_files=len(fresh), batches=batches, version=version)


def _find(root: Path, pattern: str) -> list[Path]:
    """The files, in order of their paths. A file that a link leads out of the project's folder is `Refused`."""
    home = root.resolve()
    found = sorted(file for file in root.glob(pattern) if file.is_file())
    for file in found:
        if not file.resolve().is_relative_to(home):
            raise Refused(f"{file.relative_to(root)} leads out of the project's folder.", hint="Copy the file into it.")
    if not found and not any(mark in pattern for mark in "*?["):
        raise NotFound(f"There is no file {pattern!r} below {root}.", hint="Look at `source.path` of the dataset.")
    return found


def _read(tools: Tools, spec: DatasetSpec, root: Path, file: Path, known: dict[str, repo.SourceFile]) -> _Read | None:
    """The rows of a file whose content we have not seen; unchanged files are not even opened."""
    path, state = file.relative_to(root).as_posix(), file.stat()
    before = known.get(path)
    if before and (before.size, before.modified_ns) == (state.st_size, state.st_mtime_ns):
        return None
    content = file.read_bytes()
    mark = repo.SourceFile(
        path=path,
        size=len(content),
        modified_ns=state.st_mtime_ns,
        digest=hashlib.sha256(content).hexdigest(),
    )
    if before and before.digest == mark.digest:
        with tools.transaction(write=True) as inner:
            repo.touch_file(inner.connection, spec.name, mark)
        return None
    assert spec.source is not None
    try:
        return _Read(mark=mark, rows=_parse(content, spec.source.format))
    except (pl.exceptions.PolarsError, msgspec.MsgspecError) as error:
        reason = str(error).partition("\n")[0]
        raise Invalid(f"{path} is no {spec.source.format} file we can read: {reason}") from error


def _parse(content: bytes, form: str) -> pl.DataFrame:
    if form == "json":
        return text.text_of_json(content)
    if form == "parquet":
        return text.text_of_frame(pl.read_parquet(content))
    if not content.strip():
        return pl.DataFrame()
    return pl.read_csv(content, infer_schema=False)


def _newest(spec: DatasetSpec, fresh: list[_Read]) -> datetime | None:
    """The latest moment of the whole delivery: it is fresh when its freshest part is."""
    columns = {rule.column or spec.time for rule in spec.contract if rule.kind == "fresh"}
    if len(columns) != 1:
        return None
    column = columns.pop()
    moments = [
        contract.newest_of(casting.typed(read.rows.select(column), {column: spec.columns[column]})[0], column)
        for read in fresh
        if column in read.rows.columns
    ]
    return max((moment for moment in moments if moment), default=None)


def _groups(fresh: list[_Read]) -> Iterator[list[_Read]]:
    """Neighbours with the same columns, together at most `ROWS_TOGETHER` rows, unless a single file has more."""
    group: list[_Read] = []
    for read in fresh:
        together = sum(one.rows.height for one in group) + read.rows.height
        if group and (together > ROWS_TOGETHER or read.rows.columns != group[0].rows.columns):
            yield group
            group = []
        group.append(read)
    if group:
        yield group


def _land_group(tools: Tools, dataset: str, group: list[_Read], newest: datetime | None) -> list[Batch]:
    """One batch for the group; one for each file when a rule is broken: a bad file takes no good one with it."""
    if len(group) == 1:
        return _land_file(tools, dataset, group[0], newest)
    marks = [read.mark for read in group]
    listed = "\n".join(f"{mark.digest} {mark.path}" for mark in marks)
    arrival = landing.Arrival(
        dataset=dataset,
        key=f"files:{hashlib.sha256(listed.encode()).hexdigest()[:32]}",
        text=pl.concat([read.rows for read in group]),
        origin=f"{len(marks)} files: {marks[0].path} .. {marks[-1].path}",
        files=marks,
        newest=newest,
    )
    batch = landing.land(tools, arrival, whole=False)
    if batch:
        return [batch]
    return [batch for read in group for batch in _land_file(tools, dataset, read, newest)]


def _land_file(tools: Tools, dataset: str, read: _Read, newest: datetime | None) -> list[Batch]:
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
            newest=newest,
        )
        batch = landing.land(tools, arrival)
        assert batch is not None
        batches.append(batch)
    return batches
