"""`ML.PREDICT(MODEL name, TABLE table | (query))` and `ML.EVALUATE(...)` inside a statement.

No SQL grammar knows them, so they are cut out before the statement is parsed: each
becomes the name of a table that the service fills. What is cut out is replaced by
blanks, so that positions in error messages stay those of the text that was sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import sqlglot
    from sqlglot import Token
else:
    sqlglot = lazy("sqlglot")

DIALECT = "postgres"
_REFERENCE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)(?:@([A-Za-z0-9_.-]+))?")
_FUNCTIONS = ("PREDICT", "EVALUATE")
_HOW = "Write ML.PREDICT(MODEL name, TABLE table) or ML.PREDICT(MODEL name@3, (SELECT ...))."


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`query` is the inner query, with blanks before it, so that positions in it are those of the whole text."""

    function: Literal["PREDICT", "EVALUATE"]
    model: str
    reference: str
    query: str
    placeholder: str


def cut_calls(text: str, prefix: str = "__ml") -> tuple[str, list[Call]]:
    """The statement with a table name in the place of each outermost call, and the calls."""
    tokens = _tokens(text)
    calls: list[Call] = []
    plain, place = text, 0
    while place < len(tokens):
        if not _starts_call(tokens, place):
            place += 1
            continue
        end = _closing(tokens, place + 3, text)
        call = _read(text, tokens[place : end + 1], f"{prefix}{len(calls)}")
        calls.append(call)
        plain = _blank(plain, tokens[place].start, tokens[end].end, call.placeholder)
        place = end + 1
    return plain, calls


def position(text: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - (text.rfind(chr(10), 0, offset) + 1) + 1}"


def _tokens(text: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text, dialect=DIALECT))
    except sqlglot.errors.TokenError as error:
        raise Invalid("The SQL has a quote or a comment that is not closed.") from error


def _starts_call(tokens: list[Token], place: int) -> bool:
    words = [token.text.upper() for token in tokens[place : place + 4]]
    return len(words) == 4 and words[0] == "ML" and words[1] == "." and words[2] in _FUNCTIONS and words[3] == "("


def _closing(tokens: list[Token], opening: int, text: str) -> int:
    depth = 0
    for place in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place].text, 0)
        if depth == 0:
            return place
    raise Invalid(f"The bracket at {position(text, tokens[opening].start)} is not closed.", hint=_HOW)


def _read(text: str, tokens: list[Token], placeholder: str) -> Call:
    """`tokens` from ML to the closing bracket."""
    comma = next((place for place, token in enumerate(tokens) if token.text == ","), 0)
    where = position(text, tokens[0].start)
    if len(tokens) < 5 or tokens[4].text.upper() != "MODEL" or comma < 6 or comma + 2 > len(tokens) - 1:
        raise Invalid(f"ML.{tokens[2].text.upper()} at {where} is not complete.", hint=_HOW)
    named = text[tokens[5].start : tokens[comma].start].strip().strip('"`').strip()
    found = _REFERENCE.fullmatch(named)
    if not found:
        raise Invalid(f"{named!r} at {where} is not a model.", hint="Write name, name@3 or name@champion.")
    first, last = tokens[comma + 1], tokens[-2]
    if first.text.upper() == "TABLE":
        query = " ".join(("SELECT * FROM", text[tokens[comma + 2].start : last.end + 1]))
    elif first.text == "(" and last.text == ")":
        query = _only(text, tokens[comma + 2].start, tokens[-3].end)
    else:
        raise Invalid(f"ML.{tokens[2].text.upper()} at {where} needs TABLE name or a query in brackets.", hint=_HOW)
    function: Literal["PREDICT", "EVALUATE"] = "PREDICT" if tokens[2].text.upper() == "PREDICT" else "EVALUATE"
    return Call(
        function=function,
        model=found[1],
        reference=found[2] or "champion",
        query=query,
        placeholder=placeholder,
    )


def _only(text: str, start: int, end: int) -> str:
    """The text with everything but `[start, end]` blanked."""
    return _blanks(text[:start]) + text[start : end + 1] + _blanks(text[end + 1 :])


def _blank(text: str, start: int, end: int, word: str) -> str:
    return text[:start] + word + _blanks(text[start + len(word) : end + 1]) + text[end + 1 :]


def _blanks(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
