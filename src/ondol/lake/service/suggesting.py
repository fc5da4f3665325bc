"""First declarations from data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.lake.rules import suggest
from ondol.lake.service import files
from ondol.lake.types import SuggestedDataset

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ROWS_READ = 200_000
_CALLS = {".csv": "csv", ".gz": "csv", ".parquet": "parquet", ".json": "json", ".jsonl": "json", ".ndjson": "json"}


def from_file(path: Path) -> SuggestedDataset:
    """From a file on this machine. `Invalid` when it cannot be read."""
    form = _CALLS.get(path.suffix)
    if form is None:
        raise Invalid(f"{path}: its suffix says nothing; {', '.join(_CALLS)} are known.", hint="Rename the file.")
    if not path.is_file():
        raise NotFound(f"There is no file {path}, and no dataset of that name.", hint="`ondol datasets list`")
    try:
        rows = files.parse(path.read_bytes(), form)
    except (pl.exceptions.PolarsError, msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"{path} is no {form} file we can read: {str(error).partition(chr(10))[0]}") from error
    name = re.sub(r"\W+", "_", path.name.partition(".")[0]).strip("_") or "dataset"
    name = name if name[0].isalpha() else f"data_{name}"
    return suggestion(name, rows, f'od.{form}("{path.as_posix()}")')


def suggestion(name: str, rows: pl.DataFrame, source: str) -> SuggestedDataset:
    """From the first `ROWS_READ` rows as text."""
    if not rows.height:
        raise Invalid(f"{name}: there are no rows to learn from.")
    spec = suggest.suggest(name, rows.head(ROWS_READ))
    return SuggestedDataset(name=name, rows=min(rows.height, ROWS_READ), python=suggest.as_python(spec, source))
