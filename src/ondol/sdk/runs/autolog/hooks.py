"""Changing functions of libraries, now or when they are imported, and changing them back."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ondol.sdk.runs.channel import warn_once

Install = Callable[[ModuleType], None]


@dataclass
class Options:
    models: bool = False


options = Options()
_undo: list[Callable[[], None]] = []
_finder: _Finder | None = None


def replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Put `wrap(original)` in the place of `owner.name`; what the owner only inherits is left alone."""
    original = vars(owner).get(name)
    if original is None or getattr(original, "__ondol_autolog__", False) or not callable(original):
        return
    made: Any = functools.wraps(original)(wrap(original))
    made.__ondol_autolog__ = True
    setattr(owner, name, made)
    undo(functools.partial(setattr, owner, name, original))


def undo(step: Callable[[], None]) -> None:
    """What `restore` is to do as well."""
    _undo.append(step)


def watch(libraries: Mapping[str, Install]) -> None:
    """Call `install(module)` for the modules that are loaded, and for others once they are."""
    global _finder
    for name, install in libraries.items():
        if module := sys.modules.get(name):
            _install(install, module)
    _finder = _Finder(libraries)
    sys.meta_path.insert(0, _finder)


def restore() -> None:
    """Leave everything as it was."""
    global _finder
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    _finder = None
    while _undo:
        _undo.pop()()


def _install(install: Install, module: ModuleType) -> None:
    try:
        install(module)
    except Exception as error:
        warn_once(module.__name__, f"autolog does not know this {module.__name__}: {error}")


class _Finder(MetaPathFinder):
    def __init__(self, libraries: Mapping[str, Install]) -> None:
        self._libraries = libraries
        self._asking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        install = self._libraries.get(fullname)
        if install is None or getattr(self._asking, "name", "") == fullname:
            return None
        self._asking.name = fullname
        try:
            for finder in sys.meta_path:
                spec = finder.find_spec(fullname, path, target)
                if spec is not None and spec.loader is not None:
                    spec.loader = _After(spec.loader, install)
                    return spec
        finally:
            self._asking.name = ""
        return None


class _After(Loader):
    """Loads a module as its loader does, and then calls us."""

    def __init__(self, loader: Loader, install: Install) -> None:
        self._loader = loader
        self._install = install

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _install(self._install, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
