"""The wheel as a stranger gets it: built from a clean checkout on a machine without Node, in an empty environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]


def _run(*command: str | Path, **options) -> str:
    answer = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
    assert answer.returncode == 0, f"{command}\n{answer.stdout[-4000:]}\n{answer.stderr[-4000:]}"
    return answer.stdout


def _path_without_node(spare: Path) -> str:
    """PATH with a folder of links in place of every folder that holds Node."""
    folders = []
    for number, folder in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if (folder / "node").exists() or (folder / "npm").exists():
            links = spare / str(number)
            links.mkdir(parents=True)
            for program in folder.iterdir():
                if program.name not in ("node", "npm", "npx", "corepack"):
                    (links / program.name).symlink_to(program)
            folders.append(links)
        else:
            folders.append(folder)
    return os.pathsep.join(map(str, folders))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel made of a source distribution made of what is committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("packaging")
    environment = os.environ | {"PATH": _path_without_node(folder / "path")}
    assert shutil.which("node", path=environment["PATH"]) is None
    _run("git", "clone", "--quiet", "--no-hardlinks", ROOT, folder / "checkout")
    _run(
        BIN / "python",
        "-m",
        "build",
        "--installer",
        "uv",
        "--outdir",
        folder / "dist",
        folder / "checkout",
        env=environment,
    )
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def house(wheel, tmp_path_factory) -> Path:
    """An environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("core") / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    pins = ["--constraint", ROOT / "requirements" / "core.txt"]
    _run(BIN / "uv", "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel, *pins)
    return folder


def test_the_wheel_holds_the_web_app_the_examples_and_the_type_marker(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "ondol/ui/static/index.html" in names
    assert any(name.startswith("ondol/ui/static/assets/") and name.endswith(".js") for name in names)
    assert "ondol/examples/flights/project.py" in names
    assert "ondol/py.typed" in names
    assert [name for name in names if "node_modules" in name or name.startswith("tests/")] == []


def test_the_web_app_weighs_less_than_2_mb_and_asks_no_other_host(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = [info for info in archive.infolist() if info.filename.startswith("ondol/ui/static/")]
        assert 0 < sum(info.file_size for info in files) < 2_000_000
        page = archive.read("ondol/ui/static/index.html").decode()
    assert "http://" not in page
    assert "https://" not in page


def test_the_core_install_has_fewer_than_40_packages_and_400_mb(house, record_property, capsys):
    listed = json.loads(
        _run(BIN / "uv", "pip", "list", "--quiet", "--format", "json", "--python", house / "bin" / "python")
    )
    names = {package["name"] for package in listed}
    (site,) = house.glob("lib/python*/site-packages")
    megabytes = _megabytes(site, compiled=False)
    _run(house / "bin" / "python", "-m", "compileall", "-q", site)
    with capsys.disabled():
        print(f"\ncore: {len(names)} packages, {megabytes:.0f} MB, {_megabytes(site, compiled=True):.0f} MB with .pyc")
    assert names & {"numpy", "pandas", "pyarrow", "duckdb"} == set()
    assert len(names) < 40
    assert megabytes < 400


def _megabytes(folder: Path, *, compiled: bool) -> float:
    files = [file for file in folder.rglob("*") if file.is_file() and (compiled or file.suffix != ".pyc")]
    return sum(file.stat().st_size for file in files) / 1e6


def test_the_installed_command_starts_and_finds_its_web_app(house, tmp_path):
    assert "Usage" in _run(house / "bin" / "ondol", "--help", cwd=tmp_path)
    program = "import ondol, pathlib; print((pathlib.Path(ondol.__file__).parent / 'ui/static/index.html').is_file())"
    assert _run(house / "bin" / "python", "-c", program, cwd=tmp_path).strip() == "True"


def test_every_module_imports_without_the_extras(house, tmp_path):
    program = (
        "import importlib, pkgutil, ondol\n"
        "for module in pkgutil.walk_packages(ondol.__path__, 'ondol.'):\n"
        "    optional = module.name.startswith(('ondol.adapters.', 'ondol.examples', 'ondol.testing'))\n"
        "    if not optional and not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    _run(house / "bin" / "python", "-c", program, cwd=tmp_path)
