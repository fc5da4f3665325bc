"""Versions of datasets: what they are, what lies between two, going back, and keeping the files few."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, decode_token, encode_token
from ondol.kernel.spans import parse_duration
from ondol.lake.rules import differences, text
from ondol.lake.rules import spec as declared
from ondol.lake.service import landing, quarantine, rollback, silver, trees
from ondol.lake.types import Batch, DatasetSpec
from ondol.lake.types.versions import (
    CompactDataset,
    CompactReport,
    CompareDatasetVersions,
    DatasetVersion,
    KeptVersion,
    ListChanges,
    ListDatasetVersions,
    ReplaceRows,
    RollBack,
    RolledBack,
    RowChange,
    VacuumDataset,
    VacuumReport,
    VersionComparison,
)
from ondol.lineage import service as lineage
from ondol.ports.blobs import Blob
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

_ROW_LIMIT = 10_000
_SAMPLE_LIMIT = 1000
_KEY_LENGTH = 200


@operation("datasets.versions", "GET", "/v1/datasets/{dataset}/versions", scope="read")
def list_versions(tools: Tools, request: ListDatasetVersions) -> list[DatasetVersion]:
    """The versions of a dataset, the newest first: what made each, how many rows it has, whether it can be read."""
    if not 1 <= request.limit <= _ROW_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {_ROW_LIMIT}.")
    landing.stored(tools, request.dataset)
    return repo.select_versions(tools.connection, request.dataset, request.limit)


@operation("datasets.replace", "POST", "/v1/datasets/{dataset}/replacements", scope="write", long=True)
def replace_rows(tools: Tools, request: ReplaceRows) -> Batch:
    """Put rows in the place of a partition, or of the whole dataset; the same key replaces once.

    The rows are held against the contract first. Older versions keep the rows of then.
    """
    if not request.key or len(request.key) > _KEY_LENGTH:
        raise Invalid(f"key: {len(request.key)} characters; a batch needs 1 to {_KEY_LENGTH}.")
    with tools.transaction(write=False) as inner:
        spec = landing.stored(inner, request.dataset).dataset.spec
    arrival = landing.Arrival(
        dataset=request.dataset,
        key=request.key,
        text=text.text_of_rows(request.rows),
        origin=f"replaces {request.partition or 'all rows'}",
        originals=request.rows,
        part=declared.part_of(spec, request.partition),
    )
    batch = landing.land(tools, arrival)
    assert batch is not None
    if batch.status == "quarantined":
        raise quarantine.refused(batch)
    return batch


@operation("datasets.rollback", "POST", "/v1/datasets/{dataset}/rollbacks", scope="write", long=True)
def roll_back(tools: Tools, request: RollBack) -> RolledBack:
    """Bring an older version back, as a new one; the versions between stay readable.

    Batches that it does not hold count as taken back, and their keys may be sent again. Going back to a
    version from before a rollback brings its batches back too.
    """
    with tools.transaction(write=False) as inner:
        _readable(inner, request.dataset, request.version)
    how = repo.How(operation="roll_back", target=request.version, read_again=request.read_again)

    def work(there: repo.Stored, mine: repo.Landing) -> RolledBack:
        return rollback.finish(tools, there, mine)

    return landing.alone(tools, request.dataset, how, work)


@operation("datasets.diff", "GET", "/v1/datasets/{dataset}/diff", scope="read", long=True)
def compare_versions(tools: Tools, request: CompareDatasetVersions) -> VersionComparison:
    """What lies between two versions: rows added, changed and removed by key with samples, columns, figures.

    Files that both versions share are not compared.
    """
    if not 0 <= request.samples <= _SAMPLE_LIMIT:
        raise Invalid(f"samples is {request.samples}; it may be 0 to {_SAMPLE_LIMIT}.")
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, request.dataset)
        after = request.after if request.after >= 0 else there.dataset.version
        ends = [_readable(inner, request.dataset, version) for version in (request.before, after)]
    spec = there.dataset.spec
    found = _difference(tools, spec, ends[0].version, ends[1].version)
    scans = [_visible(tools, spec, one.version) for one in ends]
    key = declared.identity(spec)
    return VersionComparison(
        dataset=request.dataset,
        before=ends[0].version,
        after=ends[1].version,
        key=key,
        rows_before=ends[0].rows,
        rows_after=ends[1].rows,
        added=found.added.height,
        changed=found.after.height,
        removed=found.removed.height,
        added_rows=found.added.head(request.samples).to_dicts(),
        changed_rows=differences.changed_rows(found, key, request.samples),
        removed_rows=found.removed.head(request.samples).to_dicts(),
        columns=differences.column_changes(*scans),
    )


@operation("datasets.changes", "GET", "/v1/datasets/{dataset}/changes", scope="read", long=True)
def list_changes(tools: Tools, request: ListChanges) -> Page[RowChange]:
    """What has changed since a version, version by version, in the order of the keys. Joining files changes nothing."""
    if not 1 <= request.limit <= _ROW_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {_ROW_LIMIT}.")
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, request.dataset)
        if request.since >= 0:
            _readable(inner, request.dataset, request.since)
        versions = sorted(repo.select_versions(inner.connection, request.dataset), key=lambda one: one.version)
    until = request.until if request.until >= 0 else there.dataset.version
    before = {one.version: two for one, two in zip(versions[1:], versions, strict=False)}
    first, skip = _resume(request.token, request.since)
    page: list[RowChange] = []
    for one in versions:
        if not (request.since < one.version <= until and one.version >= first) or one.operation == "compacted":
            continue
        earlier = before.get(one.version)
        found = _changes_of(tools, there.dataset.spec, one, earlier.version if earlier else -1)
        offset = skip if one.version == first else 0
        page += found[offset : offset + request.limit - len(page)]
        taken = sum(change.version == one.version for change in page)
        if len(page) == request.limit and (offset + taken < len(found) or one.version < until):
            return Page(items=page, next_token=encode_token(f"{one.version}:{offset + taken}"))
    return Page(items=page)


@operation("datasets.compact", "POST", "/v1/datasets/{dataset}/compactions", scope="write", long=True)
def compact_dataset(tools: Tools, request: CompactDataset) -> CompactReport:
    """Join small files, so that reading is quick again. Happens by itself every hundred appends."""
    with tools.transaction(write=False) as inner:
        spec = landing.stored(inner, request.dataset).dataset.spec
    table = silver.table_of(spec)

    def work(there: repo.Stored, mine: repo.Landing) -> CompactReport:
        report = tools.tables.compact(table)
        with tools.transaction(write=True) as inner:
            ours = repo.end_landing(inner.connection, mine)
            if ours and report["version"] > there.dataset.version and report["files_added"]:
                about = there.dataset
                repo.put_version(inner.connection, spec.name, report["version"], inner.now(), about.rows, about.newest)
                noted = DatasetVersion(
                    dataset=spec.name, version=report["version"], at=inner.now(), operation="compacted",
                    rows=about.rows, by=inner.actor,
                )  # fmt: skip
                repo.insert_version(inner.connection, noted)
        return CompactReport(
            dataset=spec.name,
            version=report["version"],
            files_added=report["files_added"],
            files_removed=report["files_removed"],
        )

    if not tools.tables.exists(table):
        raise NotFound(f"The dataset {spec.name!r} has no rows yet.")
    return landing.alone(tools, request.dataset, repo.How(operation="compute"), work)


@operation("datasets.vacuum", "POST", "/v1/datasets/{dataset}/vacuums", scope="admin", long=True)
def vacuum_dataset(tools: Tools, request: VacuumDataset) -> VacuumReport:
    """Delete files that no version needs any more; without `--no-dry-run` only say which.

    Stays: the newest version, versions younger than `older_than`, and every version that a model, run, training set
    or anything else in the lineage was made from.
    """
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, request.dataset)
        versions = repo.select_versions(inner.connection, request.dataset)
        kept = _kept(inner, there, versions, request)
    spec = there.dataset.spec
    if there.dataset.version < 0:
        raise NotFound(f"The dataset {spec.name!r} has no rows yet.")

    def work(_there: repo.Stored, mine: repo.Landing) -> VacuumReport:
        try:
            report = tools.tables.vacuum(
                silver.table_of(spec), keep=list(kept), grace_hours=request.grace_hours, dry_run=request.dry_run
            )
        finally:
            with tools.transaction(write=True) as inner:
                repo.end_landing(inner.connection, mine)
        loose = _loose_packs(tools, spec, list(kept), request) if spec.files else []
        known = {one.version for one in versions if not one.gone}
        gone = sorted(known & set(report["gone"]))
        if not request.dry_run:
            with tools.transaction(write=True) as inner:
                repo.mark_gone(inner.connection, spec.name, gone)
        return VacuumReport(
            dataset=spec.name,
            dry_run=request.dry_run,
            files=report["files"] + len(loose),
            bytes=report["bytes"] + sum(blob.size for blob in loose),
            kept=[KeptVersion(version=version, because=because) for version, because in sorted(kept.items())],
            gone=gone,
        )

    return landing.alone(tools, request.dataset, repo.How(operation="compute"), work)


def _loose_packs(tools: Tools, spec: DatasetSpec, kept: list[int], request: VacuumDataset) -> list[Blob]:
    until = tools.wall() - timedelta(hours=request.grace_hours)
    loose = [blob for blob in trees.loose_packs(tools, spec, kept) if blob.modified_at < until]
    if not request.dry_run:
        for blob in loose:
            tools.blobs.delete(blob.path)
    return loose


def _kept(tools: Tools, there: repo.Stored, versions: list[DatasetVersion], request: VacuumDataset) -> dict[int, str]:
    """Why versions stay. What was made from a version of a table only to be another version of it needs it no more."""
    since = tools.now() - parse_duration(request.older_than)
    kept = {one.version: f"younger than {request.older_than}" for one in versions if one.at > since and not one.gone}
    prefix = f"table:{silver.table_of(there.dataset.spec)}@"
    for edge in lineage.referring(tools, prefix):
        number = edge.origin.removeprefix(prefix)
        if number.isdigit() and not edge.made.startswith("table:"):
            kept[int(number)] = f"{edge.made} {edge.relation.replace('_', ' ')} it"
    kept[there.dataset.version] = "the newest"
    return kept


def _readable(tools: Tools, dataset: str, version: int) -> DatasetVersion:
    found = repo.find_version(tools.connection, dataset, version)
    if found is None:
        landing.stored(tools, dataset)
        raise NotFound(
            f"{dataset!r} has no version {version}.", hint=f"`ondol datasets versions {dataset}` shows them."
        )
    if found.gone:
        raise NotFound(
            f"Files of version {version} of {dataset!r} were deleted by a vacuum.",
            hint=f"`ondol datasets versions {dataset}` shows which versions are kept.",
        )
    return found


def _difference(tools: Tools, spec: DatasetSpec, before: int, after: int) -> differences.Difference:
    table = silver.table_of(spec)
    if before < 0:
        rows = silver.scan(tools, spec, after).collect()
        return differences.difference(rows.clear(), rows, declared.identity(spec))
    old, new = tools.tables.difference(table, before, after)
    frames = [silver.as_declared(side, spec).collect() for side in (old, new)]
    return differences.difference(frames[0], frames[1], declared.identity(spec))


def _changes_of(tools: Tools, spec: DatasetSpec, one: DatasetVersion, before: int) -> list[RowChange]:
    found = _difference(tools, spec, before, one.version)
    key = declared.identity(spec)
    changes = []
    for kind, old, new in differences.feed(found):
        values = {name: (new or old or {})[name] for name in key}
        changes.append(RowChange(version=one.version, at=one.at, change=kind, key=values, row=new, before=old))
    return changes


def _visible(tools: Tools, spec: DatasetSpec, version: int) -> pl.LazyFrame:
    """The columns that a version itself has, without those it is only partitioned by."""
    rows = tools.tables.scan(silver.table_of(spec), version=version)
    return rows.select([name for name in rows.collect_schema().names() if name in spec.columns])


def _resume(token: str, since: int) -> tuple[int, int]:
    if not token:
        return since + 1, 0
    version, _, offset = decode_token(token).partition(":")
    if not (version.isdigit() and offset.isdigit()):
        raise Invalid("This page token is not one of ours.", hint="Start again without a token.")
    return int(version), int(offset)
