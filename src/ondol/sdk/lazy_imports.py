"""Heavy libraries that a project file imports are loaded when a step first needs them.

`ondol plan` executes the file only to hear what it declares, and a run ingests and
validates before it trains: neither should wait for LightGBM.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

HEAVY = ("catboost", "lightgbm", "matplotlib", "pandas", "polars", "scipy", "shap", "sklearn", "torch", "xgboost")

_OPTIONAL = {"lightgbm": ("dask", "matplotlib", "pandas", "sklearn")}
"""What a library tries to import as well, only to offer wrappers for it: up to ten times its own cost."""


Text = Callable[[], str]


@contextmanager
def lazy_imports(text: Text, *, stay: bool) -> Iterator[None]:
    """Inside the block, `import lightgbm` gives a module that is loaded at the first use of an attribute.

    Libraries that the project's code, its `text`, never mentions are not imported along with it.
    What nobody has used at the end is forgotten, unless it is to `stay`: then only one thread may use it.
    """
    finder = _HeavyFinder(text)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [] if stay else HEAVY:
            if type(sys.modules.get(name)).__name__ == "_LazyModule":
                del sys.modules[name]


class _HeavyFinder(MetaPathFinder):
    def __init__(self, text: Text) -> None:
        self._text = text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in HEAVY:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        spec.loader = importlib.util.LazyLoader(_Alone(spec.loader, fullname, self._text))
        return spec


class _Alone(Loader):
    """Loads a library as if the optional ones that the project does not mention were not installed."""

    def __init__(self, loader: Loader, name: str, text: Text) -> None:
        self._loader = loader
        self._name = name
        self._text = text

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        unwanted = [name for name in self._optional() if name not in sys.modules]
        blocked: dict[str, Any] = dict.fromkeys(unwanted)
        sys.modules.update(blocked)
        try:
            self._loader.exec_module(module)
        finally:
            for name in unwanted:
                sys.modules.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def _optional(self) -> list[str]:
        text = self._text()
        if "LGBM" in text:
            return []
        return [name for name in _OPTIONAL.get(self._name, ()) if not re.search(rf"\b(to_)?{name}\b", text)]
