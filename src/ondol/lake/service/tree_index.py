"""A folder against what is known of it: which files need to be read again.

A file whose size, time and inode are those it had when it was read is taken for the same, as git and others do. One
that was written within moments of being read is read again: its time may not tell two contents apart.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING

from ondol.kernel.errors import NotFound, Refused, Unavailable
from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_RACY_NANOSECONDS = 2_000_000_000
_STAT = ("size", "modified_ns", "inode")


def walk(folder: Path) -> pl.DataFrame:
    """`path`, `size`, `modified_ns` and `inode` of every file below the folder. `Refused` names a link: what it leads
    to may be anywhere, and anything, the next time."""
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.")
    paths: list[str] = []
    stats: list[os.stat_result] = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        # By names in an open folder, for the kernel need not walk the whole path again for each.
        opened = os.open(folder / below, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            names = os.listdir(opened)
            found = [os.stat(name, dir_fd=opened, follow_symlinks=False) for name in names]
        except FileNotFoundError as error:
            raise Unavailable(f"{below}{error.filename} was deleted while the folder was read.") from error
        finally:
            os.close(opened)
        others = [place for place, about in enumerate(found) if not S_ISREG(about.st_mode)]
        for place in reversed(others):
            _note_other(below + names[place], found[place], waiting)
            del names[place], found[place]
        paths += [below + name for name in names]
        stats += found
    columns = {
        "path": paths,
        "size": [stat.st_size for stat in stats],
        "modified_ns": [stat.st_mtime_ns for stat in stats],
        "inode": [stat.st_ino for stat in stats],
    }
    schema = {"path": pl.String, "size": pl.Int64, "modified_ns": pl.Int64, "inode": pl.UInt64}
    try:
        return pl.DataFrame(columns, schema=schema)
    except UnicodeEncodeError as error:
        raise Refused("A name of a file below the folder is no text (UTF-8).", hint=repr(error.object)[:200]) from error


def _note_other(path: str, about: os.stat_result, waiting: list[str]) -> None:
    """Folders are looked into; sockets and the like are no data."""
    if S_ISLNK(about.st_mode):
        raise Refused(f"{path} is a link.", hint="Put the file itself into the folder.")
    if S_ISDIR(about.st_mode):
        waiting.append(f"{path}/")


def to_read(walked: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
    """The files that may have another content than the index says; all of them when nothing is known."""
    if known is None:
        return walked
    before = known.select("path", "read_ns", *(pl.col(name).alias(f"known_{name}") for name in _STAT))
    same = [pl.col(name) == pl.col(f"known_{name}") for name in _STAT]
    settled = pl.col("modified_ns") < pl.col("read_ns") - _RACY_NANOSECONDS
    both = walked.join(before, on="path", how="left", maintain_order="left")
    return both.filter(~pl.all_horizontal(*same, settled).fill_null(False)).select(walked.columns)


def load(home: Path, dataset: str, version: int) -> pl.DataFrame | None:
    """The index that this machine keeps of a version; None when it has none of it."""
    file = _file(home, dataset, version)
    try:
        return pl.read_ipc(file)
    except (OSError, pl.exceptions.PolarsError):
        return None


def store(home: Path, dataset: str, version: int, index: pl.DataFrame) -> None:
    """Keep it for the next look, instead of those of other versions."""
    file = _file(home, dataset, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}.tmp")
    index.write_ipc(fresh, compression="uncompressed")
    os.replace(fresh, file)
    for other in file.parent.glob(f"{dataset}@*.arrow"):
        if other != file:
            other.unlink(missing_ok=True)


def now() -> int:
    return time.time_ns()


def _file(home: Path, dataset: str, version: int) -> Path:
    return home / "files" / f"{dataset}@{version}.arrow"
