"""Collecting what a project file declares while it is executed, and saying where in it something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.project.types import Declarations

if TYPE_CHECKING:
    from ondol.sdk.steps import Pipeline

Kind = Literal["datasets", "views", "services", "pipelines", "models", "endpoints", "monitors"]
Spec = TypeVar("Spec", bound=msgspec.Struct)

_SDK = str(Path(__file__).parent)


@dataclass(slots=True)
class Collector:
    """What one execution of one project file declared."""

    declared: dict[Kind, list[Any]] = field(default_factory=dict)
    places: dict[tuple[Kind, str], str] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)

    def declarations(self) -> Declarations:
        return Declarations(**self.declared)


_current: ContextVar[Collector | None] = ContextVar("ondol_collector", default=None)
_house: ContextVar[Callable[[str, dict[str, Any]], Any] | None] = ContextVar("ondol_house", default=None)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Declarations made inside the block go to this collector, and to no other."""
    collector = Collector()
    token = _current.set(collector)
    try:
        yield collector
    finally:
        _current.reset(token)


@contextmanager
def asking(call: Callable[[str, dict[str, Any]], Any]) -> Iterator[None]:
    """Inside the block, names that a file does not declare are looked up by this call: operation, fields."""
    token = _house.set(call)
    try:
        yield
    finally:
        _house.reset(token)


def known(what: str, operation: str, fields: dict[str, Any]) -> Any:
    """What the house has under a name, whichever project has declared it."""
    call = _house.get()
    if call is None:
        raise wrong(f"{what} is only known to a house, and there is none.", hint="`ondol plan` asks the house.")
    try:
        return call(operation, fields)
    except NotFound as error:
        raise wrong(error.message, hint=error.hint) from error


def declare(kind: Kind, name: str, spec: msgspec.Struct) -> None:
    """Note a declaration; without a collector (a file that is just imported) nothing happens."""
    collector = _current.get()
    if collector is None:
        return
    here = place()
    if other := collector.places.get((kind, name)):
        raise Invalid(f"{here}: {kind[:-1]} {name!r} is declared already, at {other}.", hint="Give it another name.")
    collector.places[kind, name] = here
    collector.declared.setdefault(kind, []).append(spec)


def note_pipeline(pipeline: Pipeline) -> None:
    if collector := _current.get():
        collector.pipelines[pipeline.name] = pipeline


def place() -> str:
    """The file and line of the person's code that called us: `project.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith((_SDK, "<")):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def wrong(message: str, hint: str = "") -> Invalid:
    """An error that begins with the place in the person's file."""
    return Invalid(f"{place()}: {message}", hint=hint)


def build(kind: type[Spec], what: str, fields: Mapping[str, Any]) -> Spec:
    """The spec from its fields; what is misspelt or of another type is said with file and line."""
    known = {entry.name for entry in msgspec.structs.fields(kind)}
    if unknown := sorted(set(fields) - known):
        raise wrong(f"{what} has no setting {unknown[0]!r}.", hint=f"It has {', '.join(sorted(known))}.")
    try:
        return msgspec.convert(dict(fields), kind, from_attributes=True)
    except msgspec.ValidationError as error:
        raise wrong(f"{what}: {error}") from error
