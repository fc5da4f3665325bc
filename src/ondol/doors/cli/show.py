"""Records on a terminal: tables and cards for people, JSON for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
import msgspec

from ondol.kernel.page import Page

WIDE = 60


def show(record: Any, *, as_json: bool, title: str = "") -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())
        return
    if {"sql", "dialect"} <= set(getattr(record, "__struct_fields__", ())):
        click.echo(record.sql)
        return
    from rich.console import Console

    console = Console()
    if {"root", "nodes", "edges"} <= set(getattr(record, "__struct_fields__", ())):
        console.print(_tree(record))
        return
    items = record.items if isinstance(record, Page) else record
    if isinstance(items, list):
        console.print(_table(items) if items else f"[dim]nothing ({title})[/]")
    else:
        console.print(_card(msgspec.to_builtins(record, builtin_types=(datetime,))))


def _tree(graph: Any) -> Any:
    """A graph of ancestry as a tree; what stands above already is not opened again."""
    from rich.markup import escape
    from rich.tree import Tree

    known = {node.id: node for node in graph.nodes}
    origins: dict[str, list[Any]] = {}
    for edge in graph.edges:
        origins.setdefault(edge.made, []).append(edge)

    def words(identity: str) -> str:
        node = known[identity]
        facts = ", ".join(f"{name} {_cell(value)}" for name, value in list(node.facts.items())[:4])
        return f"[bold]{escape(node.kind)}[/] {escape(node.title)}  [dim]{escape(identity)}  {escape(facts)}[/]"

    opened = {graph.root}
    tree = Tree(words(graph.root))
    waiting = [(tree, graph.root)]
    while waiting:
        branch, identity = waiting.pop(0)
        for edge in origins.get(identity, []):
            twig = branch.add(f"[italic]{edge.relation.replace('_', ' ')}[/] {words(edge.origin)}")
            if edge.origin not in opened:
                opened.add(edge.origin)
                waiting.append((twig, edge.origin))
    return tree


def _table(items: list[Any]) -> Any:
    from rich.table import Table

    rows = [msgspec.to_builtins(item, builtin_types=(datetime,)) for item in items]
    names = [name for name in rows[0] if any(_flat(row.get(name)) for row in rows)] or list(rows[0])
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[_cell(row.get(name)) for name in names])
    return table


def _card(values: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name, _cell(value) if _flat(value) else _block(value))
    return table


def _flat(value: Any) -> bool:
    return not isinstance(value, (dict, list)) or len(str(value)) <= WIDE


def _block(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_cell(item) for item in value)
    return "\n".join(f"{name}: {_cell(item)}" for name, item in value.items())


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_cell(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_cell(item) for item in value)
    return "" if value is None else str(value).replace("[", "\\[")
