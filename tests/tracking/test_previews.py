"""Parquet files of runs, looked into."""

from __future__ import annotations

import io

import polars as pl
import pytest

from ondol.home import House
from ondol.kernel.errors import Invalid, NotFound, TooLarge
from ondol.tracking.service import previews, put_artifact


@pytest.fixture
def run(house: House) -> str:
    return str(house.call("runs.create", {}).id)


def _keep(house: House, run: str, rows: pl.DataFrame) -> None:
    file = io.BytesIO()
    rows.write_parquet(file)
    put_artifact(house.tools(), run, "tables/rows.parquet", file.getvalue())


def test_the_first_rows_are_told_as_csv(house: House, run: str) -> None:
    _keep(house, run, pl.DataFrame({"name": ["a, b"] * 600, "parts": [[1, 2]] * 600}))
    found = house.call("runs.table", {"run": run, "path": "tables/rows.parquet"})
    lines = found.body.decode().splitlines()
    assert found.media_type.startswith("text/csv")
    assert lines[:2] == ["name,parts", '"a, b","[1, 2]"']
    assert len(lines) == 501


def test_what_is_no_table_is_refused_and_so_is_too_much(
    house: House, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_artifact(house.tools(), run, "a.parquet", b"nothing of the kind")
    with pytest.raises(Invalid, match="no Parquet file"):
        house.call("runs.table", {"run": run, "path": "a.parquet"})
    with pytest.raises(NotFound):
        house.call("runs.table", {"run": run, "path": "b.parquet"})
    with pytest.raises(Invalid):
        house.call("runs.table", {"run": run, "path": "../b.parquet"})
    monkeypatch.setattr(previews, "LARGEST", 3)
    with pytest.raises(TooLarge):
        house.call("runs.table", {"run": run, "path": "a.parquet"})
