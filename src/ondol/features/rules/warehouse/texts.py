"""Text, character by character."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from ondol.features.rules.warehouse.neutral import TRIMMED, Typed, neutral, whole

if TYPE_CHECKING:
    from ondol.features.rules.warehouse.canonical import Reader


def plain(reader: Reader, node: exp.Expr) -> Typed:
    return type(node)(this=reader.value(node.this)), "integer" if isinstance(node, exp.Length) else "string"


def trimmed(reader: Reader, node: exp.Expr) -> Typed:
    side = str(node.args.get("position") or "BOTH").upper()
    return neutral(TRIMMED, reader.value(node.this), exp.var(side)), "string"


def part(reader: Reader, node: exp.Expr) -> Typed:
    """LEFT, RIGHT and SUBSTRING, by literal numbers."""
    numbers = {name: node.args[name].copy() for name in ("expression", "start", "length") if node.args.get(name)}
    return type(node)(this=reader.value(node.this), **numbers), "string"


def two(reader: Reader, node: exp.Expr) -> Typed:
    values = {name: reader.value(node.args[name]) for name in ("this", "expression")}
    return type(node)(**values), "string" if isinstance(node, exp.DPipe) else "boolean"


def replaced(reader: Reader, node: exp.Expr) -> Typed:
    given = {name: node.args[name].copy() for name in ("expression", "replacement")}
    return exp.Replace(this=reader.value(node.this), **given), "string"


def split(reader: Reader, node: exp.Expr) -> Typed:
    given = {name: node.args[name].copy() for name in ("delimiter", "part_index")}
    return exp.SplitPart(this=reader.value(node.this), **given), "string"


def position(reader: Reader, node: exp.Expr) -> Typed:
    return exp.StrPosition(this=reader.value(node.this), substr=node.args["substr"].copy()), "integer"


def contains(reader: Reader, node: exp.Expr) -> Typed:
    place = exp.StrPosition(this=reader.value(node.this), substr=reader.value(node.expression))
    return exp.Paren(this=exp.GT(this=place, expression=whole(0))), "boolean"


def like(reader: Reader, node: exp.Expr) -> Typed:
    value, pattern = reader.value(node.this), node.expression.name
    if isinstance(node, exp.ILike):
        value, pattern = exp.Lower(this=value), pattern.lower()
    # A backslash stands only before what it makes plain.
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    said = "".join(piece if len(piece) == 1 or piece[1] in "%_\\" else piece[1] for piece in pieces)
    return exp.Like(this=value, expression=exp.Literal.string(said)), "boolean"


TEXTS: dict[type[exp.Expr], Callable[[Reader, exp.Expr], Typed]] = {
    **dict.fromkeys((exp.Length, exp.Lower, exp.Upper), plain),
    exp.Trim: trimmed,
    **dict.fromkeys((exp.Left, exp.Right, exp.Substring), part),
    **dict.fromkeys((exp.DPipe, exp.StartsWith, exp.EndsWith), two),
    exp.Replace: replaced,
    exp.SplitPart: split,
    exp.StrPosition: position,
    exp.Contains: contains,
    **dict.fromkeys((exp.Like, exp.ILike), like),
}
