"""The source of a feature's function, with the constants and functions it refers to, as `features` keeps it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ondol.kernel.errors import Invalid
from ondol.sdk.collector import wrong
from ondol.sdk.fingerprints import is_simple

_GIVEN = {"math": "math", "datetime": "datetime", "date": "datetime", "timedelta": "datetime", "ZoneInfo": "zoneinfo",
          "UTC": "datetime"}  # fmt: skip
"""What the house gives to a function, and the module that it must come from."""


def source_of(function: Callable[..., Any]) -> tuple[str, str]:
    """How the function is called, `speed(distance, minutes)`, and its source in one form: without
    comments, words and decorators, after everything it refers to."""
    if not isinstance(function, FunctionType):
        raise wrong(f"{function!r} is no feature.", hint='An expression ("a / b as x"), od.mean(...), or a function.')
    from ondol.features.rules.functions import compiled

    parts: dict[str, str] = {}
    _collect(function, parts, function.__name__)
    source = "\n".join(parts.values()) + "\n"
    try:
        known = compiled(source, f"function {function.__name__!r}")
    except Invalid as error:
        raise wrong(error.message, hint=error.hint) from error
    return f"{known.name}({', '.join(known.parameters)})", source


def _collect(function: FunctionType, parts: dict[str, str], main: str) -> None:
    node = _syntax(function)
    nonlocals = inspect.getclosurevars(function)
    referred = {**nonlocals.globals, **nonlocals.nonlocals}
    named = {each.id for each in ast.walk(ast.Module(node.body, [])) if isinstance(each, ast.Name)}
    for name in sorted(named & referred.keys()):
        value = referred[name]
        if name in parts or (value is function and name == function.__name__):
            continue
        if name in _GIVEN:
            _check_given(name, value, main)
        elif isinstance(value, FunctionType):
            parts[name] = ""
            _collect(value, parts, main)
            if value.__name__ != name:
                raise wrong(f"function {main!r} calls {value.__name__!r} by another name, {name!r}.")
        elif is_simple(value):
            parts[name] = f"{name} = {_literal(value)}"
        else:
            raise wrong(
                f"function {main!r} refers to {name!r}, a {type(value).__name__}; features are pure.",
                hint="Plain constants, plain functions and math may be used.",
            )
    parts.pop(function.__name__, None)
    parts[function.__name__] = ast.unparse(node)


def _syntax(function: FunctionType) -> ast.FunctionDef:
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError) as error:
        raise wrong(f"the source of {function.__name__!r} cannot be read.", hint="Define it with def.") from error
    if not isinstance(node, ast.FunctionDef):
        raise wrong(
            "a feature's function needs a name.", hint="Define it with def; lambdas have no source of their own."
        )
    node.decorator_list = []
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return node


def _check_given(name: str, value: Any, main: str) -> None:
    home = getattr(value, "__module__", None) or getattr(value, "__name__", "")
    if name == "UTC" or home == _GIVEN[name]:
        return
    raise wrong(f"function {main!r} refers to {name!r}, which is not that of {_GIVEN[name]!r}.",
                hint="from datetime import datetime, timedelta; import math")  # fmt: skip


def _literal(value: Any) -> str:
    """The same text in every process. A set becomes a dict with its members: only `in` is asked of it."""
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(f"{text}: None" for text in sorted(map(repr, value))) + "}"
    return repr(value)
