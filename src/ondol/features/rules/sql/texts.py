"""Text."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl
from sqlglot import exp

from ondol.features.rules.sql.numbers import Compile, whole
from ondol.features.rules.sql.typed import Mismatch, Typed, only


def _text(node: exp.Expr, compiled: Compile) -> pl.Expr:
    return only(compiled(node), "string")


def literal(node: exp.Expr | None, what: str) -> str:
    """A text literal that is not empty."""
    if isinstance(node, exp.Literal) and node.is_string and node.name:
        return str(node.name)
    raise Mismatch(f"{node.sql() if node else 'nothing'} as {what}, which must be text as it stands,")


def _plain(function: Callable[[pl.Expr], pl.Expr], kind: str = "string") -> Callable[[exp.Expr, Compile], Typed]:
    def of(node: exp.Expr, compiled: Compile) -> Typed:
        return Typed(function(_text(node.this, compiled)), kind)

    return of


def trimmed(node: exp.Expr, compiled: Compile) -> Typed:
    """Without spaces at the ends, or at one."""
    if node.args.get("expression") is not None:
        raise Mismatch("trim of other characters than spaces")
    value = _text(node.this, compiled).str
    side = str(node.args.get("position") or "BOTH").upper()
    strip = {"LEADING": value.strip_chars_start, "TRAILING": value.strip_chars_end}.get(side, value.strip_chars)
    return Typed(strip(" "), "string")


def first(node: exp.Expr, compiled: Compile) -> Typed:
    return Typed(_text(node.this, compiled).str.slice(0, whole(node.expression)), "string")


def final(node: exp.Expr, compiled: Compile) -> Typed:
    value, size = _text(node.this, compiled), whole(node.expression)
    start = (value.str.len_chars().cast(pl.Int64) - size).clip(0)
    return Typed(value.str.slice(start), "string")


def part(node: exp.Expr, compiled: Compile) -> Typed:
    """From the character `start`, counted from 1."""
    length = node.args.get("length")
    start = whole(node.args.get("start"), least=1) - 1
    value = _text(node.this, compiled)
    return Typed(value.str.slice(start, None if length is None else whole(length)), "string")


def joined(node: exp.Expr, compiled: Compile) -> Typed:
    return Typed(_text(node.this, compiled) + _text(node.expression, compiled), "string")


def replaced(node: exp.Expr, compiled: Compile) -> Typed:
    old, new = literal(node.expression, "what replace looks for"), node.args.get("replacement")
    if not (isinstance(new, exp.Literal) and new.is_string):
        raise Mismatch("replace without the text to put there")
    return Typed(_text(node.this, compiled).str.replace_all(old, new.name, literal=True), "string")


def split(node: exp.Expr, compiled: Compile) -> Typed:
    """The n-th part, counted from 1; empty beyond the last one."""
    mark = literal(node.args.get("delimiter"), "the delimiter of split_part")
    place = whole(node.args.get("part_index"), least=1) - 1
    value = _text(node.this, compiled)
    found = value.str.split(mark).list.get(place, null_on_oob=True)
    return Typed(pl.when(value.is_not_null()).then(found.fill_null("")), "string")


def position(node: exp.Expr, compiled: Compile) -> Typed:
    """The character at which a text begins within another, counted from 1; 0 when it is not there."""
    sought = literal(node.args.get("substr"), "what position looks for")
    value = _text(node.this, compiled)
    before = value.str.splitn(sought, 2).struct.field("field_0").str.len_chars().cast(pl.Int64)
    there = value.str.contains(sought, literal=True)
    return Typed(pl.when(there).then(before + 1).when(~there).then(pl.lit(0, pl.Int64)), "integer")


def holds(node: exp.Expr, compiled: Compile) -> Typed:
    """`starts_with`, `ends_with`, `contains`."""
    value, other = _text(node.this, compiled).str, _text(node.expression, compiled)
    if isinstance(node, exp.StartsWith):
        return Typed(value.starts_with(other), "boolean")
    if isinstance(node, exp.EndsWith):
        return Typed(value.ends_with(other), "boolean")
    return Typed(value.contains(other, literal=True), "boolean")


def like(node: exp.Expr, compiled: Compile) -> Typed:
    """`%` is any text, `_` any character; a backslash before them means the character itself."""
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise Mismatch("like without a pattern as it stands")
    flags = "(?is)" if isinstance(node, exp.ILike) else "(?s)"
    pieces = re.findall(r"\\.|.", pattern.name, re.DOTALL)
    wanted = "".join({"%": ".*", "_": "."}.get(piece) or re.escape(piece[-1]) for piece in pieces)
    return Typed(_text(node.this, compiled).str.contains(f"{flags}^{wanted}$"), "boolean")


TEXTS: dict[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = {
    exp.Length: _plain(lambda value: value.str.len_chars().cast(pl.Int64), "integer"),
    exp.Lower: _plain(lambda value: value.str.to_lowercase()),
    exp.Upper: _plain(lambda value: value.str.to_uppercase()),
    exp.Trim: trimmed,
    exp.Left: first,
    exp.Right: final,
    exp.Substring: part,
    exp.DPipe: joined,
    exp.Replace: replaced,
    exp.SplitPart: split,
    exp.StrPosition: position,
    **dict.fromkeys((exp.StartsWith, exp.EndsWith, exp.Contains), holds),
    **dict.fromkeys((exp.Like, exp.ILike), like),
}
