"""Outputs of steps: written in formats that never execute code when they are read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid
from ondol.pipelines.types import Output
from ondol.ports.runtime import Runtime

if TYPE_CHECKING:
    import polars as pl

Put = Callable[[str, bytes], str]
"""Stores a file under a name within the step's folder and gives its path among the blobs."""
Get = Callable[[str], bytes]


class Writer:
    """Writes one step's output."""

    def __init__(self, step: str, put: Put, runtimes: Sequence[Runtime], kind: Any = None) -> None:
        self._step = step
        self._put = put
        self._runtimes = runtimes
        self._kind = kind

    def write(self, value: Any, name: str = "output") -> tuple[Output, Any]:
        """The stored output, and the value as a later run will read it: what comes fresh
        from a step and what comes from the cache are alike.

        Raises `Invalid` naming the step and the type when no format fits.
        """
        if isinstance(value, tuple):
            return self._tuple(value, name)
        if _is_frame(value):
            return self._frame(value, name)
        for runtime in self._runtimes:
            if runtime.recognises(value):
                return self._model(runtime, value, name)
        return self._json(value, name)

    def _tuple(self, value: tuple[Any, ...], name: str) -> tuple[Output, Any]:
        written = [self.write(item, f"{name}-{number}") for number, item in enumerate(value)]
        items = [output for output, _ in written]
        output = Output(
            path="",
            format="tuple",
            digest=hashlib.sha256("".join(item.digest for item in items).encode()).hexdigest(),
            summary="; ".join(item.summary for item in items),
            facts={"items": msgspec.to_builtins(items)},
        )
        return output, tuple(item for _, item in written)

    def _frame(self, value: Any, name: str) -> tuple[Output, Any]:
        frame: pl.DataFrame = value.collect() if hasattr(value, "collect") else value
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        content = buffer.getvalue()
        output = Output(
            path=self._put(f"{name}.parquet", content),
            format="parquet",
            digest=hashlib.sha256(content).hexdigest(),
            summary=f"{frame.height:,} rows × {frame.width} columns",
            facts={"rows": frame.height, "columns": {column: str(kind) for column, kind in frame.schema.items()}},
        )
        return output, frame

    def _model(self, runtime: Runtime, value: Any, name: str) -> tuple[Output, Any]:
        files = runtime.dump(value)
        paths = {file: self._put(f"{name}/{file}", content) for file, content in files.items()}
        digest = hashlib.sha256()
        for file in sorted(files):
            digest.update(file.encode() + b"\0" + hashlib.sha256(files[file]).digest())
        restored = runtime.restore(files)
        kind = type(restored)
        output = Output(
            path=next(iter(paths.values())).rpartition("/")[0],
            format=runtime.flavor,
            digest=digest.hexdigest(),
            summary=f"{kind.__module__.partition('.')[0]} {kind.__name__}",
            facts={"files": paths},
        )
        return output, value if type(value) is kind else restored

    def _json(self, value: Any, name: str) -> tuple[Output, Any]:
        try:
            content = msgspec.json.encode(value, enc_hook=_plain_number)
        except TypeError as error:
            kind = type(value)
            raise Invalid(
                f"Step {self._step!r} gave back a {kind.__module__}.{kind.__qualname__}, which cannot be stored.",
                hint=f"{error}. Give back a Polars frame, a model, numbers, text, lists or dicts of them, or a tuple.",
            ) from error
        output = Output(
            path=self._put(f"{name}.json", content),
            format="json",
            digest=hashlib.sha256(content).hexdigest(),
            summary=_shorten(_line(value, content)),
        )
        return output, msgspec.json.decode(content, type=self._kind or Any)


def read(output: Output, get: Get, runtimes: Sequence[Runtime], kind: Any = None) -> Any:
    """The value again; `kind` is the struct that JSON is to become."""
    if output.format == "tuple":
        items = msgspec.convert(output.facts["items"], list[Output])
        return tuple(read(item, get, runtimes) for item in items)
    if output.format == "parquet":
        import polars as pl

        return pl.read_parquet(io.BytesIO(get(output.path)))
    if output.format == "json":
        return msgspec.json.decode(get(output.path), type=kind or Any)
    for runtime in runtimes:
        if runtime.flavor == output.format:
            return runtime.restore({file: get(path) for file, path in output.facts["files"].items()})
    raise Invalid(f"Nothing here reads the format {output.format!r}.", hint=f"Install the extra {output.format!r}.")


def numbers(value: Any) -> dict[str, float]:
    """The metrics in a step's output: the numbers of a dict."""
    if not isinstance(value, dict):
        return {}
    return {
        str(key): float(number)
        for key, number in value.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }


def _is_frame(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "polars" and type(value).__name__ in ("DataFrame", "LazyFrame")


def _plain_number(value: Any) -> Any:
    """Numbers of other libraries (NumPy's) as Python's."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"no way to write a {type(value).__qualname__}")


def _line(value: Any, content: bytes) -> str:
    """One line to read: numbers with their names, otherwise the JSON itself."""
    found = numbers(value)
    if found and len(found) == len(value):
        return ", ".join(f"{name} {number:.6g}" for name, number in found.items())
    return content.decode()


def _shorten(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."
