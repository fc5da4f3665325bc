"""What is loaded when: a command answers before the heavy libraries would have been read."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "pandas",
    "pyarrow",
    "polars",
    "deltalake",
    "sqlalchemy",
    "alembic",
    "starlette",
    "uvicorn",
    "lightgbm",
)


def _loaded_after(program: str) -> set[str]:
    program += "\nimport sys; print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import ondol", id="import ondol"),
        pytest.param("import ondol.catalog", id="the catalog"),
        pytest.param("from ondol.doors.openapi import document; document()", id="the OpenAPI document"),
        pytest.param(
            "import sys; sys.argv = ['ondol', '--help']\n"
            "from ondol.doors.cli import main\n"
            "try: main()\nexcept SystemExit as end: assert not end.code, end.code",
            id="ondol --help",
        ),
    ],
)
def test_heavy_libraries_are_not_loaded_by(program):
    assert _loaded_after(program) & set(HEAVY) == set()
