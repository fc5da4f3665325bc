"""What is suggested for data is true of these data, and runs as a project file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import ondol as od
from ondol.kernel.errors import Invalid, NotFound
from ondol.lake import service
from ondol.lake.rules import contract
from ondol.lake.rules.suggest import suggest
from ondol.lake.service import suggesting
from ondol.lake.types import SuggestDataset
from tests.lake.shore import START, Lake, flights


def _file(folder: Path) -> Path:
    rows = [
        {"no": number, "zip": f"{number % 90:05}", "tail": f"N{100 + number}", "carrier": "UD"[number % 2], **row}
        for number, row in enumerate({key: row[key] for key in ("departs_at", "distance")} for row in flights(0, 100))
    ]
    rows[7]["distance"] = ""  # type: ignore[typeddict-item]
    file = folder / "2013 flights.csv"
    pl.DataFrame([{name: str(value) for name, value in row.items()} for row in rows]).write_csv(file)
    return file


def test_a_file_becomes_the_lines_of_a_project_file(tmp_path: Path):
    file = _file(tmp_path)
    found = suggesting.from_file(file)
    assert found.python == (
        "data_2013_flights = od.dataset(\n"
        '    "data_2013_flights",\n'
        f'    source=od.csv("{file.as_posix()}"),\n'
        "    columns={\n"
        '        "no": "integer",\n'
        '        "zip": "string",\n'
        '        "tail": "string",\n'
        '        "carrier": "string",\n'
        '        "departs_at": "timestamp",\n'
        '        "distance": "integer",\n'
        "    },\n"
        '    key="no",\n'
        '    time="departs_at",\n'
        "    contract=[\n"
        '        od.not_null("zip"),\n'
        '        od.matches("zip", "[0-9]{5}"),\n'
        '        od.not_null("tail"),\n'
        '        od.matches("tail", "[A-Z0-9]{4}"),\n'
        '        od.not_null("carrier"),\n'
        '        od.one_of("carrier", ["D", "U"]),\n'
        '        od.between("distance", 90, 209),\n'
        "    ],\n"
        ")\n"
    )
    names: dict[str, Any] = {"od": od}
    exec(found.python, names)
    spec = names["data_2013_flights"].spec
    assert contract.check(spec, pl.read_csv(file, infer_schema=False), START).violations == []


@pytest.mark.parametrize(
    "columns",
    [
        {"a": ["1", "2"], "b": ["x", None]},
        {"a": ["1", "1"], "b": ["x", "y"]},
        {"a": ["1", "1"], "b": ["x", "x"]},
        {"a": ["1.5", "nan"], "b": ["-3", "7"]},
        {"a": ["2013-01-01", "2013-01-02"], "b": ["true", "False"]},
        {"a": ["99999999999999999999", "1"], "b": ["", " "]},
        {"a b": ['it\'s "x"', "(a|b)"], "b": [None, None]},
    ],
)
def test_it_is_true_of_the_rows_it_came_from(columns: dict[str, list[str | None]]):
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    spec = suggest("some", frame)
    assert contract.check(spec, frame, START).violations == []


def test_a_dataset_of_the_house_and_the_command(lake: Lake, tmp_path: Path):
    from ondol.doors.cli.main import root
    from ondol.doors.cli.target import Target

    lake.declare()
    with pytest.raises(Invalid, match="flights: there are no rows to learn from"):
        lake.call(service.suggest_dataset, SuggestDataset(dataset="flights"))
    lake.append("one", flights(0, 30))
    found = lake.call(service.suggest_dataset, SuggestDataset(dataset="flights"))
    assert 'key="flight_id"' in found.python
    answer = CliRunner().invoke(root, ["data", "suggest", str(_file(tmp_path))], obj=Target(str(tmp_path), "", None))
    assert (answer.exit_code, answer.output.startswith("data_2013_flights = od.dataset(")) == (0, True), answer.output
    with pytest.raises(NotFound, match=r"There is no file gone\.csv"):
        suggesting.from_file(Path("gone.csv"))
    with pytest.raises(Invalid, match="its suffix says nothing"):
        suggesting.from_file(Path("gone.xls"))


def test_what_was_measured_is_no_part_of_a_key_and_two_columns_may_be_one():
    hours = [f"2013-01-01T{hour:02}:00:00Z" for hour in range(24)]
    rows = [
        {
            "origin": origin,
            "temp": f"{number}.5",
            "dewp": "1.5",
            "wind": "3.5",
            "wet": "true",
            "sky": "clear",
            "time": hour,
        }
        for number, (origin, hour) in enumerate((origin, hour) for origin in ("EWR", "JFK") for hour in hours)
    ]
    assert suggest("weather", pl.DataFrame(rows)).key == ["origin", "time"]
