"""Online feature values in LMDB: the fastest reads of one machine, also by many processes at once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ondol.adapters.online_steps import by_key, ended_before, pack, put_together, unpack
from ondol.kernel.errors import Invalid, Unavailable
from ondol.ports.online import NOTHING, Key, Step

_MAP_BYTES = 1 << 36
"""Addresses, not space: the file grows as it is filled."""
_LONGEST = 480
_READERS = 1024
_REVISION, _NOTE, _STAIR = b"r\0", b"n\0", b"s\0"

_shared: dict[str, tuple[Any, int]] = {}
_sharing = threading.Lock()


class LmdbOnline:
    """The `Online` port over one LMDB folder. Readers never wait; writers of all processes take turns.

    A power cut may undo the last puts, which the next materialisation makes again; nothing is torn.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder).resolve()
        self._environment = _share(str(self.folder))

    def put(
        self,
        view: str,
        stairs: Iterable[tuple[Key, Sequence[Step]]],
        *,
        replace: bool,
        after: Mapping[Key, int] = NOTHING,
        notes: Mapping[str, str] = NOTHING,
    ) -> int:
        fresh = by_key(stairs)
        if not fresh and not notes:
            return 0
        named = sorted((_key(view, key), key) for key in fresh)
        alone = replace and not after
        with self._writing() as turn:
            for name, key in named:
                stored = None if alone else turn.get(name)
                turn.put(name, put_together(stored, fresh[key], after.get(key), replace=replace))
            _touch(turn, view)
            for title, note in notes.items():
                turn.put(_prefix(_NOTE, view) + title.encode(), note.encode())
        return len(fresh)

    def get(self, view: str, keys: Sequence[Key]) -> list[list[Step]]:
        with self._environment.begin() as look:
            blobs = [look.get(_key(view, key)) for key in keys]
        return [unpack(blob) if blob else [] for blob in blobs]

    def forget_before(self, view: str, instant: int) -> int:
        dropped = 0
        with self._writing() as turn:
            shorter = []
            for name, blob in _below(turn, _prefix(_STAIR, view)):
                steps = unpack(blob)
                if ended := ended_before(steps, instant):
                    dropped += ended
                    shorter.append((name, pack(steps[ended:])))
            for name, blob in shorter:
                turn.put(name, blob)
            if shorter:
                _touch(turn, view)
        return dropped

    def revision(self, view: str) -> int:
        with self._environment.begin() as look:
            return int(look.get(_REVISION + view.encode(), b"0"))

    def stamp(self) -> int:
        with self._environment.begin() as look:
            found: int = look.id()
        return found

    def notes(self, view: str) -> dict[str, str]:
        prefix = _prefix(_NOTE, view)
        with self._environment.begin() as look:
            return {name[len(prefix) :].decode(): note.decode() for name, note in _below(look, prefix)}

    def drop(self, view: str) -> None:
        with self._writing() as turn:
            for kind in (_STAIR, _NOTE):
                for name in [name for name, _ in _below(turn, _prefix(kind, view))]:
                    turn.delete(name)
            # The number stays and grows: a reader that cached the dropped values must notice.
            _touch(turn, view)

    def close(self) -> None:
        _release(str(self.folder))

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        import lmdb

        try:
            with self._environment.begin(write=True) as turn:
                yield turn
        except lmdb.MapFullError as error:
            raise Unavailable(
                f"{self.folder} is full.", hint="Views with a ttl and shorter windows keep less."
            ) from error


def _share(folder: str) -> Any:
    """LMDB may be opened once a process: its locks are the process's."""
    try:
        import lmdb
    except ImportError as error:
        raise Invalid('online = "lmdb" needs the package lmdb.', hint="pip install 'ondol[lmdb]'") from error
    with _sharing:
        environment, users = _shared.get(folder, (None, 0))
        if environment is None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            environment = lmdb.open(folder, map_size=_MAP_BYTES, metasync=False, max_readers=_READERS, max_dbs=0)
            environment.reader_check()  # places of readers that were killed
        _shared[folder] = environment, users + 1
        return environment


def _release(folder: str) -> None:
    with _sharing:
        environment, users = _shared.pop(folder, (None, 0))
        if users > 1:
            _shared[folder] = environment, users - 1
        elif environment is not None:
            environment.close()


def _key(view: str, key: Key) -> bytes:
    """LMDB's keys are short: the end of a long one is its digest."""
    found = _prefix(_STAIR, view) + key.encode()
    return found if len(found) <= _LONGEST else found[: _LONGEST - 33] + b"\0" + hashlib.sha256(found).digest()


def _prefix(kind: bytes, view: str) -> bytes:
    return kind + view.encode() + b"\0"


def _below(turn: Any, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
    cursor = turn.cursor()
    if cursor.set_range(prefix):
        for name, blob in cursor:
            if not name.startswith(prefix):
                return
            yield name, blob


def _touch(turn: Any, view: str) -> None:
    name = _REVISION + view.encode()
    turn.put(name, str(int(turn.get(name, b"0")) + 1).encode())
