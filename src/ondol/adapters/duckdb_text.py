"""The text of a statement and its tree, as DuckDB's own parser gives it: which tables, at which versions.

Whatever is rewritten keeps its length, so that places in error messages are those of the text that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ondol.kernel.errors import Invalid
from ondol.ports.sql_engine import SqlTable

# Strings, comments and quoted names first: an @ inside them is none of ours.
_AT_SIGN = re.compile(
    r"""'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(?P<name>"(?:[^"]|"")*"|[A-Za-z_]\w*)(?P<at>@(?P<version>[\d][\w:.+-]*))?""",
    re.DOTALL,
)
_AT_CLAUSE = re.compile(rb"\s+at\s*\(\s*(version|timestamp)\s*=>.*$", re.IGNORECASE | re.DOTALL)
_MARK = "$"
_PLAIN = str.maketrans({"-": "$", ":": "$", "+": "$", ".": "$"})


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A table in the tree: `table` as the rooms see it, and the rest for the text."""

    catalog: str
    schema: str
    name: str
    table: SqlTable


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text_of(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def shorthand(text: str) -> str:
    """`flights@12` as one name of the same length, which `tables_of` takes apart again."""

    def replace(found: re.Match[str]) -> str:
        if not found["at"]:
            return found[0]
        name, version = found["name"], found["version"].translate(_PLAIN)
        return f'{name[:-1]}{_MARK}{version}"' if name.startswith('"') else f"{name}{_MARK}{version}"

    return _AT_SIGN.sub(replace, text)


def tables_of(tree: Any) -> list[tuple[Named, dict[str, Any]]]:
    """Every stored table that the statement may read, with its node."""
    names = {entry["key"].lower() for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", ())}
    nodes = [node for node in _nodes(tree) if node.get("type") == "BASE_TABLE"]
    return [(_named(node, names, number), node) for number, node in enumerate(nodes)]


def words_of(tree: Any) -> frozenset[str] | None:
    """Every word that may name a column; None when a star may stand for any of them."""
    words: set[str] = set()
    for node in _nodes(tree):
        kind = node.get("class") or node.get("type")
        if kind == "STAR" or node.get("type") == "SHOW_REF":
            return None
        if kind == "COLUMN_REF":
            words.update(node["column_names"])
        words.update(node.get("using_columns") or ())
        if node.get("ref_type") == "NATURAL":
            return None
    return frozenset(words)


def at_as_name(text: str, named: Named, node: dict[str, Any]) -> str:
    """`flights f AT (VERSION => 12)` reads a table of its own; the clause is longer than what this adds."""
    if not node.get("at_clause"):
        return text
    raw = text.encode()
    start, length = node["query_location"], node["query_location_length"]
    alias = quoted(node["alias"] or named.name)
    columns = ", ".join(quoted(name) for name in node["column_name_alias"])
    said = f"{quoted(named.table.place[1])} {alias}{f'({columns})' if columns else ''}".encode()
    part = raw[start : start + length]
    if not _AT_CLAUSE.search(part) or len(said) > length:
        raise Invalid("Write the version behind the name: flights@12.")
    return (raw[:start] + said.ljust(length) + raw[start + length :]).decode()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _named(node: dict[str, Any], ctes: set[str], number: int) -> Named:
    catalog, schema, written = node["catalog_name"], node["schema_name"], node["table_name"]
    name, mark, shorter = written.partition(_MARK)
    version, at, place = None, "", (schema, written)
    if mark and shorter[:1].isdigit():
        version, at = (int(shorter), "") if shorter.isdigit() else (None, _moment(shorter))
    else:
        name = written
    if clause := node.get("at_clause"):
        place = ("", f"__v{number}")
        version, at = _asked(clause)
    maybe = not schema and written.lower() in ctes
    table = SqlTable(schema=schema, name=name, version=version, at=at, place=place, maybe=maybe)
    return Named(catalog=catalog, schema=schema, name=name, table=table)


def _moment(text: str) -> str:
    """`2013$05$01T12$30` back to a moment."""
    day, mark, time = text.replace("T", " ").partition(" ")
    return day.replace(_MARK, "-") + (f"T{time.replace(_MARK, ':')}" if mark else "")


def _asked(clause: dict[str, Any]) -> tuple[int | None, str]:
    literal = clause["expr"].get("literal") or (clause["expr"].get("child") or {}).get("literal") or {}
    text = str(literal.get("text", ""))
    if clause["unit"].upper() == "VERSION" and text.isdigit():
        return int(text), ""
    if clause["unit"].upper() == "TIMESTAMP" and text:
        return None, text
    raise Invalid("AT takes a number or a moment: AT (VERSION => 12), AT (TIMESTAMP => '2013-05-01').")
