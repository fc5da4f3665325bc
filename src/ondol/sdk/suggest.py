"""A first declaration for a file on this machine."""

from __future__ import annotations

from pathlib import Path

from ondol.lake.service import suggesting


def suggest_file(path: Path) -> str:
    """The lines of a project file that declare a dataset of this file's rows."""
    return suggesting.from_file(path).python
