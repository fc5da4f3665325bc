"""Trees of files as datasets: versioned by content, checked out again, at the cost of what has changed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.content import Content
from ondol.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake.rules import media
from ondol.lake.rules import spec as declared
from ondol.lake.service import landing, packs, silver, tree_index
from ondol.lake.types import Batch, BatchLanded, DatasetSpec
from ondol.lake.types.files import FILE_COLUMNS, AddedFiles, AddFiles, CheckedOutFiles, CheckOutFiles, GetFile
from ondol.lake.types.versions import DatasetVersion
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.blobs import Blob
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

# Rows of one bucket are rewritten when one of them changes.
_BUCKETS = 16
_READABLE_BYTES = 64 << 20
_FEW = 1000
_INDEX = {
    "path": "str", "size": "int", "modified_ns": "int", "inode": "inode", "read_ns": "int", "blake3": "str",
    "media_type": "str", "width": "int", "height": "int", "pack": "str", "start": "int", "bucket": "bucket",
}  # fmt: skip


@operation("files.add", "POST", "/v1/datasets/{dataset}/files", scope="admin", long=True)
def add_files(tools: Tools, request: AddFiles) -> AddedFiles:
    """Make what a folder holds now the newest version of a dataset; bytes that are stored already stay where they are.

    Files whose size, time and inode have not changed are not read again.
    """
    with tools.transaction(write=False) as inner:
        known = repo.find_dataset(inner.connection, request.dataset)
    if known is None:
        _declare(tools, request)
    return add(tools, request.dataset, request.folder)


@operation("files.checkout", "POST", "/v1/datasets/{dataset}/checkouts", scope="admin", long=True)
def check_out(tools: Tools, request: CheckOutFiles) -> CheckedOutFiles:
    """Write the files of a version into a folder of this machine. Files that are there already, with the same bytes,
    are left alone."""
    spec, version, rows = _version(tools, request.dataset, request.version)
    folder = Path(request.folder).expanduser()
    if not folder.is_absolute():
        raise Invalid(f"folder: {request.folder!r} is relative, and to what is not said.", hint="Write all of it.")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {row["path"]: row for row in rows.iter_rows(named=True)}
    _check_paths(list(wanted))
    there = set(tree_index.walk(folder)["path"])
    stale = sorted(path for path in there - set(wanted) if request.clean)
    missing = [row for path, row in wanted.items() if path not in there or not _is_same(folder / path, row)]
    _write_files(tools, folder, missing)
    for path in stale:
        (folder / path).unlink()
    return CheckedOutFiles(
        dataset=spec.name,
        version=version,
        folder=str(folder),
        written=len(missing),
        kept=len(wanted) - len(missing),
        removed=len(stale),
    )


@operation("files.get", "GET", "/v1/datasets/{dataset}/file", scope="read", long=True)
def get_file(tools: Tools, request: GetFile) -> Content:
    """The bytes of one file of a version."""
    _, version, rows = _version(tools, request.dataset, request.version)
    found = rows.filter(pl.col("path") == request.path).to_dicts()
    if not found:
        raise NotFound(f"{request.path!r} is not in version {version} of {request.dataset!r}.")
    if found[0]["bytes"] > _READABLE_BYTES:
        raise Invalid(f"{request.path!r} has {found[0]['bytes']:,} bytes.", hint="`ondol files checkout` writes it.")
    body = next(packs.unpack(tools.blobs, found[0]["pack"], [(found[0]["start"], found[0]["bytes"])]))
    return Content(name=request.path.rpartition("/")[2], media_type=found[0]["media_type"], body=body)


def add(tools: Tools, dataset: str, folder: str = "") -> AddedFiles:
    """See `add_files`, for a dataset that is declared."""
    landing.settle(tools, dataset)
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset)
    spec = there.dataset.spec
    if not spec.files:
        raise Conflict(f"The dataset {dataset!r} is no tree of files.", hint="Add the folder under another name.")
    where = _folder(there.root, folder or spec.files)
    version, table = there.dataset.version, silver.table_of(spec)
    # Somebody may have died after the commit to the table: then all of it is written again.
    settled = version >= 0 and tools.tables.version(table) == version
    index = tree_index.load(tools.config.home_path, dataset, version)
    before = index if index is not None else _stored_index(tools, table, version)
    began = tree_index.now()
    walked = tree_index.walk(where)
    fresh = tree_index.to_read(walked, index)
    # As many as before, and all that are not read were there before: nothing is gone.
    gone = walked.height != before.height or fresh.height > 0
    removed = before.join(walked, on="path", how="anti") if gone else before.clear()
    contents, stored_bytes = _contents(tools, dataset, where, fresh["path"].to_list(), before)
    read = _frame(contents, fresh, began)
    others = pl.concat([read["path"], removed["path"]])
    replaced = pl.col("path").is_in(others.to_list())
    after = pl.concat([before.filter(~replaced), read]) if len(others) else before
    both = read.join(before.filter(replaced).select("path", known="blake3"), on="path", how="left")
    changed = both.filter(pl.col("known").is_null() | (pl.col("known") != pl.col("blake3")))
    added = changed["known"].null_count()
    result = AddedFiles(
        dataset=dataset,
        version=version,
        files=after.height,
        bytes=int(after["size"].sum()),
        added=added,
        changed=changed.height - added,
        removed=removed.height,
        read=fresh.height,
        stored_bytes=stored_bytes,
    )
    if changed.height or removed.height or not settled:
        touched = sorted({*changed["bucket"], *removed["bucket"]}) if settled else list(range(_BUCKETS))
        rows = after.filter(pl.col("bucket").is_in(touched)).sort("path")
        result = _commit(tools, spec, rows, touched, result)
    if fresh.height or removed.height or index is None or result.version != version:
        tree_index.store(tools.config.home_path, dataset, result.version, after)
    return result


def loose_packs(tools: Tools, spec: DatasetSpec, versions: Sequence[int]) -> list[Blob]:
    """The packs that none of these versions needs."""
    needed: set[str] = set()
    for version in versions:
        needed |= set(tools.tables.scan(silver.table_of(spec), version=version).select("pack").collect()["pack"])
    return [blob for blob in tools.blobs.list(_prefix(spec.name)) if blob.path not in needed]


def _declare(tools: Tools, request: AddFiles) -> None:
    if not request.folder:
        raise Invalid("folder: a new dataset of files needs one.", hint="ondol files add photos --folder /data/photos")
    folder = _folder("", request.folder)
    spec = DatasetSpec(name=request.dataset, columns=dict(FILE_COLUMNS), key=["path"], files=str(folder))
    declared.check_spec(spec)
    with tools.transaction(write=True) as inner:
        if repo.find_dataset(inner.connection, spec.name) is None:
            repo.insert_dataset(inner.connection, spec, "", inner.now())
            title = f"dataset {spec.name}"
            lineage.record(inner, nodes=[Node(id=f"dataset:{spec.name}", kind="dataset", title=title)])


def _folder(root: str, folder: str) -> Path:
    path = Path(folder).expanduser()
    if not path.is_absolute() and not root:
        raise Invalid(f"folder: {folder!r} is relative, and to what is not said.", hint="Write all of it.")
    return path if path.is_absolute() else Path(root) / path


def _prefix(dataset: str) -> str:
    return f"files/{dataset}"


def _stored_index(tools: Tools, table: str, version: int) -> pl.DataFrame:
    """What a version says, without what only the machine that read the files would know of them."""
    if version < 0:
        return _frame([], pl.DataFrame(), 0)
    nothing = pl.lit(None, dtype=pl.Int64)
    rows = tools.tables.scan(table, version=version).with_columns(
        size="bytes",
        modified_ns=pl.col("modified_at").dt.epoch("us") * 1000,
        inode=nothing.cast(pl.UInt64),
        read_ns=nothing,
    )
    return rows.select(list(_INDEX)).collect()


def _contents(
    tools: Tools, dataset: str, folder: Path, paths: list[str], before: pl.DataFrame
) -> tuple[list[packs.Content], int]:
    """What the files hold, stored, and how many bytes were new."""
    if not paths:
        return [], 0
    reading = packs.read_all(folder, paths)
    if len(paths) <= _FEW:
        reading = iter(few := list(reading))
        before = before.filter(pl.col("blake3").is_in([content.digest for content in few]))
    known = {digest: (pack, start) for digest, pack, start in before.select("blake3", "pack", "start").iter_rows()}
    packer, found = packs.Packer(tools.blobs, _prefix(dataset), known), []
    for content in reading:
        packer.add(folder, content)
        found.append(content)
    packer.finish()
    return found, packer.stored_bytes


def _frame(contents: Sequence[packs.Content], fresh: pl.DataFrame, began: int) -> pl.DataFrame:
    """Rows of the index for files that were just read; `fresh` says how they were found."""
    sizes = [media.image_size(content.head) for content in contents]
    columns = {
        "path": [content.path for content in contents],
        "size": [content.size for content in contents],
        "modified_ns": fresh["modified_ns"] if contents else [],
        "inode": fresh["inode"] if contents else [],
        "read_ns": [began] * len(contents),
        "blake3": [content.digest for content in contents],
        "media_type": [media.media_type(content.path) for content in contents],
        "width": [size and size[0] for size in sizes],
        "height": [size and size[1] for size in sizes],
        "pack": [content.pack for content in contents],
        "start": [content.start for content in contents],
        "bucket": [zlib.crc32(content.path.encode()) % _BUCKETS for content in contents],
    }
    types = {"int": pl.Int64, "str": pl.String, "inode": pl.UInt64, "bucket": pl.Int32}
    return pl.DataFrame(columns, schema={name: types[kind] for name, kind in _INDEX.items()})


def _commit(tools: Tools, spec: DatasetSpec, rows: pl.DataFrame, touched: list[int], result: AddedFiles) -> AddedFiles:
    """One commit to the table, then what SQL knows of it."""
    table = silver.table_of(spec)
    moment = pl.from_epoch(pl.col("modified_ns") // 1000, time_unit="us").dt.replace_time_zone("UTC")
    wide = rows.with_columns(bytes="size", modified_at=moment).select(*FILE_COLUMNS, "bucket")

    def work(there: repo.Stored, mine: repo.Landing) -> AddedFiles:
        if there.dataset.version != result.version:
            with tools.transaction(write=True) as inner:
                repo.end_landing(inner.connection, mine)
            raise Conflict(f"Somebody else added files to {spec.name!r} meanwhile.", hint="Look at the folder again.")
        if tools.tables.exists(table):
            version = tools.tables.replace(table, wide, where={"bucket": touched})
        else:
            version = tools.tables.append(table, wide, partition_by=["bucket"])
        made = msgspec.structs.replace(result, version=version)
        with tools.transaction(write=True) as inner:
            if not repo.end_landing(inner.connection, mine):
                raise Unavailable(f"Somebody else took {spec.name!r} over meanwhile.", hint="Try again.")
            _note(inner, spec, mine, made)
        return made

    return landing.alone(tools, spec.name, repo.How(operation="compute"), work)


def _note(tools: Tools, spec: DatasetSpec, mine: repo.Landing, made: AddedFiles) -> None:
    moved = made.added + made.changed + made.removed
    batch = Batch(
        id=mine.batch,
        dataset=spec.name,
        key=f"files:{mine.batch}",
        status="landed",
        rows=moved,
        landed_rows=made.added + made.changed,
        updated=made.changed,
        at=mine.at,
        origin=f"{made.added} added, {made.changed} changed, {made.removed} removed",
        silver_version=made.version,
    )
    repo.insert_batch(tools.connection, batch, None, tools.now(), made.files)
    noted = DatasetVersion(
        dataset=spec.name,
        version=made.version,
        at=mine.at,
        operation="files",
        batch=batch.id,
        rows=made.files,
        by=tools.actor,
    )
    repo.insert_version(tools.connection, noted)
    table = f"table:{silver.table_of(spec)}@{made.version}"
    facts = {"files": made.files, "bytes": made.bytes, "change": batch.origin}
    title = f"{silver.table_of(spec)} version {made.version}"
    lineage.record(
        tools,
        nodes=[Node(id=table, kind="table", title=title, facts=facts, at=mine.at)],
        edges=[Edge(made=table, origin=f"dataset:{spec.name}", relation="indexes")],
    )
    tools.emit(BatchLanded(subject=spec.name, batch=batch.id, rows=moved, version=made.version))


def _version(tools: Tools, dataset: str, version: int) -> tuple[DatasetSpec, int, pl.DataFrame]:
    with tools.transaction(write=False) as inner:
        there = landing.stored(inner, dataset).dataset
        wanted = version if version >= 0 else there.version
        found = repo.find_version(inner.connection, dataset, wanted)
    if not there.spec.files:
        raise Conflict(f"The dataset {dataset!r} is no tree of files.", hint=f"`ondol datasets preview {dataset}`")
    if found is None or found.gone:
        raise NotFound(f"{dataset!r} has no version {wanted}.", hint=f"`ondol datasets versions {dataset}`")
    return there.spec, wanted, tools.tables.scan(silver.table_of(there.spec), version=wanted).collect()


def _check_paths(paths: Sequence[str]) -> None:
    for path in paths:
        if path.startswith("/") or ".." in path.split("/"):
            raise Invalid(f"{path!r} leads out of the folder.")


def _is_same(file: Path, row: dict[str, Any]) -> bool:
    return bool(file.stat().st_size == row["bytes"] and packs.digest_of(file.read_bytes()) == row["blake3"])


def _write_files(tools: Tools, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Pack by pack. `Unavailable` names a file whose bytes are not those that were stored."""
    by_pack: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_pack.setdefault(row["pack"], []).append(row)
    for pack, some in by_pack.items():
        places = [(row["start"], row["bytes"]) for row in some]
        for row, body in zip(some, packs.unpack(tools.blobs, pack, places), strict=True):
            if packs.digest_of(body) != row["blake3"]:
                raise Unavailable(f"The bytes of {row['path']!r} in {pack} are not those that were stored.")
            file = folder / row["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
            fresh.write_bytes(body)
            os.replace(fresh, file)
