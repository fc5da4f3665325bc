"""The search grammar of MLflow: `metrics.auc > 0.7 AND tags."by" LIKE 'sched%'`, and `metrics.auc DESC`.

    filter     = clause { AND clause }
    clause     = identifier ( comparator value | IN list | NOT IN list | IS NULL | IS NOT NULL )
    identifier = [ entity "." ] key         an attribute, when there is no entity
    key        = word | `any text` | "any text"
    value      = number | 'text' | "text"
    list       = ( value { , value } )
    order      = identifier [ ASC | DESC ]

https://mlflow.org/docs/latest/ml/search/search-runs/ ; `docs/decisions` says where we take more than MLflow does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from ondol.kernel.errors import Invalid

Entity = Literal[
    "metric", "param", "tag", "attribute", "dataset", "metadata", "span", "feedback", "expectation"
]  # fmt: skip
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "RLIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]
FilterValue = str | int | float | tuple[str, ...] | None


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    entity: Entity
    key: str
    operator: Operator
    value: FilterValue = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    entity: Entity
    key: str
    ascending: bool = True


class Grammar(msgspec.Struct, frozen=True, kw_only=True):
    """What can be searched for: attributes by all their names, which of them are numbers, and the other entities."""

    attributes: Mapping[str, str]
    numbers: frozenset[str]
    entities: frozenset[Entity]
    nullable: frozenset[Entity]
    """Those that `IS NULL` can be asked of."""
    words: Mapping[str, Entity] = {}
    """Names of entities that only this grammar knows."""
    patterns: bool = False
    """Whether texts can be searched by regular expressions (`RLIKE`)."""


RUNS: Final = Grammar(
    attributes={
        **{
            name: name for name in ("run_id", "run_name", "status", "artifact_uri", "user_id", "start_time", "end_time")
        },
        **dict.fromkeys(("created", "Created"), "start_time"),
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
    },
    numbers=frozenset({"start_time", "end_time"}),
    entities=frozenset({"metric", "param", "tag", "attribute", "dataset"}),
    nullable=frozenset({"param", "tag"}),
)
EXPERIMENTS: Final = Grammar(
    attributes={name: name for name in ("name", "experiment_id", "creation_time", "last_update_time")},
    numbers=frozenset({"creation_time", "last_update_time"}),
    entities=frozenset({"tag", "attribute"}),
    nullable=frozenset({"tag"}),
)
MODELS: Final = Grammar(
    attributes={
        **{name: name for name in ("name", "model_id", "model_type", "status", "source_run_id", "experiment_id")},
        **dict.fromkeys(("creation_timestamp", "creation_time", "creation_timestamp_ms"), "creation_timestamp"),
        **dict.fromkeys(
            ("last_updated_timestamp", "last_updated_time", "last_updated_timestamp_ms"), "last_updated_timestamp"
        ),
    },
    numbers=frozenset({"creation_timestamp", "last_updated_timestamp"}),
    entities=frozenset({"metric", "param", "tag", "attribute"}),
    nullable=frozenset(),
)
TRACES: Final = Grammar(
    attributes={
        **{name: name for name in ("client_request_id", "status", "name", "run_id", "prompt", "text", "experiment_id")},
        **dict.fromkeys(("request_id", "trace_id"), "request_id"),
        **dict.fromkeys(("timestamp", "timestamp_ms"), "timestamp_ms"),
        **dict.fromkeys(("execution_time", "execution_time_ms"), "execution_time_ms"),
        **dict.fromkeys(("end_time", "end_time_ms"), "end_time_ms"),
    },
    numbers=frozenset({"timestamp_ms", "execution_time_ms", "end_time_ms"}),
    entities=frozenset({"attribute", "tag", "metadata", "span", "feedback", "expectation"}),
    nullable=frozenset({"tag", "metadata", "feedback", "expectation"}),
    words={
        "trace": "attribute",
        **dict.fromkeys(("metadata", "request_metadata"), "metadata"),
        "span": "span",
        "feedback": "feedback",
        "expectation": "expectation",
    },
    patterns=True,
)

_ENTITIES: Final[dict[str, Entity]] = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
    **dict.fromkeys(("dataset", "datasets"), "dataset"),
}
DATASET_KEYS: Final = ("name", "digest", "context")
SPAN_KEYS: Final = ("name", "type", "status", "content")
SPAN_ATTRIBUTES: Final = "attributes."
"""`span.attributes.model`: what a program wrote down in a span."""
_ASSESSMENTS: Final = ("feedback", "expectation")

_MANY: Final = frozenset({"dataset", "span", "feedback", "expectation"})
_LONG: Final = frozenset({("span", "content"), ("attribute", "text")})
"""Whole spans: a regular expression over them could take any time."""
_UNSORTED: Final = frozenset({("attribute", "prompt"), ("attribute", "text")})
_NUMERIC: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_TEXT: Final = frozenset({"=", "!=", "LIKE", "ILIKE"})
_LISTS: Final = frozenset({"IN", "NOT IN"})
_PRESENCE: Final = frozenset({"IS NULL", "IS NOT NULL"})

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<single>'(?:[^']|'')*')
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<word>(?:[^\W\d]\w*|`[^`]+`|"[^"]*")(?:\.(?:[\w./:@-]+(?:`[^`]*`)?|`[^`]*`|"[^"]*"))?)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_LARGEST: Final = 2**63 - 1
LONGEST_LIST: Final = 10_000
"""Databases limit how many values a statement takes."""


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    text: str

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


class _Reader:
    """The tokens of one text, and where the reading stands."""

    def __init__(self, text: str, what: str) -> None:
        self._what = f"{what} {text[:200]!r}"
        if "\0" in text:
            raise self.mistake("holds a NUL character")
        self._tokens = list(self._cut(text))
        self._place = 0

    def _cut(self, text: str) -> Iterator[_Token]:
        place = 0
        end = len(text.rstrip())
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise self.mistake(f"cannot be read from {text[place:].strip()[:40]!r} on")
            yield _Token(kind=found.lastgroup, text=found[found.lastgroup])
            place = found.end()

    def mistake(self, said: str) -> Invalid:
        return Invalid(f"Invalid {self._what}: it {said}.")

    def peek(self) -> _Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def take(self, wanted: str) -> _Token:
        if (found := self.peek()) is None:
            raise self.mistake(f"ends where {wanted} should come")
        self._place += 1
        return found

    def take_word(self, *words: str) -> bool:
        """Whether the next tokens are these keywords; if so they are behind us."""
        ahead = self._tokens[self._place : self._place + len(words)]
        if [token.keyword for token in ahead] != list(words):
            return False
        self._place += len(words)
        return True


def parse_filter(text: str, grammar: Grammar) -> list[Clause]:
    """The clauses of a filter, all of which must hold; none for an empty one. `Invalid` says what cannot be read."""
    reader = _Reader(text, "filter")
    clauses: list[Clause] = []
    while reader.peek() is not None:
        if clauses and not reader.take_word("AND"):
            raise reader.mistake(f"has {reader.take('AND').text!r} where AND should come: clauses are joined by AND")
        clauses.append(_clause(reader, grammar))
    return clauses


def parse_order(texts: Sequence[str], grammar: Grammar) -> list[Order]:
    """How to sort, the first field first; `Invalid` for a field that comes twice."""
    found: list[Order] = []
    for text in texts:
        reader = _Reader(text, "order_by clause")
        entity, key = _identifier(reader, grammar)
        ascending = reader.take_word("ASC") or not reader.take_word("DESC")
        if reader.peek() is not None:
            raise reader.mistake("has more than a field and ASC or DESC")
        if entity in _MANY or (entity, key) in _UNSORTED:
            raise reader.mistake(f"sorts by a {entity}, of which one can have many")
        if any((known.entity, known.key) == (entity, key) for known in found):
            raise Invalid(f"`order_by` contains duplicate fields: {list(texts)}")
        found.append(Order(entity=entity, key=key, ascending=ascending))
    return found


def _clause(reader: _Reader, grammar: Grammar) -> Clause:
    entity, key = _identifier(reader, grammar)
    operator = _operator(reader)
    if entity in _ASSESSMENTS:
        return _assessed(reader, entity, key, operator)
    numeric = entity == "metric" or (entity == "attribute" and key in grammar.numbers)
    allowed = _NUMERIC if numeric else _TEXT
    if entity in grammar.nullable:
        allowed = allowed | _PRESENCE
    if entity in ("attribute", "dataset", "span") and not numeric:
        allowed = allowed | _LISTS
    if operator == "RLIKE" and grammar.patterns and not numeric and (entity, key) not in _LONG:
        return Clause(entity=entity, key=key, operator=operator, value=_pattern(reader, key))
    if operator not in allowed:
        raise reader.mistake(f"uses {operator} on {entity} {key!r}, which takes {', '.join(sorted(allowed))}")
    value: FilterValue = None
    if operator in _LISTS:
        value = _list(reader)
    elif operator not in _PRESENCE:
        value = _number(reader, key) if numeric else _text(reader, key)
    if entity == "attribute" and key == "status" and operator not in ("LIKE", "ILIKE"):
        value = _upper(value)
    return Clause(entity=entity, key=key, operator=operator, value=value)


def _assessed(reader: _Reader, entity: Entity, key: str, operator: Operator) -> Clause:
    """What somebody said of a trace: a text, or a number."""
    if operator in _PRESENCE:
        return Clause(entity=entity, key=key, operator=operator)
    if operator in _LISTS:
        raise reader.mistake(f"uses {operator} on {entity} {key!r}, which takes one value")
    if operator == "RLIKE":
        return Clause(entity=entity, key=key, operator=operator, value=_pattern(reader, key))
    ahead = reader.peek()
    numeric = operator not in _TEXT or (operator in _NUMERIC and ahead is not None and ahead.kind == "number")
    return Clause(
        entity=entity, key=key, operator=operator, value=_number(reader, key) if numeric else _text(reader, key)
    )


def _upper(value: FilterValue) -> FilterValue:
    if isinstance(value, tuple):
        return tuple(one.upper() for one in value)
    return value.upper() if isinstance(value, str) else value


def _identifier(reader: _Reader, grammar: Grammar) -> tuple[Entity, str]:
    token = reader.take("a field")
    if token.kind != "word":
        raise reader.mistake(f"has {token.text!r} where a field such as metrics.auc should come")
    head, dot, rest = _split(token.text)
    if not dot:
        entity: Entity = "attribute"
        key = _bare(head)
    else:
        known = grammar.words.get(_bare(head)) or _ENTITIES.get(_bare(head))
        if known is None or known not in grammar.entities:
            raise reader.mistake(f"names {head!r}, which is none of {', '.join(sorted(grammar.entities))}")
        entity, key = known, _bare(rest)
    if entity == "attribute":
        if key not in grammar.attributes:
            raise reader.mistake(f"names the attribute {key!r}, which is none of {', '.join(grammar.attributes)}")
        key = grammar.attributes[key]
    elif entity == "dataset" and key not in DATASET_KEYS:
        raise reader.mistake(f"names {key!r} of a dataset, which is none of {', '.join(DATASET_KEYS)}")
    elif entity == "span" and key.startswith(SPAN_ATTRIBUTES):
        key = SPAN_ATTRIBUTES + _bare(key.removeprefix(SPAN_ATTRIBUTES))
        if key == SPAN_ATTRIBUTES:
            raise reader.mistake("names no attribute after span.attributes")
    elif entity == "span" and key not in SPAN_KEYS:
        raise reader.mistake(f"names {key!r} of a span, which is none of {', '.join(SPAN_KEYS)}")
    return entity, key


def _split(text: str) -> tuple[str, str, str]:
    if text[0] in '`"':
        end = text.index(text[0], 1) + 1
        return text[:end], text[end : end + 1], text[end + 1 :]
    return text.partition(".")


def _bare(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in '`"' else text


_WORDS: Final = (("IS", "NOT", "NULL"), ("IS", "NULL"), ("NOT", "IN"), ("IN",), ("LIKE",), ("ILIKE",), ("RLIKE",))


def _operator(reader: _Reader) -> Operator:
    for words in _WORDS:
        if reader.take_word(*words):
            return " ".join(words)  # type: ignore[return-value]
    token = reader.take("a comparison")
    if token.kind != "operator":
        raise reader.mistake(f"has {token.text!r} where a comparison should come")
    return token.text  # type: ignore[return-value]


def _number(reader: _Reader, key: str) -> int | float:
    token = reader.take("a number")
    if token.kind != "number":
        raise reader.mistake(f"compares {key!r} with {token.text!r}: a numeric value is expected")
    try:
        whole = int(token.text)
    except ValueError:
        return float(token.text)
    return whole if abs(whole) <= _LARGEST else float(whole)


def _text(reader: _Reader, key: str) -> str:
    token = reader.take("a quoted text")
    if token.kind == "single":
        return token.text[1:-1].replace("''", "'")
    if token.text[0] == '"' and len(token.text) >= 2 and token.text.endswith('"') and _split(token.text)[1] == "":
        return token.text[1:-1]
    raise reader.mistake(f"compares {key!r} with {token.text!r}: a quoted string value is expected")


def _pattern(reader: _Reader, key: str) -> str:
    """A regular expression that no text takes long to match: it runs in the database, for everybody."""
    text = _text(reader, key)
    plain = _CLASS.sub("x", text)
    if len(text) > LONGEST_PATTERN:
        raise reader.mistake(f"has a regular expression of {len(text)} characters; {LONGEST_PATTERN} at most")
    if len(_REPEAT.findall(plain)) > MOST_REPEATS or _HARD.search(plain):
        raise reader.mistake("has a regular expression that repeats groups, refers back or repeats more than twice")
    try:
        re.compile(text)
    except (re.error, OverflowError) as error:
        raise reader.mistake(f"has a regular expression that cannot be read: {error}") from error
    return text


LONGEST_PATTERN: Final = 200
MOST_REPEATS: Final = 2
_CLASS = re.compile(r"\\[^1-9]|\[\^?\]?[^\]]*\]")
_REPEAT = re.compile(r"[*+]|\{\d*,?\d*\}")
_HARD = re.compile(r"\)[*+?{]|\\[1-9]|\(\?")


def _list(reader: _Reader) -> tuple[str, ...]:
    if reader.take("a list").text != "(":
        raise reader.mistake("needs a list in parentheses after IN")
    found = [_text(reader, "IN")]
    while (mark := reader.take("a comma").text) == ",":
        if (ahead := reader.peek()) is not None and ahead.text == ")":
            continue  # A comma at the end, as Python's repr of a tuple of one has it.
        found.append(_text(reader, "IN"))
        if len(found) > LONGEST_LIST:
            raise reader.mistake(f"has a list of more than {LONGEST_LIST} values")
    if mark != ")":
        raise reader.mistake(f"has {mark!r} in a list")
    return tuple(found)


def glob_of(pattern: str) -> str:
    """The GLOB that matches what `LIKE pattern` matches with case: SQLite's own LIKE ignores it."""
    known = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(known.get(letter, letter) for letter in pattern)
