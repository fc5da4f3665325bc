"""What a spool holds: one record for each thing that was said about a run, in the order in which it was said."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Value = str | int | float | bool | None
Ending = Literal["finished", "failed", "killed"]


class Began(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="b", gc=False):
    """A run; moments are milliseconds since 1970 UTC.

    `own`: the writer began it and will end it. A forked process that goes on logging to its parent's
    run, or a step of a pipeline, only joins: it makes the run when it is not there yet, and never ends it.
    """

    run: str
    experiment: str
    name: str
    at: int
    own: bool = True
    person: str = ""


class Points(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="m", gc=False):
    """Values of metrics of one step."""

    run: str
    at: int
    step: int
    values: dict[str, float]


class Facts(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="f", gc=False):
    run: str
    params: dict[str, Value] = {}
    tags: dict[str, str] = {}


class File(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="a", gc=False):
    """An artifact: `file` is its copy, relative to the writer's folder. A `live` one still grows: it is sent
    again, and what it holds when the writer has gone is sent last."""

    run: str
    path: str
    file: str
    live: bool = False


class Ended(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="e", gc=False):
    run: str
    status: Ending
    at: int


Record = Began | Points | Facts | File | Ended

encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Record)


def decode(body: bytes) -> Any:
    return _decoder.decode(body)
