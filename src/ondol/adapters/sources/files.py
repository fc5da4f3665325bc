"""Files of a folder, or of an object store."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ondol.adapters.sources.secrets import resolved
from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from ondol.ports.sources import FoundFile

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_MARKS = "*?["


def find_local(root: str, pattern: str) -> list[FoundFile]:
    """The files, by path, without hidden ones. One that a link leads out of the folder is `Refused`."""
    base = Path(root)
    home = base.resolve()
    found = []
    for file in sorted(base.glob(pattern)):
        path = file.relative_to(base)
        if any(part.startswith(".") for part in path.parts):
            continue
        try:
            state = file.stat()
            inside = file.resolve().is_relative_to(home)
        except FileNotFoundError:
            continue  # It was taken away, or renamed, while we looked.
        if not os.path.isfile(file):
            continue
        if not inside:
            raise Refused(f"{path} leads out of the project's folder.", hint="Copy the file into it.")
        found.append(FoundFile(path=path.as_posix(), size=state.st_size, modified_ns=state.st_mtime_ns))
    if not found and not any(mark in pattern for mark in _MARKS):
        raise NotFound(f"There is no file {pattern!r} below {root}.", hint="Look at `source.path` of the dataset.")
    return found


def read_local(root: str, path: str) -> bytes:
    """The content; `Conflict` when somebody wrote to the file meanwhile."""
    file = Path(root) / path
    try:
        before = file.stat()
        content = file.read_bytes()
        after = file.stat()
    except FileNotFoundError as error:
        raise Conflict(f"{path} was taken away while we looked.", hint="Look again.") from error
    except PermissionError as error:
        raise Invalid(f"{path} may not be read by the house.", hint=f"chmod a+r {path}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise Conflict(
            f"{path} is being written to.",
            hint="Look again when it is complete; better, write it under a hidden name and rename it then.",
        )
    return content


def find_remote(address: str) -> list[FoundFile]:
    """The objects that match. `modified_ns` is the store's time of the last write."""
    place, _, query = address.partition("?")
    store, key = _split(place)
    matching = _expression(key)
    prefix = re.split(r"[*?\[]", key, maxsplit=1)[0]
    folder = prefix.rpartition("/")[0] if prefix != key else key
    found = []
    with _Told(place):
        for batch in _opened(store, query).list(prefix=folder or None):
            for each in batch:
                path = str(each["path"])
                hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
                if (path == key or matching.fullmatch(path)) and not hidden:
                    nanoseconds = int(each["last_modified"].timestamp() * 1_000_000) * 1000
                    found.append(FoundFile(path=f"{store}/{path}", size=each["size"], modified_ns=nanoseconds))
    if not found and not any(mark in key for mark in _MARKS):
        raise NotFound(f"There is no object {place}.", hint="Look at `source.path` of the dataset.")
    return sorted(found, key=lambda file: file.path)


def read_remote(address: str, path: str) -> bytes:
    store, key = _split(path)
    with _Told(path):
        return bytes(_opened(store, address.partition("?")[2]).get(key).bytes())


def _split(place: str) -> tuple[str, str]:
    """The bucket's address, and the path in it."""
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    """`*` and `?` within a folder, `**/` over any number of them."""
    made, rest = "", pattern
    while rest:
        if rest.startswith("**/"):
            made, rest = made + "(?:[^/]+/)*", rest[3:]
        elif rest[0] == "*":
            made, rest = made + "[^/]*", rest.lstrip("*")
        elif rest[0] == "?":
            made, rest = made + "[^/]", rest[1:]
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            inner = rest[1:end]
            negated = "^" if inner[0] in "!^" else ""
            made += f"[{negated}{re.escape(inner.lstrip('!^')).replace(chr(92) + '-', '-')}]"
            rest = rest[end + 1 :]
        else:
            made, rest = made + re.escape(rest[0]), rest[1:]
    return re.compile(made)


@lru_cache(maxsize=16)
def _opened(store: str, query: str) -> ObjectStore:
    from obstore.store import from_url

    from ondol.adapters.stores import parse_store

    where = parse_store(f"{store}?{resolved(query, 'source.path', quote=True)}" if query else store)
    # Its overloads name every option of every cloud; ours come from an address and are checked by the store.
    open_url: Callable[..., ObjectStore] = from_url
    client = {"allow_http": True} if where.allow_http else {}
    return open_url(where.url, config=where.options, client_options=client)


class _Told:
    """Errors of the store in the words of the house, without the address's query."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        if isinstance(error, FileNotFoundError):
            raise NotFound(f"{self._place} is not there.", hint="Look at `source.path` of the dataset.") from error
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            raise Invalid(f"{self._place}: access was denied.", hint="Look at the credentials of the store.") from error
        if isinstance(error, BaseError):
            raise Unavailable(f"{self._place} cannot be read now: {type(error).__name__}.") from error
