"""A project's code, taken out of the blobs into a folder where Python can import it."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from ondol.kernel.ids import new_id
from ondol.ports.blobs import Blobs
from ondol.project.service import snapshot_path
from ondol.project.types import Snapshot


def unpack(blobs: Blobs, code: str, folder: Path) -> tuple[Path, Snapshot]:
    """The code with this hash below `folder/<hash>`, unpacked once for all runs, and what it is."""
    snapshot = msgspec.json.decode(blobs.get(snapshot_path(code)), type=Snapshot)
    target = folder / code[:16]
    if not target.exists():
        fresh = folder / new_id("unpacking")
        for path, text in snapshot.files.items():
            file = fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        try:
            fresh.rename(target)
        except OSError:
            # Another run has put the same code there meanwhile.
            shutil.rmtree(fresh)
    return target, snapshot


def load_ahead(modules: Sequence[str]) -> None:
    """Import what a run will import, while nobody waits for it; what cannot be imported fails in the run."""
    for name in ("polars", "deltalake", "ondol.sdk.project_file", "ondol.adapters.delta", *modules):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if "lightgbm" in modules:
        _load_for_lightgbm()


def _load_for_lightgbm() -> None:
    for name in ("numpy", "scipy.sparse"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def warm_up(files: Mapping[str, str]) -> None:
    """Load in the background, while the first steps read data, what LightGBM will need when training begins."""
    if not any("lightgbm" in text for text in files.values()) or "scipy" in sys.modules:
        return
    threading.Thread(target=_load_for_lightgbm, name="warm-up", daemon=True).start()


@contextlib.contextmanager
def working_in(root: str, fallback: Path) -> Iterator[None]:
    """The project's folder as the current one, so that relative paths of data hold; the code's when it is gone."""
    before = os.getcwd()
    os.chdir(root if root and os.path.isdir(root) else fallback)
    try:
        yield
    finally:
        os.chdir(before)
