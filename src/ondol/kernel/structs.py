"""What msgspec knows of a struct it finds out at the struct's first use, and two threads at once crash it there.

A process that has threads therefore lets it look at all of them first. Structs of modules
that are loaded later have a decoder at the level of their module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec


def prepare() -> None:
    """Let msgspec look at every struct that is defined so far; one that was looked at before costs nothing."""
    for struct in set(_below(msgspec.Struct)):
        if struct not in _looked_at:
            with suppress(TypeError, NameError):  # not made for decoding
                msgspec.json.Decoder(struct)
            _looked_at.add(struct)


_looked_at: set[type] = set()


def _below(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for found in struct.__subclasses__():
        yield found
        yield from _below(found)
