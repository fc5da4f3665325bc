"""OTLP read by hand: what is no message is refused by name, and never breaks anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.kernel.errors import Invalid
from ondol.tracking.rules import otlp, traces

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=10,
)
NAMES = sorted({otlp._camel(field.name) for fields in otlp.MESSAGES.values() for field in fields.values()})


def _shaped(depth: int) -> st.SearchStrategy:
    if depth == 0:
        return JSON
    inside = st.dictionaries(st.sampled_from(NAMES), _shaped(depth - 1), max_size=4)
    return inside | st.lists(inside, max_size=2) | JSON


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(body):
    try:
        found = otlp.read_protobuf(body)
    except Invalid:
        return
    _take(found)


@given(_shaped(4))
def test_any_json_is_a_message_or_refused(body):
    try:
        found = otlp.read_json(json.dumps(body).encode())
    except Invalid:
        return
    _take(found)


def _take(found):
    try:
        traces.summaries(otlp.spans_of(found))
    except Invalid:
        return


@given(JSON.filter(lambda value: "nan" not in repr(value)))
def test_plain_values_are_what_their_any_values_were_made_of(value):
    found = otlp.plain(otlp.any_value(value))
    assert found == value or found == _as_floats(value)


def _as_floats(value):
    """Whole numbers of more than 64 bits become fractions."""
    if isinstance(value, list):
        return [_as_floats(one) for one in value]
    if isinstance(value, dict):
        return {key: _as_floats(one) for key, one in value.items()}
    large = type(value) is int and not -(2**63) <= value < 2**63
    return float(value) if large else value


def test_messages_too_deep_are_refused():
    deep = b""
    for _ in range(200):
        deep = b"\x2a" + _size(inside := b"\x0a" + _size(deep) + deep) + inside
    with pytest.raises(Invalid, match="deep"):
        otlp._decode(deep, "AnyValue", 0)
    nested = {"stringValue": "a"}
    for _ in range(200):
        nested = {"arrayValue": {"values": [nested]}}
    with pytest.raises(Invalid, match="deep"):
        otlp._convert(nested, "AnyValue", 0)


def _size(data: bytes) -> bytes:
    size, written = len(data), bytearray()
    while size > 127:
        written.append(size & 127 | 128)
        size >>= 7
    return bytes([*written, size])


def test_tokens_of_a_caller_hold_those_of_what_it_called():
    used = [("a", "", '{"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}'), ("b", "x", ""), ("x", "a", "")]
    below = ("c", "b", '{"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}')
    beside = ("d", "", '{"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}')
    assert json.loads(traces.total_usage([*used, below]))["total_tokens"] == 7
    assert json.loads(traces.total_usage([*used, below, beside]))["total_tokens"] == 9
    assert traces.total_usage([("a", "", "")]) == ""


def test_spans_in_a_circle_are_counted():
    one, other = ("a", "b", '{"total_tokens": 1}'), ("b", "a", "")
    assert json.loads(traces.total_usage([one, other]))["total_tokens"] == 1
