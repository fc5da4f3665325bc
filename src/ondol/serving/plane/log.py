"""Read and drain the request log: segments first, then the lake's table `log/<endpoint>`."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools
from ondol.serving.plane.capture import ClosedSegment, Record, read_segment, segments
from ondol.serving.types import Request

if TYPE_CHECKING:
    import polars as pl

    from ondol.serving import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.serving.repo")


def table_of(endpoint: str) -> str:
    return f"log/{endpoint}"


def drain(tools: Tools) -> int:
    """Move closed segments to the table of each endpoint and to `requests`. Returns requests moved."""
    moved = 0
    for file in segments(tools.config.home_path):
        closed = ClosedSegment(file)
        with closed as ours:
            if not ours:
                continue
            records = list(read_segment(file))
            for endpoint, frame in _frames(records).items():
                tools.tables.append(table_of(endpoint), frame, key=f"{file.stem}/{endpoint}", evolve=True)
            with tools.transaction(write=True) as inner:
                repo.insert_requests(inner.connection, [record.request for record in records])
            file.unlink()
            moved += len(records)
    return moved


def read(tools: Tools, endpoint: str, since: datetime, until: datetime) -> pl.DataFrame:
    """Captured rows answered at `since <= at < until`, also those not drained yet.

    Columns: request_id, row, version, number, role, at, key and time of the service,
    its features, score.
    """
    waiting = [
        record
        for file in segments(tools.config.home_path)
        for record in read_segment(file)
        if record.request.endpoint == endpoint and since <= record.request.at < until
    ]
    frames = list(_frames(waiting).values())
    if tools.tables.exists(table_of(endpoint)):
        rows = tools.tables.scan(table_of(endpoint)).filter(pl.col("at") >= since, pl.col("at") < until)
        frames.insert(0, rows.collect())
    if not frames:
        return pl.DataFrame(schema={"request_id": pl.String, "version": pl.String, "score": pl.Float64})
    joined = pl.concat(frames, how="diagonal_relaxed")
    # A segment that was drained between the two reads stands in both.
    return joined.unique(["request_id", "row"], maintain_order=True) if waiting else joined


def rows_of(tools: Tools, request: Request) -> list[dict[str, Any]]:
    """The captured rows of a drained request."""
    table = table_of(request.endpoint)
    if not tools.tables.exists(table):
        return []
    # `at` narrows the files that are opened; the id alone would open them all.
    mine = (pl.col("at") == request.at) & (pl.col("request_id") == request.id)
    return tools.tables.scan(table).filter(mine).sort("row").collect().to_dicts()


def waiting_requests(tools: Tools, endpoint: str, since: datetime, until: datetime | None) -> list[Request]:
    """Requests that still stand in segments."""
    return [
        record.request
        for file in segments(tools.config.home_path)
        for record in read_segment(file)
        if record.request.endpoint == endpoint
        and since <= record.request.at
        and (until is None or record.request.at < until)
    ]


def find_waiting(tools: Tools, request_id: str) -> Record | None:
    """A request that still stands in a segment."""
    for file in segments(tools.config.home_path):
        for record in read_segment(file):
            if record.request.id == request_id:
                return record
    return None


def _frames(records: list[Record]) -> dict[str, pl.DataFrame]:
    """One frame per endpoint of the rows that were captured."""
    columns: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    sizes: dict[str, int] = defaultdict(int)
    for record in records:
        if not record.columns:
            continue
        request = record.request
        mine = columns[request.endpoint]
        before = sizes[request.endpoint]
        stamp = {"request_id": request.id, "version": request.version, "number": request.number, "role": request.role}
        for name, value in stamp.items():
            mine[name].extend([value] * request.rows)
        mine["at"].extend([request.at] * request.rows)
        mine["row"].extend(range(request.rows))
        for name, values in record.columns.items():
            # A feature that came later is null in the rows before it.
            mine[name].extend([None] * (before - len(mine[name])))
            mine[name].extend(values)
        sizes[request.endpoint] = before + request.rows
    return {endpoint: _to_frame(mine, sizes[endpoint]) for endpoint, mine in columns.items()}


def _to_frame(columns: dict[str, list[Any]], size: int) -> pl.DataFrame:
    padded = {name: values + [None] * (size - len(values)) for name, values in columns.items()}
    frame = pl.DataFrame(padded, infer_schema_length=None, strict=False)
    return frame.with_columns(pl.col(pl.Null).cast(pl.Float64), pl.col("number", "row").cast(pl.Int64))
