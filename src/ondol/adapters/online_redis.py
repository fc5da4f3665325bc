"""Online feature values in Redis: for more readers than one machine has."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ondol.adapters.online_steps import by_key, ended_before, pack, put_together, unpack
from ondol.kernel.errors import Invalid, Unavailable
from ondol.ports.online import NOTHING, Key, Step

_ATTEMPTS = 200
_AT_ONCE = 1000
_PREFIX = "ondol"

_STORE = """
local first = 4 + 2 * tonumber(ARGV[3])
if ARGV[2] == '1' then
  for i = first, #ARGV, 3 do
    if (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
  end
end
for i = first, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
for i = 4, first - 1, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
redis.call('INCR', KEYS[3])
return 1
"""
"""Stores steps, unless a key whose steps were merged holds others than those that were read."""


class RedisOnline:
    """The `Online` port over one Redis (7 or later) or what speaks its protocol: a hash a view, a field a key.

    `redis://host:6379/0?prefix=name`; several houses share a server under different prefixes.
    """

    def __init__(self, address: str) -> None:
        try:
            import redis
        except ImportError as error:
            raise Invalid(
                f"online = {address!r} needs the package redis.", hint="pip install 'ondol[redis]'"
            ) from error
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        self._prefix = query.pop("prefix", _PREFIX)
        self._where = f"{parts.hostname}:{parts.port or 6379}"
        self._failures = (redis.ConnectionError, redis.TimeoutError)
        self._redis: Any = redis.Redis.from_url(urlunsplit(parts._replace(query=urlencode(query))))
        self._store = self._redis.register_script(_STORE)

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
        keys, alone = list(fresh), replace and not after
        with self._answering():
            for attempt in range(_ATTEMPTS):
                stored = [None] * len(keys) if alone else self._blobs(view, keys)
                changes = [
                    (key, blob or b"", put_together(blob, fresh[key], after.get(key), replace=replace))
                    for key, blob in zip(keys, stored, strict=True)
                ]
                if self._stored(view, changes, notes, sure=not alone):
                    return len(keys)
                time.sleep(random.uniform(0, 0.001 * min(attempt + 1, 20)))
        raise Unavailable(f"{view}: other writers were faster {_ATTEMPTS} times.", hint="Try again.")

    def get(self, view: str, keys: Sequence[Key]) -> list[list[Step]]:
        with self._answering():
            return [unpack(blob) if blob else [] for blob in self._blobs(view, keys)]

    def forget_before(self, view: str, instant: int) -> int:
        dropped = 0
        with self._answering():
            for found in _parts(self._redis.hscan_iter(self._name("view", view), count=_AT_ONCE)):
                dropped += self._shorten(view, [field.decode() for field, _ in found], instant)
        return dropped

    def revision(self, view: str) -> int:
        with self._answering():
            return int(self._redis.hget(self._name("revisions"), view) or 0)

    def stamp(self) -> int:
        with self._answering():
            return int(self._redis.get(self._name("stamp")) or 0)

    def notes(self, view: str) -> dict[str, str]:
        with self._answering():
            found = self._redis.hgetall(self._name("notes", view))
        return {name.decode(): note.decode() for name, note in found.items()}

    def drop(self, view: str) -> None:
        with self._answering(), self._redis.pipeline(transaction=True) as turn:
            turn.unlink(self._name("view", view), self._name("notes", view))
            # The number stays and grows: a reader that cached the dropped values must notice.
            turn.hincrby(self._name("revisions"), view, 1)
            turn.incr(self._name("stamp"))
            turn.execute()

    def close(self) -> None:
        self._redis.close()

    def _shorten(self, view: str, keys: list[Key], instant: int) -> int:
        for attempt in range(_ATTEMPTS):
            changes, dropped = [], 0
            for key, blob in zip(keys, self._blobs(view, keys), strict=True):
                steps = unpack(blob) if blob else []
                if ended := ended_before(steps, instant):
                    dropped += ended
                    changes.append((key, blob, pack(steps[ended:])))
            if not changes or self._stored(view, changes, NOTHING, sure=True):
                return dropped
            time.sleep(random.uniform(0, 0.001 * min(attempt + 1, 20)))
        raise Unavailable(f"{view}: other writers were faster {_ATTEMPTS} times.", hint="Try again.")

    def _stored(
        self, view: str, changes: Sequence[tuple[Key, Any, bytes]], notes: Mapping[str, str], *, sure: bool
    ) -> bool:
        names = [self._name("view", view), self._name("revisions"), self._name("stamp"), self._name("notes", view)]
        arguments: list[str | bytes | int] = [view, int(sure), len(notes)]
        for note in (*notes.items(), *changes):
            arguments.extend(note)
        return bool(self._store(keys=names, args=arguments))

    def _blobs(self, view: str, keys: Sequence[Key]) -> list[bytes | None]:
        if not keys:
            return []
        found: list[bytes | None] = self._redis.hmget(self._name("view", view), keys)
        return found

    def _name(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            raise Unavailable(f"Redis at {self._where} does not answer: {error}", hint="Is it up?") from error


def _parts(found: Iterable[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for one in found:
        part.append(one)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part
