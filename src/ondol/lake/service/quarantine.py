"""Refused rows: kept as they came, told about, and brought in later."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.lake.rules import contract
from ondol.lake.types import Batch, BatchQuarantined, QuarantinedRows, Violation
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
    from ondol.lake.service.landing import Arrival
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")


def keep_all(tools: Tools, arrival: Arrival, violations: list[Violation]) -> Batch:
    """The rows of a refused batch among the blobs, and the batch that tells of them; it is not stored yet."""
    return _keep(tools, arrival, arrival.key, _content(arrival), arrival.text.height, violations)


def keep_bad_rows(tools: Tools, arrival: Arrival, checked: contract.Checked) -> list[Batch]:
    """The bad rows of a batch whose good ones go on, as a batch of their own; nothing when all are good."""
    if checked.good is None:
        return []
    bad = arrival.text.filter(~checked.good)
    violations = [one for one in checked.violations if one.action == "go_on"]
    return [
        _keep(tools, arrival, f"{arrival.key[:240]}#refused", _content(arrival, checked.good), bad.height, violations)
    ]


def _keep(tools: Tools, arrival: Arrival, key: str, content: bytes, rows: int, violations: list[Violation]) -> Batch:
    batch = tools.new_id("batch")
    path = f"quarantine/{arrival.dataset}/{batch}.{'parquet' if arrival.originals is None else 'jsonl'}"
    tools.blobs.put(path, content)
    return Batch(
        id=batch,
        dataset=arrival.dataset,
        key=key,
        status="quarantined",
        rows=rows,
        landed_rows=0,
        at=tools.now(),
        origin=arrival.origin,
        quarantine=path,
        violations=violations,
    )


def _content(arrival: Arrival, good: pl.Series | None = None) -> bytes:
    """All rows as they came, or those that are not good."""
    if arrival.originals is not None:
        rows = arrival.originals
        if good is not None:
            rows = [row for row, kept in zip(rows, good.to_list(), strict=True) if not kept]
        return msgspec.json.Encoder().encode_lines(rows)
    into = io.BytesIO()
    (arrival.text if good is None else arrival.text.filter(~good)).write_parquet(into)
    return into.getvalue()


def holds(tools: Tools, batch: Batch, arrival: Arrival) -> bool:
    """Whether the refused batch has these very rows."""
    try:
        return batch.status == "quarantined" and tools.blobs.get(batch.quarantine) == _content(arrival)
    except NotFound:
        return False


def note(tools: Tools, batch: Batch) -> None:
    """Store a refused batch, in the open transaction."""
    repo.insert_batch(tools.connection, batch, None, tools.now())
    reasons = [violation.message for violation in batch.violations]
    tools.emit(BatchQuarantined(subject=batch.dataset, batch=batch.id, rows=batch.rows, reasons=reasons))


def still_refused(tools: Tools, batch: Batch, violations: list[Violation]) -> Batch:
    """The same rows, refused again; the report is that of the contract of now."""
    if batch.violations == violations:
        return batch
    with tools.transaction(write=True) as inner:
        repo.update_violations(inner.connection, batch.id, violations)
    return msgspec.structs.replace(batch, violations=violations)


def refused(batch: Batch) -> Refused:
    """The error that says why a batch is in quarantine."""
    return Refused(
        contract.summary(batch.violations),
        hint=f"Nothing is lost: `ondol batches get {batch.id}` shows the report. Send the key again with mended rows, "
        f"or mend the contract and `ondol batches retry {batch.id}`.",
        details={
            "batch": batch.id,
            "dataset": batch.dataset,
            "quarantine": batch.quarantine,
            "violations": msgspec.to_builtins(batch.violations),
        },
    )


def found(tools: Tools, identity: str) -> Batch:
    """A batch, in the open transaction."""
    if batch := repo.find_batch(tools.connection, identity):
        return batch
    raise NotFound(f"There is no batch {identity!r}.", hint="`ondol batches list DATASET` shows them.")


def in_quarantine(tools: Tools, identity: str) -> Batch:
    """A batch that is in quarantine now; `Conflict` says what has become of any other."""
    with tools.transaction(write=False) as inner:
        batch = found(inner, identity)
    if batch.status == "quarantined":
        return batch
    later = f" by {batch.replaced_by}" if batch.replaced_by else ""
    raise Conflict(
        f"The batch {identity} is {batch.status}{later}: none of its rows is in quarantine.",
        hint=f"`ondol batches list {batch.dataset} --status quarantined` shows those that are.",
    )


def frame_of(tools: Tools, batch: Batch) -> tuple[pl.DataFrame, list[dict[str, Any]] | None]:
    """The refused rows as text, and as they were sent when they were sent as rows."""
    from ondol.lake.rules import text

    content = tools.blobs.get(batch.quarantine)
    if batch.quarantine.endswith(".parquet"):
        return pl.read_parquet(content), None
    rows = msgspec.convert(msgspec.json.Decoder().decode_lines(content), list[dict[str, Any]])
    return text.text_of_rows(rows), rows


def rows_of(tools: Tools, batch: Batch, offset: int, limit: int) -> QuarantinedRows:
    if not batch.quarantine:
        raise Conflict(f"The batch {batch.id} has no rows in quarantine.", hint=f"`ondol batches get {batch.id}`")
    if offset < 0:
        raise Invalid(f"offset is {offset}; it must not be below 0.")
    frame, rows = frame_of(tools, batch)
    shown = rows[offset : offset + limit] if rows is not None else frame.slice(offset, limit).to_dicts()
    total = len(rows) if rows is not None else frame.height
    return QuarantinedRows(batch=batch.id, total=total, offset=offset, rows=shown)
