"""Datasets: declare, fill, look at, and read from the rooms above."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.clock import parse_moment
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake.rules import casting, contract, text
from ondol.lake.rules import spec as declared
from ondol.lake.service import arriving, checking, derived, landing, quarantine, silver, suggesting
from ondol.lake.types import (
    AppendBatch,
    Batch,
    Dataset,
    DatasetSpec,
    DeclareDataset,
    DiscardBatch,
    GetBatch,
    GetDataset,
    GetQuarantinedRows,
    GetSource,
    ListBatches,
    ListDatasets,
    ListSources,
    Preview,
    PreviewDataset,
    QuarantinedRows,
    RefreshDataset,
    RefreshReport,
    ResetSource,
    RetryBatch,
    SourceState,
    SuggestDataset,
    SuggestedDataset,
    ValidateDataset,
    ValidationReport,
)
from ondol.lineage import service as lineage
from ondol.lineage.types import Node
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

ROW_LIMIT = 1000
KEY_LENGTH = 200


@operation("datasets.declare", "POST", "/v1/datasets", scope="admin")
def declare_dataset(tools: Tools, request: DeclareDataset) -> Dataset:
    """Declare a dataset, or change its declaration in a way that rows which have landed allow.

    A source says which folders, addresses and variables the house reads: as much as applying a project may say.
    """
    spec = request.spec
    declared.check_spec(spec)
    if spec.query:
        derived.check(tools, spec)
    before = repo.find_dataset(tools.connection, spec.name)
    if before is None:
        repo.insert_dataset(tools.connection, spec, request.root, tools.now())
    elif (before.dataset.spec, before.root) != (spec, request.root):
        if before.dataset.batches:
            declared.check_change(before.dataset.spec, spec)
        repo.update_spec(tools.connection, spec, request.root, tools.now())
    if before is None or before.dataset.spec != spec:
        facts = {"columns": len(spec.columns), "key": spec.key, "contract": len(spec.contract)}
        lineage.record(
            tools, nodes=[Node(id=f"dataset:{spec.name}", kind="dataset", title=f"dataset {spec.name}", facts=facts)]
        )
    return landing.stored(tools, spec.name).dataset


@operation("datasets.list", "GET", "/v1/datasets", scope="read")
def list_datasets(tools: Tools, request: ListDatasets) -> list[Dataset]:
    """All datasets, by name."""
    return repo.select_datasets(tools.connection)


@operation("datasets.get", "GET", "/v1/datasets/{dataset}", scope="read")
def get_dataset(tools: Tools, request: GetDataset) -> Dataset:
    """A dataset: its declaration and how much has landed."""
    return landing.stored(tools, request.dataset).dataset


@operation("datasets.append", "POST", "/v1/datasets/{dataset}/batches", scope="write", long=True)
def append_batch(tools: Tools, request: AppendBatch) -> Batch:
    """Land rows in bronze and silver; the same key lands once, however often it is sent.

    A batch that breaks the contract is kept in quarantine and refused with a report of rule, column and
    rows; where the contract says `go_on`, its good rows land without the bad ones. A refused key may be sent
    again with mended rows.
    """
    if not request.key or len(request.key) > KEY_LENGTH:
        raise Invalid(
            f"key: {len(request.key)} characters; a batch needs 1 to {KEY_LENGTH}.",
            hint="Take what makes the batch this one, like the day it is for.",
        )
    arrival = landing.Arrival(
        dataset=request.dataset,
        key=request.key,
        text=text.text_of_rows(request.rows),
        origin="rows",
        originals=request.rows,
    )
    batch = landing.land(tools, arrival)
    assert batch is not None
    if batch.status == "quarantined":
        raise quarantine.refused(batch)
    return batch


@operation("datasets.refresh", "POST", "/v1/datasets/{dataset}/refresh", scope="write", long=True)
def refresh_dataset(tools: Tools, request: RefreshDataset) -> RefreshReport:
    """Land what is new in the dataset's source: files, a table of a database, an API, a topic.

    Each row arrives once, also after a crash: how far the source was read is stored together with the rows. What
    breaks the contract is in the report as quarantined batches; the other batches land.
    """
    spec = spec_of(tools, request.dataset)
    if spec.query:
        return derived.compute(tools, request.dataset)
    return arriving.refresh(tools, request.dataset)


@operation("datasets.suggest", "GET", "/v1/datasets/{dataset}/suggestion", scope="read", long=True)
def suggest_dataset(tools: Tools, request: SuggestDataset) -> SuggestedDataset:
    """Columns, key, time and a contract for a dataset, from its rows, as lines of a project file."""
    rows = scan(tools, request.dataset).head(suggesting.ROWS_READ).collect()
    return suggesting.suggestion(request.dataset, text.text_of_frame(rows), "")


@operation("sources.list", "GET", "/v1/sources", scope="read")
def list_sources(tools: Tools, request: ListSources) -> list[SourceState]:
    """Where datasets come from: how far each source was read, when it was looked at, and how that ended."""
    return list(arriving.states(tools).values())


@operation("sources.get", "GET", "/v1/datasets/{dataset}/source", scope="read")
def get_source(tools: Tools, request: GetSource) -> SourceState:
    """How far a dataset's source was read, when it was looked at, and how that ended."""
    return arriving.state_of(tools, request.dataset)


@operation("sources.reset", "POST", "/v1/datasets/{dataset}/source/reset", scope="write")
def reset_source(tools: Tools, request: ResetSource) -> SourceState:
    """Read a source from its beginning again at the next look; rows whose keys have landed are dropped then."""
    return arriving.reset(tools, request.dataset)


@operation("datasets.validate", "POST", "/v1/datasets/{dataset}/validations", scope="write", long=True)
def validate_dataset(tools: Tools, request: ValidateDataset) -> ValidationReport:
    """Hold all rows of a silver version against the contract as it is declared now."""
    spec = spec_of(tools, request.dataset)
    version = request.version if request.version >= 0 else current_version(tools, request.dataset)
    rows = scan(tools, request.dataset, version).collect()
    violations = contract.check_silver(spec, rows, tools.now(), checking.known(tools, spec))
    return ValidationReport(
        dataset=request.dataset,
        version=version,
        rows=rows.height,
        passed=all(violation.action == "warn" for violation in violations),
        violations=violations,
    )


@operation("datasets.preview", "GET", "/v1/datasets/{dataset}/preview", scope="read", long=True)
def preview_dataset(tools: Tools, request: PreviewDataset) -> Preview:
    """The first rows of a version, the newest or that of a moment, and the table's history."""
    _check_limit(request.limit)
    spec = spec_of(tools, request.dataset)
    layer = request.layer or spec.layer
    if layer not in ("bronze", spec.layer):
        raise Invalid(f"layer is {layer!r}; {spec.name!r} is kept in bronze and in {spec.layer}.")
    table, version = f"{layer}/{spec.name}", request.version
    if request.at:
        version = version_at(tools, spec.name, layer, parse_moment(request.at))
    elif version < 0 and layer != "bronze":
        version = current_version(tools, spec.name)
    elif version < 0 and tools.tables.exists(table):
        version = tools.tables.version(table)
    if version < 0:
        return Preview(table=table, version=-1, columns={}, rows=[], history=[])
    if layer != "bronze":
        _check_kept(tools, spec.name, version)
    rows = tools.tables.scan(table, version=version).head(request.limit).collect()
    return Preview(
        table=table,
        version=version,
        columns={name: str(dtype) for name, dtype in rows.schema.items()},
        rows=rows.to_dicts(),
        history=[msgspec.structs.asdict(entry) for entry in tools.tables.history(table, 20)],
    )


@operation("batches.list", "GET", "/v1/datasets/{dataset}/batches", scope="read")
def list_batches(tools: Tools, request: ListBatches) -> list[Batch]:
    """The batches of a dataset, the newest first."""
    _check_limit(request.limit)
    if request.status not in ("", "landed", "quarantined", "replaced", "discarded", "rolled_back"):
        raise Invalid(f"status is {request.status!r}; it is landed, quarantined, replaced, discarded or rolled_back.")
    landing.stored(tools, request.dataset)
    return repo.select_batches(tools.connection, request.dataset, request.status, request.limit)


@operation("batches.get", "GET", "/v1/batches/{batch}", scope="read")
def get_batch(tools: Tools, request: GetBatch) -> Batch:
    """A batch, with the report of why it was refused if it was."""
    return quarantine.found(tools, request.batch)


@operation("batches.rows", "GET", "/v1/batches/{batch}/rows", scope="read", long=True)
def quarantined_rows(tools: Tools, request: GetQuarantinedRows) -> QuarantinedRows:
    """The refused rows of a batch, as they came: to be mended and sent again."""
    _check_limit(request.limit)
    with tools.transaction(write=False) as inner:
        batch = quarantine.found(inner, request.batch)
    return quarantine.rows_of(tools, batch, request.offset, request.limit)


@operation("batches.retry", "POST", "/v1/batches/{batch}/retry", scope="write", long=True)
def retry_batch(tools: Tools, request: RetryBatch) -> Batch:
    """Bring a batch out of quarantine, after its contract or its rows were mended.

    It is held against the contract of now; refused again, it stays where it is and its report is the new one.
    """
    batch = quarantine.in_quarantine(tools, request.batch)
    if request.rows is None:
        frame, rows = quarantine.frame_of(tools, batch)
    else:
        frame, rows = text.text_of_rows(request.rows), request.rows
    arrival = landing.Arrival(dataset=batch.dataset, key=batch.key, text=frame, origin=batch.origin, originals=rows)
    landed = landing.land(tools, arrival)
    assert landed is not None
    if landed.status == "quarantined":
        raise quarantine.refused(landed)
    return landed


@operation("batches.discard", "POST", "/v1/batches/{batch}/discard", scope="write")
def discard_batch(tools: Tools, request: DiscardBatch) -> Batch:
    """Give up a quarantined batch. Its rows are kept, but it counts no longer as one that waits."""
    repo.discard_batch(tools.connection, quarantine.in_quarantine(tools, request.batch))
    return quarantine.found(tools, request.batch)


def spec_of(tools: Tools, dataset: str) -> DatasetSpec:
    """How a dataset is declared; `NotFound` names the nearest one."""
    with tools.transaction(write=False) as inner:
        return landing.stored(inner, dataset).dataset.spec


def current_version(tools: Tools, dataset: str) -> int:
    """The silver version after the last batch that landed, from SQL alone; -1 before the first."""
    with tools.transaction(write=False) as inner:
        return landing.stored(inner, dataset).dataset.version


def version_at(tools: Tools, dataset: str, layer: str, moment: datetime) -> int:
    """The version that was the newest at a moment, by the clock of the house; -1 before the first."""
    with tools.transaction(write=False) as inner:
        landing.stored(inner, dataset)
        if layer == "bronze":
            last = repo.find_batch_at(inner.connection, dataset, moment)
            return last.bronze_version if last else -1
        found = repo.find_version_at(inner.connection, dataset, moment)
    return found.version if found else -1


def column_types(tools: Tools, dataset: str) -> dict[str, str]:
    """The declared columns of silver, their types as Polars calls them."""
    return {name: str(casting.polars_type(kind)) for name, kind in spec_of(tools, dataset).columns.items()}


def scan(tools: Tools, dataset: str, version: int | None = None, *, at: datetime | None = None) -> pl.LazyFrame:
    """The declared columns, typed, lazily: of a version, of the version at a moment, or after the last batch.

    Empty before the first batch. A column that was declared later than the version is null. Where
    corrections are kept beside what they correct, all of them are there.
    """
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset).dataset
    wanted = there.version if version is None else version
    if at is not None:
        wanted = version_at(tools, dataset, there.spec.layer, at)
    if 0 <= wanted != there.version:
        _check_kept(tools, dataset, wanted)
    return silver.scan(tools, there.spec, wanted)


def added(tools: Tools, dataset: str, before: int, after: int) -> pl.LazyFrame | None:
    """The rows that `after` has and `before` has not, as `scan` gives them; None when some also went, or when that
    cannot be told any more."""
    spec = spec_of(tools, dataset)
    try:
        _check_kept(tools, dataset, before)
        gone, come = tools.tables.difference(silver.table_of(spec), before, after)
    except NotFound:
        return None
    return None if gone.head(1).collect().height else silver.as_declared(come, spec)


def table_of(spec: DatasetSpec) -> str:
    """The table that the typed rows are kept in: `silver/flights`."""
    return silver.table_of(spec)


def _check_kept(tools: Tools, dataset: str, version: int) -> None:
    with tools.transaction(write=False) as inner:
        found = repo.find_version(inner.connection, dataset, version)
    if found and found.gone:
        raise NotFound(
            f"Files of version {version} of {dataset!r} were deleted by a vacuum.",
            hint=f"`ondol datasets versions {dataset}` shows which versions are kept.",
        )


def typed_rows(tools: Tools, dataset: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows as they come over the wire, in the dataset's types; unknown columns are dropped, missing ones null.

    `Invalid` names the column whose values cannot be read.
    """
    frame, wrong = casting.typed(text.text_of_rows(rows), spec_of(tools, dataset).columns)
    for name, mask in wrong.items():
        raise Invalid(f"{dataset}: {name} cannot be read in row {mask.arg_true()[0]}.")
    return frame


def expression(text_of_it: str) -> pl.Expr:
    """An SQL expression over the columns of typed rows; `Invalid` when it is none.

    Parts of a moment (`extract(hour from departs_at)`) are 64-bit integers.
    """
    try:
        return declared.expression(text_of_it)
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{text_of_it!r} is not an SQL expression: {str(error).partition(chr(10))[0]}") from error


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= ROW_LIMIT:
        raise Invalid(f"limit is {limit}; it may be 1 to {ROW_LIMIT}.")
