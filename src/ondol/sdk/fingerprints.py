"""What a step depends on, as digests: its code, and the values that went in."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import msgspec

_PLAIN = (str, int, float, bool, bytes, type(None))


def sha256(*parts: str | bytes) -> str:
    """A digest of parts whose borders count: ("ab", "c") is not ("a", "bc")."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    return digest.hexdigest()


def code_digest(function: Callable[..., Any], root: Path) -> str:
    """A digest of the function's meaning: its syntax (comments, blank lines and annotations do not
    count), its defaults, and everything below `root` that it refers to: constants, functions,
    classes, modules. Of other packages only the version counts.
    """
    seen: dict[str, str] = {}
    _visit(inspect.unwrap(function), root, seen)
    return sha256(*(part for name in sorted(seen) for part in (name, seen[name])))


def _visit(value: Any, root: Path, seen: dict[str, str]) -> None:
    """A function or a class of the project, or the step itself."""
    name = f"{_file_of(value, root)} {value.__qualname__}"
    if name in seen:
        return
    seen[name] = _syntax(value)
    if isinstance(value, FunctionType):
        seen[f"{name} defaults"] = stable((value.__defaults__, value.__kwdefaults__))
        for word, found in _referred(value):
            _note(f"{name} {word}", found, root, seen)
    else:
        for member in vars(value).values():
            if isinstance(found := inspect.unwrap(member) if callable(member) else member, FunctionType):
                _visit(found, root, seen)


def _note(name: str, value: Any, root: Path, seen: dict[str, str]) -> None:
    """A thing that the code refers to by a name."""
    if isinstance(value, ModuleType):
        _note_module(value, root, seen)
        return
    unwrapped = inspect.unwrap(value) if callable(value) else value
    if isinstance(unwrapped, FunctionType | type):
        if _file_of(unwrapped, root):
            _visit(unwrapped, root, seen)
    elif is_simple(value):
        seen[name] = stable(value)
    elif isinstance(spec := getattr(value, "spec", value), msgspec.Struct):
        seen[name] = msgspec.json.encode(spec).decode()


def _note_module(module: ModuleType, root: Path, seen: dict[str, str]) -> None:
    # A module that is still to be loaded must not be loaded for this.
    spec = object.__getattribute__(module, "__dict__").get("__spec__")
    name = spec.name if spec else module.__name__
    if spec and spec.origin and Path(spec.origin).is_relative_to(root):
        seen[name] = hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    else:
        seen[name] = _version(name.partition(".")[0])


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _file_of(value: Any, root: Path) -> str:
    """The file below `root` that holds a function or class, relative to it; empty for others."""
    try:
        file = Path(inspect.getfile(value))
    except (TypeError, OSError):
        return ""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else ""


def _syntax(value: Any) -> str:
    try:
        source = textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        return ""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        # A lambda in the middle of an expression: its source line alone does not parse.
        return source
    return ast.unparse(_Bare().visit(tree))


class _Bare(ast.NodeTransformer):
    """Without annotations, decorators and docstrings, which change nothing that a step computes."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        node.decorator_list = []
        if len(node.body) > 1 and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _referred(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The globals and closed-over values that the function's code names."""
    for word in sorted(_names(function.__code__)):
        if word in function.__globals__:
            yield word, function.__globals__[word]
    for word, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield word, cell.cell_contents


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*(_names(each) for each in inner))


def stable(value: Any) -> str:
    """Text that is the same in every process: sets and dicts are sorted."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{stable(key)}: {stable(item)}" for key, item in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(stable, value))) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(stable, value)) + ")"
    return repr(value) if isinstance(value, _PLAIN) else type(value).__qualname__


def is_simple(value: Any) -> bool:
    """Numbers, text, and lists, tuples and dicts of them."""
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_simple(item) for item in value)
    return isinstance(value, dict) and all(is_simple(item) for pair in value.items() for item in pair)
