"""`ondol sql` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ondol.doors.cli.main import root


@pytest.fixture
def ondol(tmp_path: Path):
    def run(*words: str, typed: str = "") -> str:
        done = CliRunner().invoke(root, ["--home", str(tmp_path / "home"), *words], input=typed, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_a_statement_is_asked_as_table_csv_json_from_a_file_and_from_a_pipe(ondol, tmp_path: Path):
    assert ondol("sql", "select 1 as a, null as b").splitlines() == ["a  b   ", "1  null"]
    assert ondol("sql", "--csv", "select 1 as a, 'x' as b") == "a,b\n1,x\n"
    assert json.loads(ondol("sql", "select 1 as a", "--json"))["rows"] == [[1]]
    (tmp_path / "q.sql").write_text("select 2 as a")
    assert ondol("sql", "--file", str(tmp_path / "q.sql"), "--csv") == "a\n2\n"
    assert ondol("sql", "-", "--csv", typed="select 3 as a") == "a\n3\n"
    assert "house.runs" in ondol("sql", "tables")
