"""How a batch lands: decided first, then bronze, then silver, then known.

A batch is on its way from the row in `landings` until the row in `batches`. Between
the two stand two Delta commits, each at most once by the batch's key. Bronze is the
log: what reached it reaches silver, by whoever comes next when this process dies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ondol.kernel.errors import Conflict, NotFound, Unavailable
from ondol.kernel.lazy import lazy
from ondol.lake.rules import contract
from ondol.lake.rules import spec as declared
from ondol.lake.service import checking, quarantine, rollback, silver
from ondol.lake.service.holding import Afloat, abandoned, holder
from ondol.lake.service.silver import Planned, Shore, shore_of, table_of
from ondol.lake.types import Batch, BatchLanded, DatasetSpec
from ondol.lake.types.versions import DatasetRewritten, DatasetVersion, VersionOperation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

Done = TypeVar("Done")

WAIT_SECONDS = 30
_POLL_SECONDS = 0.02


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
    part: dict[str, list[int]] | None = None
    """Replace the rows of this partition, all rows when it is empty; None: land beside them."""
    computed_from: list[str] | None = None
    """The rows were not sent but made from these (ids of the lineage), and replace all rows."""


def bronze(dataset: str) -> str:
    return f"bronze/{dataset}"


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
    shore = shore_of(tools.tables, arrival.dataset)
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
            _check_takes(spec, arrival)
            checked = checked or checking.check(tools, spec, arrival)
            if checked.violations and not whole:
                return None
            if checked.refused:
                return _quarantine(tools, arrival, checked, known)
            planned = _planned(tools, there, shore, checked.usable, arrival.part)
            if planned.conflicts:
                violations = [*checked.violations, *planned.conflicts]
                return _quarantine(tools, arrival, replace(checked, violations=violations), known)
            landing = _plan(tools, arrival, checked, planned, (spec, known))
            with Afloat(landing.batch):
                with tools.transaction(write=True) as inner:
                    _check_source(inner, arrival)
                    mine = repo.begin_landing(inner.connection, landing, there.revision)
                if mine:
                    good = arrival.text if checked.good is None else arrival.text.filter(checked.good)
                    text = good.with_columns(_batch=pl.lit(landing.batch), _landed_at=pl.lit(landing.at))
                    return _write(tools, there, landing, text, planned.rows, shore)


def _check_takes(spec: DatasetSpec, arrival: Arrival) -> None:
    if spec.files or (spec.query and arrival.computed_from is None):
        what = "an index of files" if spec.files else "computed from other datasets"
        raise Conflict(
            f"{spec.name!r} is {what}: no rows are sent to it.", hint=f"`ondol datasets refresh {spec.name}`"
        )


def alone(tools: Tools, dataset: str, how: repo.How, work: Callable[[repo.Stored, repo.Landing], Done]) -> Done:
    """Do something to silver that is no batch, while nobody lands in the dataset."""
    shore = shore_of(tools.tables, dataset)
    deadline = time.monotonic() + WAIT_SECONDS
    with shore.lock:
        while True:
            with tools.transaction(write=False) as inner:
                there = stored(inner, dataset)
                other = repo.find_landing(inner.connection, dataset)
            if other:
                _wait_or_settle(tools, there, other, shore, deadline)
                continue
            landing = _without_rows(tools, dataset, how)
            with Afloat(landing.batch):
                with tools.transaction(write=True) as inner:
                    mine = repo.begin_landing(inner.connection, landing, there.revision)
                if mine:
                    shore.seen = None
                    return work(there, landing)


def _without_rows(tools: Tools, dataset: str, how: repo.How) -> repo.Landing:
    batch = tools.new_id("batch")
    return repo.Landing(
        dataset=dataset,
        batch=batch,
        key=f"{how.operation}:{batch}",
        rows=0,
        landed_rows=0,
        duplicates=0,
        newest=None,
        at=tools.now(),
        origin=how.operation,
        files=[],
        holder=holder(),
        held_since=tools.wall(),
        violations=[],
        refused=[],
        statistics={},
        move=None,
        replaces="",
        how=how,
    )


def settle(tools: Tools, dataset: str) -> None:
    """Bring to its end what a process that is gone left on its way."""
    shore = shore_of(tools.tables, dataset)
    with shore.lock:
        with tools.transaction(write=False) as inner:
            there = stored(inner, dataset)
            left = repo.find_landing(inner.connection, dataset)
        if left and abandoned(left, tools.wall()):
            _take_over(tools, there, left, shore)


def _planned(
    tools: Tools, there: repo.Stored, shore: Shore, usable: pl.DataFrame, part: dict[str, list[int]] | None
) -> Planned:
    if part is None:
        return silver.plan(tools, there, shore, usable)
    return silver.plan_part(there.dataset.spec, usable, part)


def _plan(
    tools: Tools, arrival: Arrival, checked: contract.Checked, planned: Planned, about: tuple[DatasetSpec, Batch | None]
) -> repo.Landing:
    spec, known = about
    batch = tools.new_id("batch")
    operation: repo.Operation = spec.mode if arrival.part is None else "replace"
    if arrival.computed_from is not None:
        operation = "compute"
    return repo.Landing(
        dataset=arrival.dataset,
        batch=batch,
        key=arrival.key,
        rows=arrival.text.height,
        landed_rows=planned.rows.height,
        duplicates=planned.duplicates,
        newest=checked.newest,
        at=tools.now(),
        origin=arrival.origin,
        files=arrival.files,
        holder=holder(),
        held_since=tools.wall(),
        violations=checked.violations,
        refused=quarantine.keep_bad_rows(tools, arrival, checked),
        statistics=checked.statistics,
        move=arrival.move,
        replaces=known.id if known else "",
        how=repo.How(
            operation=operation,
            updated=planned.updated,
            part=arrival.part or {},
            origins=arrival.computed_from or [],
        ),
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


def _write(
    tools: Tools, there: repo.Stored, landing: repo.Landing, text: pl.DataFrame, rows: pl.DataFrame, shore: Shore
) -> Batch:
    """The two Delta commits, then the row that makes the batch known."""
    spec, key = there.dataset.spec, _delta_key(tools, landing)
    bronze_version, silver_version = -1, there.dataset.version
    if text.height and landing.how.operation != "compute":
        bronze_version = tools.tables.append(bronze(spec.name), text, key=key, evolve=True)
    replaces = landing.how.operation in ("replace", "compute")
    if landing.landed_rows or (replaces and silver_version >= 0):
        silver_version = silver.write(tools, spec, landing.how, rows, key)
    measured = silver.measure(tools, spec, silver_version) if replaces and silver_version >= 0 else None
    batch = Batch(
        id=landing.batch,
        dataset=landing.dataset,
        key=landing.key,
        status="landed",
        rows=landing.rows,
        landed_rows=landing.landed_rows,
        duplicates=landing.duplicates,
        updated=landing.how.updated,
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
        rows_now = there.dataset.rows + landing.landed_rows - landing.how.updated
        if measured:
            rows_now, newest = measured
        if landing.replaces:
            repo.replace_batch(inner.connection, landing.replaces, batch)
        repo.insert_batch(inner.connection, batch, newest, inner.now(), rows_now)
        repo.put_files(inner.connection, landing.dataset, landing.batch, landing.files, inner.now())
        repo.put_statistics(inner.connection, batch, landing.statistics)
        repo.move_on(inner.connection, landing.dataset, landing.move, inner.now())
        _record(inner, batch, spec, landing.how.origins if silver_version > there.dataset.version else None)
        if silver_version > there.dataset.version:
            _note_version(inner, batch, landing, rows_now)
        for rest in landing.refused:
            quarantine.note(inner, rest)
        inner.emit(BatchLanded(subject=spec.name, batch=batch.id, rows=batch.landed_rows, version=silver_version))
    if shore.seen is not None and shore.revision == there.revision and spec.key and not replaces:
        shore.seen.add(rows.select(declared.identity(spec)))
        shore.revision = there.revision + 1
    return batch


def _delta_key(tools: Tools, landing: repo.Landing) -> str:
    """What the commits of a batch are known by; another one when a batch of that key was taken back."""
    with tools.transaction(write=False) as inner:
        before = repo.count_rolled_back(inner.connection, landing.dataset, landing.key)
    return f"{landing.dataset}/{landing.key}" + (f"#{before}" if before else "")


def _note_version(tools: Tools, batch: Batch, landing: repo.Landing, rows: int) -> None:
    operation: VersionOperation = "corrected" if batch.updated else "landed"
    if landing.how.operation in ("replace", "compute"):
        operation = "replaced" if landing.how.operation == "replace" else "computed"
    noted = DatasetVersion(
        dataset=batch.dataset,
        version=batch.silver_version,
        at=batch.at,
        operation=operation,
        batch=batch.id,
        rows=rows,
        by=tools.actor,
    )
    repo.insert_version(tools.connection, noted)
    if operation != "landed":
        rewritten = DatasetRewritten(subject=batch.dataset, version=batch.silver_version, operation=operation)
        tools.emit(rewritten)


def _record(tools: Tools, batch: Batch, spec: DatasetSpec, origins: list[str] | None) -> None:
    """`origins`: what the new version was computed from; None when there is no new version."""
    facts = {"rows": batch.rows, "landed": batch.landed_rows, "origin": batch.origin}
    nodes = [Node(id=batch.id, kind="batch", title=f"{batch.dataset}: {batch.key}", facts=facts, at=batch.at)]
    edges = [Edge(made=batch.id, origin=f"dataset:{batch.dataset}", relation="checked_by")]
    if origins is not None:
        table = f"table:{table_of(spec)}@{batch.silver_version}"
        title = f"{table_of(spec)} version {batch.silver_version}"
        nodes.append(Node(id=table, kind="table", title=title, facts={"added_rows": batch.landed_rows}, at=batch.at))
        edges.append(Edge(made=table, origin=batch.id, relation="landed_from"))
        edges += [Edge(made=table, origin=origin, relation="computed_from") for origin in origins]
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


def _wait_or_settle(tools: Tools, there: repo.Stored, landing: repo.Landing, shore: Shore, deadline: float) -> None:
    if abandoned(landing, tools.wall()):
        _take_over(tools, there, landing, shore)
        return
    if time.monotonic() > deadline:
        raise Unavailable(
            f"Another batch ({landing.key!r}) has been landing in {landing.dataset!r} for {WAIT_SECONDS} s.",
            hint="Send the batch again; its key makes that safe.",
        )
    time.sleep(_POLL_SECONDS)


def _take_over(tools: Tools, there: repo.Stored, landing: repo.Landing, shore: Shore) -> None:
    """All of it when bronze has the rows, nothing of it otherwise."""
    with Afloat(landing.batch):
        with tools.transaction(write=True) as inner:
            if not repo.take_over(inner.connection, landing, holder(), inner.wall()):
                return
        shore.seen = None
        if landing.how.operation == "roll_back":
            rollback.finish(tools, there, landing)
            return
        text = _in_bronze(tools, landing)
        # What is computed is computed anew, from the state that was stored.
        if (landing.rows and not text.height) or landing.how.operation == "compute":
            with tools.transaction(write=True) as inner:
                repo.end_landing(inner.connection, landing)
            return
        # When silver has the rows already, none is left, and the key answers with the version of then.
        rows = contract.usable_rows(there.dataset.spec, text)
        part = landing.how.part if landing.how.operation == "replace" else None
        _write(tools, there, landing, text, _planned(tools, there, shore, rows, part).rows, shore)


def _in_bronze(tools: Tools, landing: repo.Landing) -> pl.DataFrame:
    if not tools.tables.exists(bronze(landing.dataset)):
        return pl.DataFrame()
    return tools.tables.scan(bronze(landing.dataset)).filter(pl.col("_batch") == landing.batch).collect()
