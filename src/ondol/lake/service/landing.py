"""How a batch lands: decided first, then bronze, then silver, then known.

A batch is on its way from the row in `landings` until the row in `batches`. Between
the two stand two Delta commits, each at most once by the batch's key. Bronze is the
log: what reached it reaches silver, by whoever comes next when this process dies.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ondol.kernel.errors import Conflict, NotFound, Unavailable
from ondol.kernel.lazy import lazy
from ondol.lake.rules import contract
from ondol.lake.rules import spec as declared
from ondol.lake.rules.seen import SeenKeys
from ondol.lake.service import checking, quarantine
from ondol.lake.types import Batch, BatchLanded, DatasetSpec
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tables import Tables
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

WAIT_SECONDS = 30
_POLL_SECONDS = 0.02
# How long another machine's batch may be on its way before it counts as abandoned; on this
# machine it does as soon as its process is gone.
_LEASE_SECONDS = 120
_HOST = socket.gethostname()
_TOKEN = secrets.token_hex(4)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A batch as it stands at the door. `originals` are the rows as they were sent, when they were sent as rows.
    `move`: how much further its source has been read with it."""

    dataset: str
    key: str
    text: pl.DataFrame
    origin: str
    originals: Sequence[dict[str, Any]] | None = None
    files: list[repo.SourceFile] = field(default_factory=list)
    delivery: contract.Delivery | None = None
    move: repo.Move | None = None


class _Shore:
    """What this process knows of a dataset's silver keys; one landing of a thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seen: SeenKeys | None = None
        self.revision = -1


_shores: WeakKeyDictionary[Tables, dict[str, _Shore]] = WeakKeyDictionary()
_guard = threading.Lock()
_afloat: set[str] = set()
"""The batches that threads of this process are landing."""


def bronze(dataset: str) -> str:
    return f"bronze/{dataset}"


def silver(dataset: str) -> str:
    return f"silver/{dataset}"


def stored(tools: Tools, dataset: str) -> repo.Stored:
    """The dataset, in the open transaction; `NotFound` says which name is nearest."""
    if found := repo.find_dataset(tools.connection, dataset):
        return found
    hint = declared.near(dataset, repo.dataset_names(tools.connection))
    raise NotFound(f"There is no dataset {dataset!r}.", hint=hint or "`ondol datasets list` shows them.")


def land(tools: Tools, arrival: Arrival, *, whole: bool = True) -> Batch | None:
    """Bring a batch into the lake, or into quarantine; the batch of then when its key has landed before.

    A key that was refused may come again: when its rows keep the contract now, they take the refused ones' place.

    Without `whole`, a batch that breaks its contract is left alone and the answer is
    None, so that the caller can send its parts.
    """
    shore = _shore(tools.tables, arrival.dataset)
    deadline = time.monotonic() + WAIT_SECONDS
    checked: contract.Checked | None = None
    with shore.lock:
        while True:
            with tools.transaction(write=False) as inner:
                there = stored(inner, arrival.dataset)
                known = repo.find_batch_by_key(inner.connection, arrival.dataset, arrival.key)
                other = repo.find_landing(inner.connection, arrival.dataset)
            if known and known.status == "landed":
                return known
            if other:
                _wait_or_settle(tools, there, other, shore, deadline)
                continue
            spec = there.dataset.spec
            checked = checked or checking.check(tools, spec, arrival)
            if checked.violations and not whole:
                return None
            if checked.refused:
                return _quarantine(tools, arrival, checked, known)
            rows = _unseen(tools, there, shore, checked.usable)
            landing = _plan(tools, arrival, checked, rows.height, known)
            with _Afloat(landing.batch):
                with tools.transaction(write=True) as inner:
                    _check_source(inner, arrival)
                    mine = repo.begin_landing(inner.connection, landing, there.revision)
                if mine:
                    good = arrival.text if checked.good is None else arrival.text.filter(checked.good)
                    text = good.with_columns(_batch=pl.lit(landing.batch), _landed_at=pl.lit(landing.at))
                    return _write(tools, there, landing, text, rows, shore)


def settle(tools: Tools, dataset: str) -> None:
    """Bring to its end what a process that is gone left on its way."""
    shore = _shore(tools.tables, dataset)
    with shore.lock:
        with tools.transaction(write=False) as inner:
            there = stored(inner, dataset)
            left = repo.find_landing(inner.connection, dataset)
        if left and _abandoned(left, tools.wall()):
            _take_over(tools, there, left, shore)


class _Afloat:
    def __init__(self, batch: str) -> None:
        self.batch = batch

    def __enter__(self) -> None:
        _afloat.add(self.batch)

    def __exit__(self, *_error: object) -> None:
        _afloat.discard(self.batch)


def _shore(tables: Tables, dataset: str) -> _Shore:
    with _guard:
        return _shores.setdefault(tables, {}).setdefault(dataset, _Shore())


def _plan(tools: Tools, arrival: Arrival, checked: contract.Checked, landed: int, known: Batch | None) -> repo.Landing:
    batch = tools.new_id("batch")
    return repo.Landing(
        dataset=arrival.dataset,
        batch=batch,
        key=arrival.key,
        rows=arrival.text.height,
        landed_rows=landed,
        duplicates=checked.usable.height - landed,
        newest=checked.newest,
        at=tools.now(),
        origin=arrival.origin,
        files=arrival.files,
        holder=_holder(),
        held_since=tools.wall(),
        violations=checked.violations,
        refused=quarantine.keep_bad_rows(tools, arrival, checked),
        statistics=checked.statistics,
        move=arrival.move,
        replaces=known.id if known else "",
    )


def _check_source(tools: Tools, arrival: Arrival) -> None:
    """Two processes that look at a source at once must not both bring the same rows."""
    if arrival.files:
        known = repo.select_files(tools.connection, arrival.dataset)
        for file in arrival.files:
            if file.path in known and known[file.path].digest == file.digest:
                raise Conflict(
                    f"{file.path} was just read by somebody else.",
                    hint=f"Look again: `ondol datasets refresh {arrival.dataset}`.",
                )
    if arrival.move and not repo.is_at(tools.connection, arrival.dataset, arrival.move):
        raise Conflict(
            f"The source of {arrival.dataset!r} was just read by somebody else.",
            hint=f"Look again: `ondol datasets refresh {arrival.dataset}`.",
        )


def _unseen(tools: Tools, there: repo.Stored, shore: _Shore, usable: pl.DataFrame) -> pl.DataFrame:
    """The rows whose keys silver does not have, reading silver only when somebody else wrote to it."""
    key = there.dataset.spec.key
    if not key:
        return usable
    if shore.seen is None or shore.revision != there.revision:
        name = silver(there.dataset.name)
        if tools.tables.exists(name):
            shore.seen = SeenKeys(tools.tables.scan(name).select(key).collect())
        else:
            shore.seen = SeenKeys(usable.select(key).clear())
        shore.revision = there.revision
    if not usable.height:
        return usable
    return usable.filter(shore.seen.unseen(usable.select(key)))


def _write(
    tools: Tools, there: repo.Stored, landing: repo.Landing, text: pl.DataFrame, rows: pl.DataFrame, shore: _Shore
) -> Batch:
    """The two Delta commits, then the row that makes the batch known."""
    spec, key = there.dataset.spec, f"{landing.dataset}/{landing.key}"
    bronze_version, silver_version = -1, there.dataset.version
    if text.height:
        bronze_version = tools.tables.append(bronze(spec.name), text, key=key, evolve=True)
    if landing.landed_rows:
        silver_version = tools.tables.append(
            silver(spec.name),
            declared.partitioned(rows, spec),
            key=key,
            partition_by=declared.partition_columns(spec) or None,
            evolve=True,
        )
    batch = Batch(
        id=landing.batch,
        dataset=landing.dataset,
        key=landing.key,
        status="landed",
        rows=landing.rows,
        landed_rows=landing.landed_rows,
        duplicates=landing.duplicates,
        at=landing.at,
        origin=landing.origin,
        bronze_version=bronze_version,
        silver_version=silver_version,
        refused_rows=sum(one.rows for one in landing.refused),
        violations=landing.violations,
    )
    with tools.transaction(write=True) as inner:
        if not repo.end_landing(inner.connection, landing):
            raise Unavailable(f"The batch {landing.key!r} was taken over meanwhile.", hint="Send it again.")
        # Nobody else lands in this dataset meanwhile, so what was read before is still true.
        newest = max((one for one in (there.dataset.newest, landing.newest) if one), default=None)
        if landing.replaces:
            repo.replace_batch(inner.connection, landing.replaces, batch)
        repo.insert_batch(inner.connection, batch, newest, inner.now())
        repo.put_files(inner.connection, landing.dataset, landing.batch, landing.files, inner.now())
        repo.put_statistics(inner.connection, batch, landing.statistics)
        repo.move_on(inner.connection, landing.dataset, landing.move, inner.now())
        _record(inner, batch, spec)
        for rest in landing.refused:
            quarantine.note(inner, rest)
        inner.emit(BatchLanded(subject=spec.name, batch=batch.id, rows=batch.landed_rows, version=silver_version))
    if shore.seen is not None and shore.revision == there.revision and spec.key:
        shore.seen.add(rows.select(spec.key))
        shore.revision = there.revision + 1
    return batch


def _record(tools: Tools, batch: Batch, spec: DatasetSpec) -> None:
    facts = {"rows": batch.rows, "landed": batch.landed_rows, "origin": batch.origin}
    nodes = [Node(id=batch.id, kind="batch", title=f"{batch.dataset}: {batch.key}", facts=facts, at=batch.at)]
    edges = [Edge(made=batch.id, origin=f"dataset:{batch.dataset}", relation="checked_by")]
    if batch.landed_rows:
        table = f"table:{silver(batch.dataset)}@{batch.silver_version}"
        title = f"{silver(batch.dataset)} version {batch.silver_version}"
        nodes.append(Node(id=table, kind="table", title=title, facts={"added_rows": batch.landed_rows}, at=batch.at))
        edges.append(Edge(made=table, origin=batch.id, relation="landed_from"))
    lineage.record(tools, nodes=nodes, edges=edges)


def _quarantine(tools: Tools, arrival: Arrival, checked: contract.Checked, known: Batch | None) -> Batch:
    """Keep the rows as they came, and why they were refused."""
    if known and quarantine.holds(tools, known, arrival):
        return quarantine.still_refused(tools, known, checked.violations)
    batch = quarantine.keep_all(tools, arrival, checked.violations)
    with tools.transaction(write=True) as inner:
        there = repo.find_batch_by_key(inner.connection, arrival.dataset, arrival.key)
        if there and there.id != (known.id if known else ""):
            return there
        _check_source(inner, arrival)
        if there:
            repo.replace_batch(inner.connection, there.id, batch)
        quarantine.note(inner, batch)
        repo.put_files(inner.connection, arrival.dataset, batch.id, arrival.files, inner.now())
        repo.move_on(inner.connection, arrival.dataset, arrival.move, inner.now())
    return batch


def _wait_or_settle(tools: Tools, there: repo.Stored, landing: repo.Landing, shore: _Shore, deadline: float) -> None:
    if _abandoned(landing, tools.wall()):
        _take_over(tools, there, landing, shore)
        return
    if time.monotonic() > deadline:
        raise Unavailable(
            f"Another batch ({landing.key!r}) has been landing in {landing.dataset!r} for {WAIT_SECONDS} s.",
            hint="Send the batch again; its key makes that safe.",
        )
    time.sleep(_POLL_SECONDS)


def _take_over(tools: Tools, there: repo.Stored, landing: repo.Landing, shore: _Shore) -> None:
    """All of it when bronze has the rows, nothing of it otherwise."""
    with _Afloat(landing.batch):
        with tools.transaction(write=True) as inner:
            if not repo.take_over(inner.connection, landing, _holder(), inner.wall()):
                return
        shore.seen = None
        text = _in_bronze(tools, landing)
        if landing.rows and not text.height:
            with tools.transaction(write=True) as inner:
                repo.end_landing(inner.connection, landing)
            return
        # When silver has the rows already, none is left, and the key answers with the version of then.
        rows = contract.usable_rows(there.dataset.spec, text)
        _write(tools, there, landing, text, _unseen(tools, there, shore, rows), shore)


def _in_bronze(tools: Tools, landing: repo.Landing) -> pl.DataFrame:
    if not tools.tables.exists(bronze(landing.dataset)):
        return pl.DataFrame()
    return tools.tables.scan(bronze(landing.dataset)).filter(pl.col("_batch") == landing.batch).collect()


def _holder() -> str:
    return f"{_HOST} {os.getpid()} {_TOKEN}"


def _abandoned(landing: repo.Landing, now: datetime) -> bool:
    """Whether nobody works on it any more."""
    host, process, token = landing.holder.rsplit(" ", 2)
    if (now - landing.held_since).total_seconds() > _LEASE_SECONDS:
        return True
    if host != _HOST:
        return False
    if int(process) == os.getpid():
        return token != _TOKEN or landing.batch not in _afloat
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
