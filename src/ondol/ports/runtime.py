"""Runtime: how a kind of model is written into a package, read back and asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Union

if TYPE_CHECKING:
    import polars as pl


Rows = Union["pl.DataFrame", Mapping[str, Sequence[float | None]]]
"""A frame, or columns as lists: for the few rows of a request, making a frame costs more than most models."""


class Predictor(Protocol):
    """A loaded model. Thread-safe."""

    features: list[str]
    """The columns it wants, in this order."""

    def predict(self, rows: Rows) -> list[float]:
        """One score a row: a probability for classifiers. Extra columns are ignored, missing ones raise `Invalid`."""


class Runtime(Protocol):
    """Formats never execute code when they are loaded; a runtime that must says so by raising `Refused`."""

    flavor: str

    def recognises(self, model: Any) -> bool:
        """Whether this object is one of its models; must not import the library to find out."""

    def dump(self, model: Any) -> dict[str, bytes]:
        """The package's files for it."""

    def signature(self, model: Any) -> dict[str, Any]:
        """`{"features": [...], "parameters": {...}, "importance": {...}}`."""

    def load(self, files: dict[str, bytes]) -> Predictor: ...

    def restore(self, files: dict[str, bytes]) -> Any:
        """The model itself, as the training code had it: a resumed run hands it to the next step."""
