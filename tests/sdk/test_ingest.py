"""Step `ingest`: a broken contract stops the run, or it goes on with the good rows, as declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

import ondol as od
from ondol.home import House
from ondol.kernel.errors import Refused
from ondol.lake.types import DeclareDataset
from ondol.sdk.data import Dataset
from ondol.sdk.flow import landing
from tests.lake.shore import FLIGHTS, flight, flights


class _Run:
    def __init__(self, house: House) -> None:
        self.call = house.call


def _refresh(house: House, root: Path, **changes: Any) -> int:
    spec = msgspec.structs.replace(FLIGHTS, contract=[od.between("distance", 1)], source=od.csv("*.csv"), **changes)
    house.call("datasets.declare", DeclareDataset(spec=spec, root=str(root)))
    return landing._refresh(_Run(house), Dataset(spec))  # type: ignore[arg-type]


def test_a_broken_contract_stops_the_run_and_the_next_run_goes_on_without(house: House, tmp_path: Path, capsys):
    pl.DataFrame(flights(0, 5)).write_csv(tmp_path / "a.csv")
    pl.DataFrame([flight(7, distance=-1)]).write_csv(tmp_path / "b.csv")
    with pytest.raises(
        Refused, match=r"flights: 1 of 2 batches broke the contract: b\.csv: distance at least 1: rows 0"
    ):
        _refresh(house, tmp_path)
    assert "a.csv: 5 of 5 rows landed" in capsys.readouterr().out
    assert _refresh(house, tmp_path) == 0


def test_good_rows_go_on_where_that_is_declared(house: House, tmp_path: Path):
    pl.DataFrame([*flights(0, 5), flight(7, distance=-1)]).write_csv(tmp_path / "a.csv")
    assert _refresh(house, tmp_path, on_violation="go_on") == 0
    assert house.call("datasets.get", {"dataset": "flights"}).rows == 5
