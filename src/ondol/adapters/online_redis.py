"""Online feature values in Redis: for more readers than one machine has."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ondol.adapters.online_steps import by_key, ended_before, merge, pack, unpack
from ondol.kernel.errors import Invalid, Unavailable
from ondol.ports.online import Key, Step

_ATTEMPTS = 200
_AT_ONCE = 1000
_PREFIX = "ondol"

_STORE = """
for i = 5, #ARGV, 3 do
  if ARGV[4] == '1' and (redis.call('HGET', KEYS[1], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
for i = 5, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
redis.call('INCR', KEYS[3])
if ARGV[2] == '1' then redis.call('HSET', KEYS[4], ARGV[1], ARGV[3]) end
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
        self, view: str, stairs: Iterable[tuple[Key, Sequence[Step]]], *, replace: bool, mark: str | None = None
    ) -> int:
        fresh = by_key(stairs)
        if not fresh and mark is None:
            return 0
        keys = list(fresh)
        with self._answering():
            for attempt in range(_ATTEMPTS):
                stored = [None] * len(keys) if replace else self._blobs(view, keys)
                changes = [
                    (key, blob or b"", pack(merge(unpack(blob), fresh[key]) if blob else fresh[key]))
                    for key, blob in zip(keys, stored, strict=True)
                ]
                if self._stored(view, changes, mark, sure=not replace):
                    return len(keys)
                time.sleep(random.uniform(0, 0.001 * min(attempt + 1, 20)))
        raise Unavailable(f"{view}: other writers were faster {_ATTEMPTS} times.", hint="Try again.")

    def get(self, view: str, keys: Sequence[Key]) -> list[list[Step]]:
        with self._answering():
            return [unpack(blob) if blob else [] for blob in self._blobs(view, keys)]

    def forget_before(self, view: str, instant: int) -> int:
        dropped = 0
        with self._answering():
            for found in _parts(self._redis.hscan_iter(self._name(view), count=_AT_ONCE)):
                dropped += self._shorten(view, [field.decode() for field, _ in found], instant)
        return dropped

    def revision(self, view: str) -> int:
        with self._answering():
            return int(self._redis.hget(self._name("revisions", shared=True), view) or 0)

    def stamp(self) -> int:
        with self._answering():
            return int(self._redis.get(self._name("stamp", shared=True)) or 0)

    def mark(self, view: str) -> str:
        with self._answering():
            found: bytes | None = self._redis.hget(self._name("marks", shared=True), view)
        return found.decode() if found else ""

    def drop(self, view: str) -> None:
        with self._answering(), self._redis.pipeline(transaction=True) as turn:
            turn.unlink(self._name(view))
            turn.hdel(self._name("marks", shared=True), view)
            # The number stays and grows: a reader that cached the dropped values must notice.
            turn.hincrby(self._name("revisions", shared=True), view, 1)
            turn.incr(self._name("stamp", shared=True))
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
            if not changes or self._stored(view, changes, None, sure=True):
                return dropped
            time.sleep(random.uniform(0, 0.001 * min(attempt + 1, 20)))
        raise Unavailable(f"{view}: other writers were faster {_ATTEMPTS} times.", hint="Try again.")

    def _stored(self, view: str, changes: Sequence[tuple[Key, Any, bytes]], mark: str | None, *, sure: bool) -> bool:
        names = [
            self._name(view), *(self._name(name, shared=True) for name in ("revisions", "stamp", "marks"))
        ]  # fmt: skip
        arguments: list[str | bytes | int] = [view, int(mark is not None), mark or "", int(sure)]
        for change in changes:
            arguments.extend(change)
        return bool(self._store(keys=names, args=arguments))

    def _blobs(self, view: str, keys: Sequence[Key]) -> list[bytes | None]:
        if not keys:
            return []
        found: list[bytes | None] = self._redis.hmget(self._name(view), keys)
        return found

    def _name(self, name: str, *, shared: bool = False) -> str:
        return f"{self._prefix}:{name}" if shared else f"{self._prefix}:view:{name}"

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
