"""The one place where an operation is declared: REST, client, CLI and OpenAPI derive from it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, TypeVar

import msgspec

from ondol.kernel.event import Reaction

Scope = Literal["read", "write", "deploy", "admin"]
Method = Literal["GET", "POST", "PUT", "DELETE"]
Function = TypeVar("Function", bound=Callable[..., Any])


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What the doors need to know of an operation.

    `long` operations get no transaction: they do slow work and open short ones
    of their own, because SQLite has a single writer. GET never writes.
    """

    name: str
    method: Method
    path: str
    scope: Scope
    request: type[msgspec.Struct]
    response: Any
    function: Callable[[Any, Any], Any]
    long: bool = False

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n\n")[0].replace("\n", " ")

    @property
    def path_fields(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def audited(self) -> bool:
        """Who moved traffic, pointed an alias or made a key is written down."""
        return self.writes and self.scope in ("deploy", "admin")

    @property
    def writes(self) -> bool:
        return self.method != "GET"


def operation(
    name: str, method: Method, path: str, *, scope: Scope, long: bool = False
) -> Callable[[Function], Function]:
    """Declare `function(tools, request) -> record` as an operation of the house.

    The function stays a plain function: rooms above call it directly.
    """

    def mark(function: Function) -> Function:
        function.__ondol_operation__ = dict(name=name, method=method, path=path, scope=scope, long=long)  # type: ignore[attr-defined]
        return function

    return mark


def _resolve(function: Callable[..., Any], declared: dict[str, Any]) -> Operation:
    parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
    if len(parameters) != 2 or "return" not in function.__annotations__:
        raise TypeError(f"operation {declared['name']}: write it as (tools: Tools, request: Request) -> Record")
    request = _hint(function, parameters[1])
    found = Operation(request=request, response=_hint(function, "return"), function=function, **declared)
    missing = set(found.path_fields) - set(request.__struct_fields__)
    if missing:
        raise TypeError(f"operation {found.name}: {found.path} names {sorted(missing)}, {request.__name__} does not")
    return found


def _hint(function: Callable[..., Any], name: str) -> Any:
    """The type of a parameter. Most are names that stand in the module, which is read ten times as fast so."""
    said = function.__annotations__.get(name)
    if isinstance(said, str) and said in function.__globals__:
        return function.__globals__[said]
    return typing.get_type_hints(function)[name]


def collect(*modules: ModuleType) -> tuple[tuple[Operation, ...], tuple[Reaction, ...]]:
    """The operations and reactions that these modules themselves define, in order of appearance."""
    operations: list[Operation] = []
    reactions: list[Reaction] = []
    for module in modules:
        for value in vars(module).values():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if declared := getattr(value, "__ondol_operation__", None):
                operations.append(_resolve(value, declared))
            if answer := getattr(value, "__ondol_reaction__", None):
                reactions.append(answer)
    return tuple(operations), tuple(reactions)
