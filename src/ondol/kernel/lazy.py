"""What is loaded at its first use: the command line starts without SQLAlchemy, a house without Polars."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _LazyModule(ModuleType):
    _loaded: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        if self._loaded is None:
            self._loaded = importlib.import_module(self.__name__)
        return getattr(self._loaded, name)


def lazy(name: str) -> Any:
    """A stand-in for the module `name`. Type checkers and the import contracts see the
    real import that stands under `TYPE_CHECKING` beside it."""
    return _LazyModule(name)


class _LateObject:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            with self._making:
                if self._made is None:
                    self._made = self._make()
        return getattr(self._made, name)


def late(make: Callable[[], Any]) -> Any:
    """A stand-in for the object that `make` gives, made when its first attribute is asked for. Thread-safe."""
    return _LateObject(make)
