"""LightGBM by its C library alone: the Python package takes seconds to import, as it loads SciPy and more.

The functions are those of LightGBM's documented C API (include/LightGBM/c_api.h).
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

from ondol.kernel.errors import Invalid, OndolError

_ENDINGS = {"win32": "dll", "darwin": "dylib"}
_NAME_LENGTH = 256
_opening = threading.Lock()
_opened: list[Any] = []


def library() -> Any:
    """The library, opened once; `Invalid` when LightGBM is not installed."""
    with _opening:
        if not _opened:
            found = ctypes.cdll.LoadLibrary(str(_file()))
            found.LGBM_GetLastError.restype = ctypes.c_char_p
            _opened.append(found)
        return _opened[0]


def _file() -> Path:
    package = importlib.util.find_spec("lightgbm")
    if package is None or package.origin is None:
        raise Invalid("This model needs LightGBM.", hint="pip install 'ondol[lightgbm]'")
    name = f"lib_lightgbm.{_ENDINGS.get(sys.platform, 'so')}"
    folder = Path(package.origin).parent
    for place in (folder / "lib", folder / "bin", folder, folder.parent):
        if (place / name).is_file():
            return place / name
    raise Invalid(f"LightGBM is installed without {name}.", hint="pip install --force-reinstall lightgbm")


def check(status: int) -> None:
    if status != 0:
        raise OndolError(f"LightGBM failed: {library().LGBM_GetLastError().decode()}")


class LoadedBooster:
    """A model in the library's memory, freed with this object."""

    def __init__(self, text: bytes) -> None:
        """`OndolError` says what the library did not like about the text."""
        self._library = library()
        self.handle = ctypes.c_void_p()
        rounds = ctypes.c_int()
        check(self._library.LGBM_BoosterLoadModelFromString(text, ctypes.byref(rounds), ctypes.byref(self.handle)))

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self._library.LGBM_BoosterFree(self.handle)

    @property
    def scores_a_row(self) -> int:
        found = ctypes.c_int()
        check(self._library.LGBM_BoosterNumModelPerIteration(self.handle, ctypes.byref(found)))
        return found.value

    @property
    def features(self) -> list[str]:
        count, length = ctypes.c_int(), _NAME_LENGTH
        check(self._library.LGBM_BoosterGetNumFeature(self.handle, ctypes.byref(count)))
        while True:
            names = [ctypes.create_string_buffer(length) for _ in range(count.value)]
            written, needed = ctypes.c_int(), ctypes.c_size_t()
            places = (ctypes.c_char_p * count.value)(*(ctypes.cast(name, ctypes.c_char_p) for name in names))
            check(
                self._library.LGBM_BoosterGetFeatureNames(
                    self.handle, count, ctypes.byref(written), ctypes.c_size_t(length), ctypes.byref(needed), places
                )
            )
            if needed.value <= length:
                return [name.value.decode() for name in names]
            length = needed.value
