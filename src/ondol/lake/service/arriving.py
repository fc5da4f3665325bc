"""Looking at sources: what is new arrives, and how far they were read is stored with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Conflict, NotFound, OndolError
from ondol.kernel.lazy import lazy
from ondol.kernel.spans import parse_duration
from ondol.lake.rules import sources, text
from ondol.lake.service import files, landing, trees
from ondol.lake.types import Batch, DatasetSpec, FileSource, RefreshReport, Source, SourceState
from ondol.ports.sources import FoundFile, Piece, SourceRequest
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.lake import repo
else:
    repo = lazy("ondol.lake.repo")


_NOTED_EVERY = timedelta(minutes=1)


def refresh(tools: Tools, dataset: str) -> RefreshReport:
    """Land what is new in the dataset's source, and note how the look ended."""
    landing.settle(tools, dataset)
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset)
    source = there.dataset.spec.source
    if source is None and there.dataset.spec.files:
        return _look_at_tree(tools, dataset)
    if source is None:
        raise Conflict(f"The dataset {dataset!r} has no source.", hint="Declare one, or send rows: datasets.append.")
    try:
        report = _look(tools, there, source)
    except Conflict:
        raise  # Somebody else looks, or writes, right now: that says nothing of the source.
    except OndolError as error:
        _note(tools, dataset, source, error.message)
        if dataset in error.message:
            raise
        raise type(error)(f"{dataset}: {error.message}", hint=error.hint, details=error.details) from error
    _note(tools, dataset, source, "")
    return report


def _look(tools: Tools, there: repo.Stored, source: Source) -> RefreshReport:
    if not isinstance(source, FileSource):
        return _read(tools, there, source)
    if source.format == "tree":
        return _look_at_tree(tools, there.dataset.name)
    return files.refresh(tools, there, source)


def _look_at_tree(tools: Tools, dataset: str) -> RefreshReport:
    """The folder as it is now is the newest version; bytes that are stored already stay where they are."""
    added = trees.add(tools, dataset)
    new = added.added + added.changed
    return RefreshReport(dataset=dataset, files=added.files, new_files=new, batches=[], version=added.version)


def _read(tools: Tools, there: repo.Stored, source: Source) -> RefreshReport:
    """Piece after piece, each with the position after it in one transaction."""
    spec = there.dataset.spec
    identity = sources.identity_of(source)
    with tools.transaction(write=False) as inner:
        here = repo.standing(inner.connection, spec.name, identity)
    position = here.position
    request = SourceRequest(
        kind=_kind(source),
        how=msgspec.to_builtins(source),
        position=position,
        key=spec.key,
        now=tools.wall(),
        root=there.root,
    )
    batches: list[Batch] = []
    for piece in tools.sources.read(request):
        move = repo.Move(identity=identity, epoch=here.epoch, before=position, after=piece.position)
        if batch := _land(tools, spec, piece, move):
            batches.append(batch)
        position = piece.position
    with tools.transaction(write=False) as inner:
        version = landing.stored(inner, spec.name).dataset.version
    return RefreshReport(dataset=spec.name, files=0, new_files=0, batches=batches, version=version)


def _land(tools: Tools, spec: DatasetSpec, piece: Piece, move: repo.Move) -> Batch | None:
    if not piece.rows:
        if move.before != move.after:
            with tools.transaction(write=True) as inner:
                repo.move_on(inner.connection, spec.name, move, inner.now())
        return None
    steps = msgspec.json.encode([move.identity, move.epoch, move.before, move.after, piece.rows], order="sorted")
    arrival = landing.Arrival(
        dataset=spec.name,
        key=f"source:{hashlib.sha256(steps).hexdigest()[:32]}",
        text=text.text_of_rows(piece.rows),
        origin=piece.origin,
        move=move,
    )
    return landing.land(tools, arrival)


def _kind(source: Source) -> str:
    return str(msgspec.to_builtins(source)["kind"])


def _note(tools: Tools, dataset: str, source: Source, error: str) -> None:
    """How the look ended. Of looks that bring nothing, every few seconds, the one of this minute is enough."""
    identity = sources.identity_of(source)
    with tools.transaction(write=False) as inner:
        here = repo.standing(inner.connection, dataset, identity)
        recent = here.looked_at is not None and abs(inner.now() - here.looked_at) < _NOTED_EVERY
    if recent and here.error == error:
        return
    with tools.transaction(write=True) as inner:
        here = repo.standing(inner.connection, dataset, identity)
        repo.put_position(inner.connection, msgspec.structs.replace(here, looked_at=inner.now(), error=error))


def reset(tools: Tools, dataset: str) -> SourceState:
    """Forget how far the source was read."""
    there = landing.stored(tools, dataset)
    source = there.dataset.spec.source
    if source is None or isinstance(source, FileSource):
        raise Conflict(
            f"The source of {dataset!r} has no position: {'files are known by their content' if source else 'none'}.",
            hint=f"`ondol sources get {dataset}`" if source else "`ondol sources list` shows those that have one.",
        )
    here = repo.standing(tools.connection, dataset, sources.identity_of(source))
    anew = msgspec.structs.replace(here, epoch=here.epoch + 1, position={}, looked_at=None, error="")
    repo.put_position(tools.connection, anew)
    return states(tools)[dataset]


def states(tools: Tools) -> dict[str, SourceState]:
    """Of every dataset with a source."""
    positions = repo.select_positions(tools.connection)
    found = {}
    for dataset in repo.select_datasets(tools.connection):
        source = dataset.spec.source
        if source is None:
            continue
        there = positions.get(dataset.name)
        same = there and there.identity == sources.identity_of(source)
        found[dataset.name] = SourceState(
            dataset=dataset.name,
            kind=_kind(source),
            address=sources.address_of(source),
            position=there.position if there and same else {},
            looked_at=there.looked_at if there else None,
            error=there.error if there else "",
        )
    return found


def state_of(tools: Tools, dataset: str) -> SourceState:
    landing.stored(tools, dataset)
    if found := states(tools).get(dataset):
        return found
    raise NotFound(f"The dataset {dataset!r} has no source.", hint="`ondol sources list` shows those that have.")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When the house looks at a source by itself: from `due_at` on (None: never), and whenever a file is new."""

    dataset: str
    due_at: datetime | None
    every: timedelta | None
    watch: bool


def plans(tools: Tools) -> list[Plan]:
    """Of the sources that the house looks at by itself."""
    positions = repo.select_positions(tools.connection)
    found = []
    for dataset in repo.select_datasets(tools.connection):
        source = dataset.spec.source
        if source is None:
            continue
        watch = isinstance(source, FileSource) and source.watch
        every = parse_duration(source.every) if source.every else None
        looked = positions[dataset.name].looked_at if dataset.name in positions else None
        if watch or every:
            due_at = None if every is None else looked + every if looked else dataset.updated_at
            found.append(Plan(dataset=dataset.name, due_at=due_at, every=every, watch=watch))
    return found


def listing(tools: Tools, dataset: str) -> list[FoundFile]:
    """The files of a dataset's source, as a listing shows them now."""
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset)
    source = there.dataset.spec.source
    return files.find(tools, there, source) if isinstance(source, FileSource) else []


def unread(tools: Tools, dataset: str, listed: list[FoundFile]) -> list[FoundFile]:
    """Those that are not as they were when they were read; a tree knows that of itself."""
    with tools.transaction(write=False) as inner:
        source = landing.stored(inner, dataset).dataset.spec.source
    if isinstance(source, FileSource) and source.format == "tree":
        return listed
    return files.new_ones(tools, dataset, listed)
