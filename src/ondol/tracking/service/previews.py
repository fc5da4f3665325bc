"""Files of runs as a person can look at them, where the bytes themselves say nothing."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from ondol.kernel.content import Content
from ondol.kernel.errors import Invalid, TooLarge
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.tracking.service import artifact_path
from ondol.tracking.types import GetArtifact

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ROWS: Final = 500
LARGEST: Final = 64_000_000


@operation("runs.table", "GET", "/v1/runs/{run}/tables/{path}", scope="read", long=True)
def preview_table(tools: Tools, request: GetArtifact) -> Content:
    """The first 500 rows of a Parquet file of a run, as CSV."""
    where = artifact_path(request.run, request.path)
    if (size := tools.blobs.head(where).size) > LARGEST:
        raise TooLarge(
            f"{request.path} has {size} bytes; files of up to {LARGEST} are looked into.",
            hint=f"Fetch it: ondol runs artifact {request.run} {request.path}",
        )
    try:
        rows = pl.read_parquet(io.BytesIO(tools.blobs.get(where)), n_rows=ROWS)
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{request.path} is no Parquet file: {str(error).partition(chr(10))[0]}") from error
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows.columns)
    writer.writerows(rows.iter_rows())
    name = request.path.rpartition("/")[2]
    return Content(name=f"{name}.csv", media_type="text/csv; charset=utf-8", body=text.getvalue().encode())
