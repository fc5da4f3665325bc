"""Reading a project file: it is executed, and what it declares is collected together with the code beside it."""

from __future__ import annotations
import __future__

import itertools
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from ondol.kernel.errors import Invalid, NotFound, OndolError, TooLarge
from ondol.project.types import PlanProject
from ondol.sdk.collector import Collector, collecting
from ondol.sdk.lazy_imports import lazy_imports

LARGEST_BYTES = 1_000_000
_SKIPPED = {"__pycache__", "build", "data", "dist", "node_modules", "site-packages", "tests", "venv"}
_numbers = itertools.count()


def read_project(path: str | Path) -> PlanProject:
    """What the project file at `path` (or `project.py` in the folder `path`) declares, and the project's code.

    The file is executed in this process, as the person's own. All `*.py` below its
    folder belong to the project. Errors say file and line.
    """
    file = Path(path).expanduser().resolve()
    file = file / "project.py" if file.is_dir() else file
    if not file.is_file():
        raise NotFound(f"There is no project file {path}.", hint="`ondol new NAME` writes one.")
    _, collector = load_project(file)
    return PlanProject(
        name=file.parent.name or "project",
        root=str(file.parent),
        files=read_code(file.parent),
        entry=file.name,
        declarations=collector.declarations(),
        commit=_commit(file.parent),
    )


def load_project(file: Path, *, stay: bool = False) -> tuple[ModuleType, Collector]:
    """Execute a project file; the module and what it declared.

    Nothing of it leaks into another load, unless it is to `stay` because its functions will be called.
    """
    module = ModuleType(f"ondol_project_{next(_numbers)}")
    module.__file__ = str(file)
    # inspect and pickle look a function's module up by its name.
    sys.modules[module.__name__] = module
    try:
        # Annotations are not evaluated: they may name types of libraries that only a step needs.
        flags = __future__.annotations.compiler_flag
        code = compile(file.read_text(), str(file), "exec", flags=flags, dont_inherit=True)
        lazy = lazy_imports(lambda: "\n".join(read_code(file.parent).values()), stay=stay)
        with lazy, _importable(file.parent, stay=stay), collecting() as collector:
            exec(code, vars(module))
    except OndolError:
        raise
    except Exception as error:
        raise _explained(error, file) from error
    finally:
        if not stay:
            del sys.modules[module.__name__]
    return module, collector


def _explained(error: Exception, file: Path) -> Invalid:
    if isinstance(error, SyntaxError):
        return Invalid(f"{Path(error.filename or file).name}:{error.lineno}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == file.parent]
    line = own[-1].lineno if own else 1
    name = Path(own[-1].filename).name if own else file.name
    missing = isinstance(error, ModuleNotFoundError)
    hint = "Install it into the environment that runs Ondol." if missing else ""
    return Invalid(f"{name}:{line}: {type(error).__name__}: {error}", hint=hint)


@contextmanager
def _importable(folder: Path, *, stay: bool) -> Iterator[None]:
    """The files beside the project file can be imported by it, and by nobody else afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if not stay:
            sys.path.remove(str(folder))
            _forget(folder, set(sys.modules) - before)


def _forget(folder: Path, names: set[str]) -> None:
    for name in names:
        # Asked so that a module which is still to be loaded is not loaded for this.
        file = getattr(object.__getattribute__(sys.modules[name], "__dict__").get("__spec__"), "origin", None)
        if file and Path(file).is_relative_to(folder) and "site-packages" not in file:
            del sys.modules[name]


def read_code(folder: Path) -> dict[str, str]:
    """All `*.py` below the folder by relative path, without hidden folders, environments, data and tests."""
    files: dict[str, str] = {}
    size = 0
    for path in _python_files(folder):
        text = path.read_text()
        size += len(text.encode())
        if size > LARGEST_BYTES:
            raise TooLarge(
                f"The Python files below {folder} are more than {LARGEST_BYTES:,} bytes.",
                hint="Put the project file into a folder of its own.",
            )
        files[path.relative_to(folder).as_posix()] = text
    return files


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_file() and path.suffix == ".py":
            yield path
        elif path.is_dir() and path.name not in _SKIPPED and not (path / "pyvenv.cfg").exists():
            yield from _python_files(path)


def _commit(folder: Path) -> str:
    """The commit that is checked out, with `-dirty` after it when the folder differs; empty without git."""
    try:
        found = [
            subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return found[0].strip() + ("-dirty" if found[1].strip() else "")
