"""Modules that are loaded at their first use: the command line starts without SQLAlchemy or Polars."""

from __future__ import annotations

import importlib
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
