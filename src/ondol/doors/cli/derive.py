"""Commands from operations: path fields are arguments, the other fields options."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import msgspec

from ondol import catalog
from ondol.doors.cli.show import show
from ondol.doors.cli.target import Target
from ondol.kernel.content import Content
from ondol.kernel.operation import Operation


def add_operations(root: click.Group) -> None:
    """`alias.point` becomes `ondol alias point`; a name without a dot becomes a command of its own."""
    for found in catalog.OPERATIONS.values():
        group_name, _, verb = found.name.replace("_", "-").rpartition(".")
        parent = root
        if group_name:
            known = root.commands.get(group_name)
            parent = known if isinstance(known, click.Group) else click.Group(group_name, help=_about(group_name))
            root.add_command(parent)
        parent.add_command(command_of(found), verb)


def _about(group: str) -> str:
    names = [name.replace("_", "-") for name in catalog.OPERATIONS]
    verbs = [name.rpartition(".")[2] for name in names if name.startswith(f"{group}.")]
    return f"{group.replace('-', ' ').capitalize()}: {', '.join(verbs)}."


def command_of(found: Operation) -> click.Command:
    return Derived(found)


class Derived(click.Command):
    """The command of an operation, whose options are made when it is asked for: there are hundreds of commands, and
    one of them runs."""

    def __init__(self, found: Operation) -> None:
        self._operation = found
        super().__init__(found.name, callback=_callback(found), help=(found.function.__doc__ or "").strip())

    @property
    def params(self) -> list[click.Parameter]:
        return self._params

    @params.setter
    def params(self, _: list[click.Parameter]) -> None:
        """Only here to be what click sets."""

    @cached_property
    def _params(self) -> list[click.Parameter]:
        found = self._operation
        fields = {field.name: field for field in msgspec.structs.fields(found.request)}
        parameters: list[click.Parameter] = [click.Argument([name]) for name in found.path_fields]
        parameters += [_option(field) for name, field in fields.items() if name not in found.path_fields]
        parameters.append(click.Option(["--json", "as_json"], is_flag=True, help="Print the record as JSON."))
        return parameters

    def get_short_help_str(self, limit: int = 45) -> str:
        return self._operation.summary


def _callback(found: Operation) -> Callable[..., None]:
    def run(as_json: bool, **given: Any) -> None:
        target: Target = click.get_current_context().find_object(Target)  # type: ignore[assignment]
        fields = {name: value for name, value in given.items() if value is not None and value != ()}
        record = target.call(found, fields)
        if isinstance(record, Content):
            sys.stdout.buffer.write(record.body)
        else:
            show(record, as_json=as_json, title=found.name)

    return run


def _option(field: msgspec.structs.FieldInfo) -> click.Option:
    name = f"--{field.name.replace('_', '-')}"
    kind, many = _kind(field.type)
    required = field.required
    if kind is bool:
        return click.Option([f"{name}/--no-{name[2:]}", field.name], default=None, required=required)
    return click.Option(
        [name, field.name], type=kind, multiple=many, required=required, default=None, show_default=False
    )


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The click type of a field's type, and whether it may be given several times."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        return _kind(inner[0]) if len(inner) == 1 else (str, False)
    if origin is typing.Literal:
        return click.Choice([str(value) for value in typing.get_args(annotation)]), False
    if annotation in (str, int, float, bool):
        return annotation, False
    if origin is list and typing.get_args(annotation)[0] in (str, int, float):
        return typing.get_args(annotation)[0], True
    if getattr(annotation, "__name__", "") == "datetime":
        return str, False
    return JsonValue(), False


class JsonValue(click.ParamType[Any]):
    """JSON text, or `@file` that holds it."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return msgspec.json.decode(Path(value[1:]).read_bytes() if value.startswith("@") else value.encode())
        except (OSError, msgspec.DecodeError) as error:
            self.fail(f"{value!r} is not JSON, nor @FILE that holds it: {error}", param, ctx)
