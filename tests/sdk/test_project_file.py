"""Reading a project file: what is collected, what is left out, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ondol.kernel.errors import Invalid, NotFound, TooLarge
from ondol.sdk.project_file import read_project
from tests.projects import write_arithmetic


def test_the_code_beside_the_file_belongs_to_the_project(tmp_path: Path) -> None:
    folder = write_arithmetic(tmp_path / "p")
    for name in (".hidden", "data", "venv", "tests"):
        (folder / name).mkdir()
        (folder / name / "left_out.py").write_text("1/0")
    (folder / "parts").mkdir()
    (folder / "parts" / "more.py").write_text("x = 1")
    found = read_project(folder)
    assert sorted(found.files) == ["helpers.py", "parts/more.py", "project.py"]
    assert (found.name, found.root, found.entry) == ("p", str(folder), "project.py")
    assert [spec.name for spec in found.declarations.pipelines] == ["calculation", "dangerous"]
    assert "helpers" not in sys.modules


def test_heavy_libraries_are_not_loaded_by_reading(tmp_path: Path) -> None:
    (tmp_path / "project.py").write_text(
        "import lightgbm as lgb\nimport polars as pl\nimport ondol as od\n"
        "@od.step\ndef train(rows: pl.DataFrame) -> lgb.Booster: ...\n"
    )
    program = (
        "import sys\nfrom ondol.sdk.project_file import read_project\nread_project(sys.argv[1])\n"
        "print({'lightgbm', 'numpy', 'polars', 'sqlalchemy'} & set(sys.modules))\n"
        "import polars\nprint(polars.DataFrame({'a': [1]}).height)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert answer.split() == ["set()", "1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import ondol as od\n\n1 / 0\n", "project.py:3: ZeroDivisionError"),
        ("def f(:\n", "project.py:1: invalid syntax"),
        ("import not_there\n", "project.py:1: ModuleNotFoundError"),
        ("import ondol as od\nod.csv\nod.excel\n", "project.py:3: AttributeError"),
        ("import ondol as od\n\nod.dataset('d',\n columns={}, key='k')\n", "project.py:3: dataset 'd' has no column"),
        ("import broken\n", "broken.py:2: NameError"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "project.py").write_text(text)
    (tmp_path / "broken.py").write_text("x = 1\ny\n")
    with pytest.raises(Invalid) as caught:
        read_project(tmp_path)
    assert caught.value.message.startswith(message)


def test_a_folder_full_of_other_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project.py").write_text("")
    (tmp_path / "other.py").write_text("#" * 1_000_001)
    with pytest.raises(TooLarge):
        read_project(tmp_path)
    with pytest.raises(NotFound, match="no project file"):
        read_project(tmp_path / "nowhere")


def test_the_commit_says_when_the_folder_differs_from_it(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *words], cwd=tmp_path, check=True,
            capture_output=True,
        )  # fmt: skip

    (tmp_path / "project.py").write_text("")
    assert read_project(tmp_path).commit == ""
    git("init")
    git("add", "project.py")
    git("commit", "-m", "first")
    clean = read_project(tmp_path).commit
    assert len(clean) == 40
    (tmp_path / "project.py").write_text("x = 1\n")
    assert read_project(tmp_path).commit == f"{clean}-dirty"
