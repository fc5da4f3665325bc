"""The language of searches for models and versions: `name LIKE 'flight%' AND tags.team = 'ops'`.

That of MLflow's registry (https://mlflow.org/docs/latest/search-runs.html): comparisons joined by AND; text in
single or double quotes, names with odd characters in backticks or double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from ondol.kernel.errors import Invalid

Subject = Literal["models", "versions"]

_TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE")
_NUMBER_OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_LISTS = ("IN", "NOT IN")

_COLUMNS: Final[dict[Subject, dict[str, tuple[str, tuple[str, ...]]]]] = {
    "models": {"name": ("name", (*_TEXT_OPERATORS, *_LISTS))},
    "versions": {
        "name": ("model", (*_TEXT_OPERATORS, *_LISTS)),
        "run_id": ("run", (*_TEXT_OPERATORS, *_LISTS)),
        "source_path": ("source", _TEXT_OPERATORS),
        "version_number": ("number", _NUMBER_OPERATORS),
    },
}
_ORDERS: Final[dict[Subject, dict[str, str]]] = {
    "models": {"name": "name", "creation_timestamp": "created_at", "last_updated_timestamp": "updated_at"},
    "versions": {
        "name": "model",
        "version_number": "number",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "updated_at",
    },
}
_DEFAULT_ORDER: Final[dict[Subject, list[tuple[str, bool]]]] = {
    "models": [("name", True)],
    "versions": [("updated_at", False), ("model", True), ("number", False)],
}
_TIES: Final[dict[Subject, list[tuple[str, bool]]]] = {
    "models": [("name", True)],
    "versions": [("model", True), ("number", False)],
}

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<quoted>`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"
    r"|(?P<sign>!=|<=|>=|=|<|>|\(|\)|,|\.)|(?P<word>[A-Za-z_][\w\-]*))"
)


class Token(NamedTuple):
    kind: str
    text: str


class Comparison(NamedTuple):
    """`column` is the repo's; empty for a tag, whose `key` it is. A list operator has a tuple of values."""

    column: str
    key: str
    operator: str
    value: Any


def parse(filter_text: str, subject: Subject) -> list[Comparison]:
    """The comparisons that all must hold. `Invalid` says what cannot be read."""
    if not filter_text.strip():
        return []
    reader = _Reader(_tokens(filter_text), filter_text, subject)
    found = [reader.comparison()]
    while reader.take_word("AND"):
        found.append(reader.comparison())
    reader.expect_end()
    return found


def order(wishes: Sequence[str], subject: Subject) -> list[tuple[str, bool]]:
    """Columns with whether they ascend, ending in those that make the order total."""
    found: list[tuple[str, bool]] = []
    for wish in wishes:
        words = wish.split()
        ascending = [] if len(words) < 2 else [words[1].upper()]
        if not words or len(words) > 2 or ascending not in ([], ["ASC"], ["DESC"]):
            raise Invalid(f"Invalid order_by clause '{wish}'.", hint="Write it as `name ASC`.")
        name = words[0].strip('`"').removeprefix("attribute.").removeprefix("attributes.")
        if name not in _ORDERS[subject]:
            raise Invalid(
                f"Invalid order by key '{name}' specified.", hint=f"Valid keys are {', '.join(_ORDERS[subject])}."
            )
        column = _ORDERS[subject][name]
        if any(column == known for known, _ in found):
            raise Invalid(f"`order_by` contains duplicate fields: {', '.join(wishes)}.")
        found.append((column, ascending != ["DESC"]))
    found = found or list(_DEFAULT_ORDER[subject])
    return found + [tie for tie in _TIES[subject] if tie[0] not in {column for column, _ in found}]


def _tokens(text: str) -> list[Token]:
    found, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise Invalid(f"Invalid filter '{text}': {text[place:].strip()[:40]!r} cannot be read.")
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[Token], text: str, subject: Subject) -> None:
        self._tokens = tokens
        self._text = text
        self._subject: Subject = subject
        self._place = 0

    def comparison(self) -> Comparison:
        column, key, operators = self._subject_of(self._identifier())
        operator = self._operator()
        if operator not in operators:
            name = key or column
            raise self._wrong(f"'{operator}' is no comparison for '{name}'; use {', '.join(operators)}")
        if operator in _LISTS:
            return Comparison(column, key, operator, self._list())
        return Comparison(column, key, operator, self._number() if column == "number" else self._string())

    def take_word(self, word: str) -> bool:
        token = self._peek()
        if token and token.kind == "word" and token.text.upper() == word:
            self._place += 1
            return True
        return False

    def expect_end(self) -> None:
        if token := self._peek():
            raise self._wrong(f"{token.text!r} stands where AND or the end is expected")

    def _identifier(self) -> list[str]:
        parts = [self._name()]
        while (token := self._peek()) and token.text == "." and token.kind == "sign":
            self._place += 1
            parts.append(self._name())
        return parts

    def _name(self) -> str:
        token = self._next("a name")
        if token.kind in ("word", "quoted"):
            return token.text.strip("`")
        if token.kind == "text" and token.text[0] == '"':
            return token.text[1:-1]
        raise self._wrong(f"{token.text!r} stands where a name is expected")

    def _subject_of(self, parts: list[str]) -> tuple[str, str, tuple[str, ...]]:
        if len(parts) > 1 and parts[0] in ("tag", "tags"):
            return "", ".".join(parts[1:]), _TEXT_OPERATORS
        name = ".".join(parts[1:] if parts[0] in ("attribute", "attributes", "attr") and len(parts) > 1 else parts)
        known = _COLUMNS[self._subject]
        if name not in known:
            raise Invalid(f"Invalid attribute key '{name}' specified. Valid keys are {', '.join(known)}, tags.KEY.")
        return known[name][0], "", known[name][1]

    def _operator(self) -> str:
        token = self._next("a comparison")
        word = token.text.upper()
        if word == "NOT" and self.take_word("IN"):
            return "NOT IN"
        if token.kind == "sign" or word in ("LIKE", "ILIKE", "IN"):
            return word
        raise self._wrong(f"{token.text!r} stands where a comparison is expected")

    def _list(self) -> tuple[str, ...]:
        if self._next("a list").text != "(":
            raise self._wrong("a list stands in brackets: ('a', 'b')")
        values = [self._string()]
        while (token := self._next("',' or ')'")).text == ",":
            values.append(self._string())
        if token.text != ")":
            raise self._wrong(f"{token.text!r} stands where ',' or ')' is expected")
        return tuple(values)

    def _string(self) -> str:
        token = self._next("text in quotes")
        if token.kind != "text":
            raise self._wrong(f"{token.text!r} must be text in quotes")
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote).replace(f"\\{quote}", quote)

    def _number(self) -> int:
        token = self._next("a number")
        text = token.text.strip("'\"")
        if not re.fullmatch(r"-?\d{1,18}", text):
            raise self._wrong(f"{token.text} is no whole number")
        return int(text)

    def _peek(self) -> Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _next(self, what: str) -> Token:
        token = self._peek()
        if token is None:
            raise self._wrong(f"it ends where {what} is expected")
        self._place += 1
        return token

    def _wrong(self, why: str) -> Invalid:
        return Invalid(f"Invalid filter '{self._text}': {why}.")
