"""An expression with its types and special cases written out, so that every engine computes the same.

The same text means different things to different engines: `1 / 2`, `7 % 0`, `round(2.5)`, `ln(0)`,
`greatest(null, 1)`, `extract(dow from t)`. Here each is given the meaning that it has in `rules.sql`,
in terms that have one meaning everywhere, or that `dialects` writes for each engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from ondol.features.rules.expressions import counted_expression, tree_of
from ondol.features.rules.sql.casts import NAMES
from ondol.features.rules.warehouse import moments, texts
from ondol.features.rules.warehouse.neutral import (
    BIGINT,
    DOUBLE,
    LOG2,
    LOG10,
    PARSED,
    REMAINDER,
    TRIMMED,
    WHOLE,
    Kind,
    Typed,
    as_double,
    bits,
    case,
    finite,
    neutral,
    to,
    whole,
)
from ondol.kernel.errors import Invalid

# exp(709.79) is beyond the doubles.
_LARGEST_EXPONENT = "709.78"


def meaning(text: str, columns: Mapping[str, str], purpose: str) -> Typed:
    """An expression in terms of one meaning, and its kind. Doubles among the columns are finite or null.

    `Invalid` for what is no expression, and for what only Polars can be told; `purpose` names the feature.
    """
    counted_expression(text, columns, purpose)
    return Reader(columns, purpose).read(tree_of(text, columns, purpose))


class Reader:
    """Reads a tree from the leaves up; each method answers new nodes and their kind."""

    def __init__(self, columns: Mapping[str, str], purpose: str) -> None:
        self.columns = columns
        self.purpose = purpose

    def read(self, node: exp.Expr) -> Typed:
        rule = _RULES.get(type(node))
        if rule is None:
            raise self.refused(node)
        value, kind = rule(self, node)
        return (exp.Not(this=exp.paren(value, copy=False)), kind) if node.args.get("negate") else (value, kind)

    def value(self, node: exp.Expr) -> exp.Expr:
        return self.read(node)[0]

    def refused(self, node: exp.Expr) -> Invalid:
        return Invalid(
            f"{self.purpose}: {node.sql()!r} cannot be said to other engines.",
            hint="Build this training set in the house (without `engine`), or write the expression in other words.",
        )

    def double(self, node: exp.Expr) -> exp.Expr:
        return as_double(*self.read(node))

    def alike(self, nodes: Sequence[exp.Expr]) -> tuple[list[exp.Expr], Kind]:
        """Values of one kind, and that kind: texts beside moments are moments."""
        read = [self.read(node) for node in nodes]
        kinds = {kind for (_, kind), node in zip(read, nodes, strict=True) if not _is_text(node)} - {"null"}
        for native, counted in moments.COUNTED_KINDS.items():
            if kinds == {native, counted}:
                read = [moments.counted(*one) if one[1] == native else one for one in read]
                kinds = {counted}
        if kinds & moments.KINDS:
            kind = next(iter(kinds))
            read = [
                moments.said(node.name, kind) if _is_text(node) else one for node, one in zip(nodes, read, strict=True)
            ]
        found = {kind for _, kind in read} - {"null"}
        common: Kind = "double" if "double" in found else next(iter(found), "null")
        values = [value for value, _ in read]
        if common == "double" and any(kind == "double" and not _is_literal(value) for value, kind in read):
            # Beside a double every engine takes a number with a point for a double.
            values = [_bare(value) for value in values]
        return values, common

    def literal(self, node: exp.Expr) -> Typed:
        if node.is_string:
            return node.copy(), "string"
        if node.name.isdigit() and len(node.name) < 19:
            return node.copy(), "integer"
        return to(node.copy(), DOUBLE), "double"

    def column(self, node: exp.Expr) -> Typed:
        return exp.column(node.name), self.columns[node.name]  # type: ignore[return-value]

    def paren(self, node: exp.Expr) -> Typed:
        value, kind = self.read(node.this)
        return exp.paren(value, copy=False), kind

    def logic(self, node: exp.Expr) -> Typed:
        if isinstance(node, exp.Not):
            return exp.Not(this=self.value(node.this)), "boolean"
        return type(node)(this=self.value(node.this), expression=self.value(node.expression)), "boolean"

    def compared(self, node: exp.Expr) -> Typed:
        (left, right), _ = self.alike([node.this, node.expression])
        if not isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
            return type(node)(this=left, expression=right), "boolean"
        nulls = exp.And(this=_is_null(left.copy()), expression=_is_null(right.copy()))
        same = exp.Coalesce(this=exp.EQ(this=left, expression=right), expressions=[nulls])
        return (same if isinstance(node, exp.NullSafeEQ) else exp.Not(this=same)), "boolean"

    def is_what(self, node: exp.Expr) -> Typed:
        value = self.value(node.this)
        if isinstance(node.expression, exp.Null):
            return _is_null(value), "boolean"
        held = value if node.expression.this else exp.Not(this=exp.paren(value, copy=False))
        return exp.Coalesce(this=held, expressions=[exp.false()]), "boolean"

    def between(self, node: exp.Expr) -> Typed:
        (value, low, high), _ = self.alike([node.this, node.args["low"], node.args["high"]])
        return exp.Between(this=value, low=low, high=high), "boolean"

    def one_of(self, node: exp.Expr) -> Typed:
        (value, *choices), _ = self.alike([node.this, *node.expressions])
        return exp.In(this=value, expressions=choices), "boolean"

    def arithmetic(self, node: exp.Expr) -> Typed:
        left, right = self.read(node.this), self.read(node.expression)
        if {left[1], right[1]} & {*moments.KINDS, "interval"}:
            return moments.arithmetic(self, node, left, right)
        (a, b), kind = _pair(left, right)
        return type(node)(this=a, expression=b), kind

    def quotient(self, node: exp.Expr) -> Typed:
        (left, left_kind), (right, right_kind) = self.read(node.this), self.read(node.expression)
        if "double" not in (left_kind, right_kind) or (left_kind != "double" and _is_literal(right)):
            left = as_double(left, left_kind)
        elif left_kind == "double" and not _is_literal(left):
            right = _bare(right)
        return exp.Div(this=left, expression=_not_nought(right), typed=True, safe=False), "double"

    def remainder(self, node: exp.Expr) -> Typed:
        (left, right), kind = _pair(self.read(node.this), self.read(node.expression))
        if isinstance(node, exp.IntDiv):
            return exp.IntDiv(this=left, expression=_not_nought(right)), kind
        if kind == "double":
            return neutral(REMAINDER, left, _not_nought(right)), kind
        return exp.Mod(this=left, expression=_not_nought(right)), kind

    def negated(self, node: exp.Expr) -> Typed:
        value, kind = self.read(node.this)
        return exp.Neg(this=value), kind

    def chosen(self, node: exp.Expr) -> Typed:
        """CASE and IF: `case x when 1 then ...` asks whether `x = 1`."""
        branches = [node] if isinstance(node, exp.If) else node.args["ifs"]
        default = node.args.get("false") if isinstance(node, exp.If) else node.args.get("default")
        subject = None if isinstance(node, exp.If) else node.this
        conditions = [
            self.compared(exp.EQ(this=subject.copy(), expression=branch.this.copy()))[0]
            if subject
            else self.value(branch.this)
            for branch in branches
        ]
        results = [branch.args["true"] for branch in branches]
        values, kind = self.alike(results if default is None else [*results, default])
        found = case(*zip(conditions, values, strict=False), default=None if default is None else values[-1])
        return found, kind

    def cast(self, node: exp.Expr) -> Typed:
        wanted: Kind = NAMES[node.args["to"].this]  # type: ignore[assignment]
        if _is_text(node.this) and wanted in ("date", "timestamp"):
            return moments.said(node.this.name, wanted)
        value, kind = self.read(node.this)
        if kind == "null":
            return to(value, exp.DType.TIMESTAMPTZ if wanted == "timestamp" else node.args["to"].this), wanted
        if kind == wanted or moments.COUNTED_KINDS.get(wanted) == kind:
            return value, kind
        rule = _CASTS.get((kind, wanted))
        if rule is None:
            raise self.refused(node)
        return rule(value)

    def size(self, node: exp.Expr) -> Typed:
        value, kind = self.read(node.this)
        return type(node)(this=value), kind

    def stepped(self, node: exp.Expr) -> Typed:
        """FLOOR, CEIL and TRUNC."""
        value, kind = self.read(node.this)
        if kind == "integer":
            return exp.paren(value, copy=False), kind
        if isinstance(node, exp.Trunc):
            below = exp.LT(this=value, expression=whole(0))
            return case((below, exp.Ceil(this=value.copy())), default=exp.Floor(this=value.copy())), kind
        return type(node)(this=value), kind

    def rounded(self, node: exp.Expr) -> Typed:
        """Halves go away from nought, by a formula: engines round decimals, doubles, or to the even number."""
        value, kind = self.read(node.this)
        if kind == "integer":
            return exp.paren(value, copy=False), kind
        places = int(node.args["decimals"].name) if node.args.get("decimals") else 0
        scale = 10**places
        size: exp.Expr = exp.Abs(this=value)
        scaled = size if scale == 1 else exp.Mul(this=size, expression=whole(scale))
        floor = exp.Floor(this=exp.Add(this=scaled, expression=exp.Literal.number("0.5")))
        signed: exp.Expr = exp.Mul(this=exp.Sign(this=value.copy()), expression=floor)
        if scale > 1:
            signed = exp.Div(this=signed, expression=whole(scale), typed=True)
        return exp.Paren(this=signed), kind

    def smooth(self, node: exp.Expr) -> Typed:
        given = {"expression": self.double(node.expression)} if node.args.get("expression") else {}
        return type(node)(this=self.double(node.this), **given), "double"

    def guarded(self, node: exp.Expr) -> Typed:
        """A function where it has a value."""
        value = self.double(node.this)
        if isinstance(node, exp.Exp):
            within: exp.Expr = exp.LTE(this=value, expression=exp.Literal.number(_LARGEST_EXPONENT))
        elif isinstance(node, exp.Asin | exp.Acos):
            within = exp.LTE(this=exp.Abs(this=value), expression=whole(1))
        else:
            within = exp.GTE(this=value, expression=whole(0))
        return case((within, type(node)(this=value.copy()))), "double"

    def logarithm(self, node: exp.Expr) -> Typed:
        of = node.this if isinstance(node, exp.Ln) else node.expression
        value = self.double(of)
        base = "" if isinstance(node, exp.Ln) else node.this.name
        made: exp.Expr = exp.Ln(this=value.copy())
        if base in ("10", "2"):
            made = neutral(LOG10 if base == "10" else LOG2, value.copy())
        elif base:
            made = exp.Div(this=made, expression=exp.Ln(this=self.double(node.this)), typed=True)
        return case((exp.GT(this=value, expression=whole(0)), made)), "double"

    def turned(self, node: exp.Expr) -> Typed:
        """DEGREES and RADIANS."""
        factor = "57.29577951308232" if isinstance(node, exp.Degrees) else "0.017453292519943295"
        value = exp.paren(self.double(node.this), copy=False)
        return exp.Paren(this=exp.Mul(this=value, expression=to(exp.Literal.number(factor), DOUBLE))), "double"

    def power(self, node: exp.Expr) -> Typed:
        return finite(exp.Pow(this=self.double(node.this), expression=self.double(node.expression))), "double"

    def of_all(self, node: exp.Expr) -> Typed:
        """COALESCE, GREATEST and LEAST."""
        (first, *others), kind = self.alike([node.this, *node.expressions])
        nulls = {"ignore_nulls": True} if isinstance(node, exp.Greatest | exp.Least) else {}
        return type(node)(this=first, expressions=others, **nulls), kind

    def nullif(self, node: exp.Expr) -> Typed:
        (value, other), kind = self.alike([node.this, node.expression])
        return exp.Nullif(this=value, expression=other), kind


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _is_literal(value: exp.Expr) -> bool:
    return isinstance(value, exp.Literal) or (isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal))


def _bare(value: exp.Expr) -> exp.Expr:
    return value.this if isinstance(value, exp.Cast) and isinstance(value.this, exp.Literal) else value


def _is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=value, expression=exp.Null())


def _not_nought(value: exp.Expr) -> exp.Expr:
    bare = _bare(value)
    if isinstance(bare, exp.Literal) and float(bare.this):
        return value
    return exp.Nullif(this=value, expression=whole(0))


def _pair(left: Typed, right: Typed) -> tuple[tuple[exp.Expr, exp.Expr], Kind]:
    """Two numbers of which neither is narrower than 64 bits, and their common kind."""
    found = [left, right]
    kind: Kind = "double" if "double" in {kind for _, kind in found} else "integer"
    a, b = (to(value, BIGINT) if kind == "integer" and isinstance(value, exp.Case) else value for value, _ in found)
    if any(kind == "double" and not _is_literal(value) for value, kind in found):
        return (_bare(a), _bare(b)), kind
    return (a, b), kind


def _word(value: exp.Expr) -> Typed:
    no = exp.Not(this=exp.paren(value))
    return case((value, exp.Literal.string("true")), (no, exp.Literal.string("false"))), "string"


def _parsed(kind: Kind) -> Callable[[exp.Expr], Typed]:
    return lambda value: (neutral(PARSED, neutral(TRIMMED, value, exp.var("BOTH")), exp.var(kind)), kind)


def _true(value: exp.Expr) -> Typed:
    return exp.Paren(this=exp.NEQ(this=value, expression=whole(0))), "boolean"


_CASTS: dict[tuple[Kind, Kind], Callable[[exp.Expr], Typed]] = {
    ("integer", "double"): lambda value: (to(value, DOUBLE), "double"),
    ("integer", "string"): lambda value: (to(value, exp.DType.VARCHAR), "string"),
    ("integer", "boolean"): _true,
    ("double", "integer"): lambda value: (neutral(WHOLE, value), "integer"),
    ("double", "boolean"): _true,
    ("boolean", "integer"): lambda value: (bits(value), "integer"),
    ("boolean", "double"): lambda value: (as_double(value, "boolean"), "double"),
    ("boolean", "string"): _word,
    ("string", "integer"): _parsed("integer"),
    ("string", "double"): _parsed("double"),
    **moments.CASTS,
}
_RULES: dict[type[exp.Expr], Callable[[Reader, exp.Expr], Typed]] = {
    exp.Literal: Reader.literal,
    exp.Column: Reader.column,
    exp.Paren: Reader.paren,
    exp.Boolean: lambda reader, node: (node.copy(), "boolean"),
    exp.Null: lambda reader, node: (node.copy(), "null"),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), Reader.logic),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), Reader.compared),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), Reader.compared),
    exp.Is: Reader.is_what,
    exp.Between: Reader.between,
    exp.In: Reader.one_of,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), Reader.arithmetic),
    exp.Div: Reader.quotient,
    **dict.fromkeys((exp.Mod, exp.IntDiv), Reader.remainder),
    exp.Neg: Reader.negated,
    **dict.fromkeys((exp.Case, exp.If), Reader.chosen),
    **dict.fromkeys((exp.Cast, exp.TryCast), Reader.cast),
    **dict.fromkeys((exp.Abs, exp.Sign), Reader.size),
    **dict.fromkeys((exp.Floor, exp.Ceil, exp.Trunc), Reader.stepped),
    exp.Round: Reader.rounded,
    **dict.fromkeys((exp.Cos, exp.Sin, exp.Tan, exp.Atan, exp.Atan2, exp.Cbrt), Reader.smooth),
    **dict.fromkeys((exp.Exp, exp.Sqrt, exp.Asin, exp.Acos), Reader.guarded),
    **dict.fromkeys((exp.Ln, exp.Log), Reader.logarithm),
    **dict.fromkeys((exp.Degrees, exp.Radians), Reader.turned),
    exp.Pow: Reader.power,
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), Reader.of_all),
    exp.Nullif: Reader.nullif,
    exp.Pi: lambda reader, node: (to(exp.Literal.number("3.141592653589793"), DOUBLE), "double"),
    **texts.TEXTS,
    **moments.TIMES,
}
