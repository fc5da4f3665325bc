"""Features that are Python functions of one row, kept as source and held to what is pure.

The source is a small part of Python: arithmetic, comparisons, conditions, loops over what is there, text and
moments, `math`, and functions and constants that come along in the source. Nothing in it can read a clock, a
file, a random number or an attribute that starts with an underscore, so a function computes the same from a row
in a batch, on a stream and at request time, and running somebody's function is no more than running their SQL.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from ondol.kernel.errors import Invalid

_MAX_LENGTH = 20_000
_BUILTINS: Mapping[str, Any] = MappingProxyType(
    {
        each.__name__: each
        for each in (abs, all, any, bool, chr, divmod, enumerate, float, int, len, max, min, ord, pow, range, reversed,
                     round, sorted, str, sum, tuple, list, dict, zip)
    }
)  # fmt: skip
_GIVEN: Mapping[str, Any] = MappingProxyType(
    {"math": math, "datetime": datetime, "date": date, "timedelta": timedelta, "ZoneInfo": ZoneInfo, "UTC": UTC}
)
GIVEN = frozenset(_GIVEN)
"""What a function may name besides the built-in functions, as `import math` and `from datetime import ...` give it."""

_NODES: tuple[type[ast.AST], ...] = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For,
    ast.Break, ast.Continue, ast.Pass, ast.Expr, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call,
    ast.keyword, ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.List, ast.Dict,
    ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.comprehension, ast.JoinedStr, ast.FormattedValue,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {
        "lower", "upper", "title", "strip", "lstrip", "rstrip", "startswith", "endswith", "removeprefix",
        "removesuffix", "split", "join", "replace", "find", "count", "index", "zfill", "isdigit", "isalpha", "isalnum",
        "isupper", "islower", "get", "items", "keys", "values", "append",
        "year", "month", "day", "hour", "minute", "second", "microsecond", "week", "weekday", "isoweekday",
        "isocalendar", "date", "time", "toordinal", "timestamp", "total_seconds", "days", "seconds", "astimezone",
        "utcoffset", "dst",
    }
)  # fmt: skip
_NO_VALUE = (ArithmeticError, ValueError, LookupError)
"""A division by nought, the root of a negative number, a key that is not there: the feature has no value."""


class RowFunction(msgspec.Struct, frozen=True, kw_only=True):
    """`needed` are the parameters without which there is no value; the others may be None."""

    name: str
    parameters: list[str]
    needed: list[int]
    call: Callable[..., Any]


def row_expression(text: str, source: str, columns: Mapping[str, str], purpose: str) -> pl.Expr:
    """The function of each row as a finite double or null."""
    function, names = _called(text, source, columns, purpose)
    first = names or [next(iter(columns))]
    run = partial(_column, function, len(names), purpose)
    return pl.map_batches([pl.col(name) for name in first], run, return_dtype=pl.Float64)


def columns_of(text: str, source: str, columns: Mapping[str, str], purpose: str) -> list[str]:
    """The columns that the function is called with."""
    return _called(text, source, columns, purpose)[1]


def _called(text: str, source: str, columns: Mapping[str, str], purpose: str) -> tuple[RowFunction, list[str]]:
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise Invalid(f"{purpose}: {text!r} calls no function.") from error
    function = compiled(source, purpose)
    names = [each.id for each in call.args if isinstance(each, ast.Name)] if isinstance(call, ast.Call) else []
    fits = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function.name
    if not fits or call.keywords or len(names) != len(call.args) or len(names) != len(function.parameters):  # type: ignore[attr-defined]
        raise Invalid(f"{purpose}: {text!r} does not call {function.name}({', '.join(function.parameters)}).")
    if missing := [name for name in names if name not in columns]:
        raise Invalid(
            f"{purpose}: there is no column {missing[0]!r}, which {function.name} takes.",
            hint=f"Its parameters are columns; there are {', '.join(columns)}.",
            details={"column": missing[0], "columns": list(columns)},
        )
    return function, names


def _column(function: RowFunction, width: int, purpose: str, columns: Sequence[pl.Series]) -> pl.Series:
    values = [_taken(series) for series in columns[:width]]
    rows = zip(*values, strict=True) if width else [()] * len(columns[0])
    return pl.Series(columns[0].name, [_value(function, row, purpose) for row in rows], pl.Float64)


def _taken(series: pl.Series) -> list[Any]:
    if series.dtype.is_float():
        return pl.select(pl.when(series.is_finite()).then(series)).to_series().to_list()
    return series.to_list()


def _value(function: RowFunction, row: tuple[Any, ...], purpose: str) -> float | None:
    if None in row and any(row[place] is None for place in function.needed):
        return None
    try:
        found = function.call(*row)
        if found is None:
            return None
        number = float(found) if isinstance(found, bool | int | float) else math.nan
    except _NO_VALUE:
        return None
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in zip(function.parameters, row, strict=True))
        raise Invalid(
            f"{purpose}: {function.name}({given}) failed: {type(error).__name__}: {error}",
            hint="A parameter that may be None says so: `speed: float | None`.",
        ) from error
    if number != number and not isinstance(found, float):
        raise Invalid(f"{purpose}: {function.name} gave {found!r}; features are numbers, booleans or None.")
    return number if math.isfinite(number) else None


@lru_cache(maxsize=256)
def compiled(source: str, purpose: str) -> RowFunction:
    """The last function of the source. `Invalid` naming the line for what features cannot use."""
    if len(source) > _MAX_LENGTH:
        raise Invalid(f"{purpose}: the source of a function has at most {_MAX_LENGTH} characters.")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Invalid(f"{purpose}: the source of its function does not parse: {error}") from error
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not functions or tree.body[-1] is not functions[-1]:
        raise Invalid(f"{purpose}: the source of its function does not end with a function.")
    main = functions[-1]
    parameters = _parameters(main, purpose)
    for function in functions:
        _without_words(function)
    _check(tree, purpose)
    space: dict[str, Any] = {"__builtins__": dict(_BUILTINS), **_GIVEN}
    exec(compile(tree, f"<{main.name}>", "exec", dont_inherit=True), space)
    needed = [place for place, (_, optional) in enumerate(parameters) if not optional]
    return RowFunction(
        name=main.name, parameters=[name for name, _ in parameters], needed=needed, call=space[main.name]
    )


def _parameters(function: ast.FunctionDef, purpose: str) -> list[tuple[str, bool]]:
    """Each parameter, and whether it may be None: `x: float | None`, `x: Optional[float]` or `x=None`."""
    found = function.args
    if found.vararg or found.kwarg or found.kwonlyargs or found.posonlyargs:
        raise Invalid(f"{purpose}: {function.name} takes its columns as plain parameters.", hint="def speed(a, b): ...")
    plain = len(found.args) - len(found.defaults)
    made = []
    for place, argument in enumerate(found.args):
        optional = argument.annotation is not None and _says_none(argument.annotation)
        if place >= plain:
            default = found.defaults[place - plain]
            if not (isinstance(default, ast.Constant) and default.value is None):
                raise Invalid(f"{purpose}: {argument.arg!r} of {function.name} may have no default but None.")
            optional = True
        made.append((argument.arg, optional))
    return made


def _says_none(annotation: ast.expr) -> bool:
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    return "None" in str(text) or "Optional" in str(text)


def _without_words(function: ast.FunctionDef) -> None:
    """Annotations say nothing at run time, and may name what is not there."""
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None


def _check(tree: ast.Module, purpose: str) -> None:
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            _check_constant(statement, purpose)
        elif not isinstance(statement, ast.FunctionDef):
            raise _refused(statement, f"a {type(statement).__name__.lower()} statement", purpose)
    known = _assigned(tree) | _BUILTINS.keys() | _GIVEN.keys()
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise _refused(node, type(node).__name__.lower(), purpose)
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            raise _refused(node, f"a decorated function, {node.name}", purpose)
        if isinstance(node, ast.Name) and (node.id not in known or node.id.startswith("__")):
            raise _refused(node, repr(node.id), purpose)
        if isinstance(node, ast.Attribute):
            _check_attribute(node, purpose)
        if isinstance(node, ast.Call):
            _check_call(node, purpose)


def _check_constant(statement: ast.Assign, purpose: str) -> None:
    try:
        ast.literal_eval(statement.value)
    except (ValueError, TypeError) as error:
        raise _refused(statement, f"a constant that is computed, {ast.unparse(statement)!r}", purpose) from error


def _assigned(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    found = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    found |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return found | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _check_attribute(node: ast.Attribute, purpose: str) -> None:
    of_math = isinstance(node.value, ast.Name) and node.value.id == "math"
    allowed = hasattr(math, node.attr) and not node.attr.startswith("_") if of_math else node.attr in _ATTRIBUTES
    if not allowed or not isinstance(node.ctx, ast.Load):
        raise _refused(node, repr(ast.unparse(node)), purpose)


def _check_call(node: ast.Call, purpose: str) -> None:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "astimezone" and not node.args:
        raise _refused(node, "`astimezone()` without a zone, which asks the machine for its own", purpose)


def _refused(node: ast.AST, what: str, purpose: str) -> Invalid:
    line = getattr(node, "lineno", 0)
    return Invalid(
        f"{purpose}: line {line} of its function uses {what}, which features cannot.",
        hint="Features are pure: arithmetic, conditions, text, moments, math, and functions and constants of yours.",
    )
