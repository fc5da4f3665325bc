"""OTLP's requests with spans, read from Protocol Buffers and from JSON, without either's library.

Both come out as what Protocol Buffers write as JSON: snake_case names, bytes in base64, nanoseconds as whole numbers.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ondol.kernel.errors import Invalid

Message = dict[str, Any]
DEEPEST: Final = 100
"""Messages inside messages, as Protocol Buffers allow them."""

SPAN_KINDS: Final = tuple(
    f"SPAN_KIND_{word}" for word in ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
)
STATUS_CODES: Final = tuple(f"STATUS_CODE_{word}" for word in ("UNSET", "OK", "ERROR"))


class Field(NamedTuple):
    """`kind` is a scalar's, or the name of a message; a message can come `many` times."""

    name: str
    kind: str
    many: bool = False


MESSAGES: Final[dict[str, dict[int, Field]]] = {
    "Request": {1: Field("resource_spans", "ResourceSpans", True)},
    "ResourceSpans": {1: Field("resource", "Resource"), 2: Field("scope_spans", "ScopeSpans", True)},
    "Resource": {1: Field("attributes", "KeyValue", True)},
    "ScopeSpans": {2: Field("spans", "Span", True)},
    "Span": {
        1: Field("trace_id", "id"),
        2: Field("span_id", "id"),
        3: Field("trace_state", "text"),
        4: Field("parent_span_id", "id"),
        5: Field("name", "text"),
        6: Field("kind", "span_kind"),
        7: Field("start_time_unix_nano", "fixed64"),
        8: Field("end_time_unix_nano", "fixed64"),
        9: Field("attributes", "KeyValue", True),
        10: Field("dropped_attributes_count", "count"),
        11: Field("events", "Event", True),
        12: Field("dropped_events_count", "count"),
        13: Field("links", "Link", True),
        14: Field("dropped_links_count", "count"),
        15: Field("status", "Status"),
        16: Field("flags", "fixed32"),
    },
    "Event": {
        1: Field("time_unix_nano", "fixed64"),
        2: Field("name", "text"),
        3: Field("attributes", "KeyValue", True),
        4: Field("dropped_attributes_count", "count"),
    },
    "Link": {
        1: Field("trace_id", "id"),
        2: Field("span_id", "id"),
        3: Field("trace_state", "text"),
        4: Field("attributes", "KeyValue", True),
        5: Field("dropped_attributes_count", "count"),
        6: Field("flags", "fixed32"),
    },
    "Status": {2: Field("message", "text"), 3: Field("code", "status_code")},
    "KeyValue": {1: Field("key", "text"), 2: Field("value", "AnyValue")},
    "AnyValue": {
        1: Field("string_value", "text"),
        2: Field("bool_value", "bool"),
        3: Field("int_value", "int64"),
        4: Field("double_value", "double"),
        5: Field("array_value", "ArrayValue"),
        6: Field("kvlist_value", "KeyValueList"),
        7: Field("bytes_value", "bytes"),
    },
    "ArrayValue": {1: Field("values", "AnyValue", True)},
    "KeyValueList": {1: Field("values", "KeyValue", True)},
}


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


_SPELLED: Final = {
    message: {spelled: field for field in fields.values() for spelled in (field.name, _camel(field.name))}
    for message, fields in MESSAGES.items()
}

_VARINT, _FIXED64, _PREFIXED, _FIXED32 = 0, 1, 2, 5
_WIRES: Final = {
    **dict.fromkeys(("bool", "int64", "count", "span_kind", "status_code"), _VARINT),
    **dict.fromkeys(("fixed64", "double"), _FIXED64),
    "fixed32": _FIXED32,
}


def read_protobuf(body: bytes) -> Message:
    """An ExportTraceServiceRequest; `Invalid` when the bytes are none."""
    return _decode(body, "Request", 0)


def read_json(body: bytes) -> Message:
    """The same from OTLP's JSON, whose ids are hexadecimal and whose names are in lowerCamelCase."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _mistake(f"it is no JSON ({error})") from error
    return _convert(found, "Request", 0)


def spans_of(request: Message) -> Iterator[tuple[Message, list[Message]]]:
    """Each span with the attributes of its resource."""
    for group in request.get("resource_spans", ()):
        resource = group.get("resource", {}).get("attributes", [])
        for scope in group.get("scope_spans", ()):
            for span in scope.get("spans", ()):
                yield span, resource


def plain(value: Message | None) -> Any:
    """An AnyValue as Python has it; bytes stay base64."""
    if not value:
        return None
    ((kind, inside),) = value.items()
    if kind == "array_value":
        return [plain(one) for one in inside.get("values", ())]
    if kind == "kvlist_value":
        return {one["key"]: plain(one.get("value")) for one in inside.get("values", ())}
    return float(inside) if kind == "double_value" else inside


def any_value(value: Any) -> Message:
    """The AnyValue of a plain value; an empty one for None."""
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case int() if -(2**63) <= value < 2**63:
            return {"int_value": value}
        case int() | float():
            return {"double_value": _double(float(value))}
        case list() | tuple():
            return {"array_value": {"values": [any_value(one) for one in value]}}
        case dict():
            return {
                "kvlist_value": {"values": [{"key": str(key), "value": any_value(one)} for key, one in value.items()]}
            }
        case _:
            return {"string_value": str(value)}


def id_bytes(text: str) -> bytes:
    """The id that a message holds in base64."""
    return base64.b64decode(text)


def _mistake(said: str) -> Invalid:
    return Invalid(f"Invalid OpenTelemetry format: {said}.")


def _decode(data: bytes, message: str, depth: int) -> Message:
    if depth > DEEPEST:
        raise _mistake(f"messages are more than {DEEPEST} deep")
    known = MESSAGES[message]
    found: Message = {}
    for number, wire, raw in _parts(data):
        if (field := known.get(number)) is None:
            continue
        if wire != _WIRES.get(field.kind, _PREFIXED):
            raise _mistake(f"{message}.{field.name} is written as type {wire}")
        value = _decode(raw, field.kind, depth + 1) if field.kind in MESSAGES else _SCALARS[field.kind](raw)
        if message == "AnyValue":
            found.clear()  # One of its fields at a time: the last one.
        if field.many:
            found.setdefault(field.name, []).append(value)
        else:
            found[field.name] = value
    return _completed(found, message)


def _parts(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and raw value of each field."""
    place, end = 0, len(data)
    while place < end:
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, wire, value
            continue
        if wire == _PREFIXED:
            size, place = _varint(data, place)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise _mistake(f"there is no wire type {wire}")
        if number == 0 or place + size > end:
            raise _mistake("it is cut off")
        yield number, wire, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data) or shift > 63:
            raise _mistake("it is cut off")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
        shift += 7


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _mistake("a text is not UTF-8") from error


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _double(value: float) -> float | str:
    """JSON has no words of its own for what is no finite number."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _named(names: tuple[str, ...]) -> Callable[[int], str | int]:
    return lambda number: names[number] if number < len(names) else 0


_SCALARS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": _utf8,
    "id": _base64,
    "bytes": _base64,
    "bool": bool,
    "int64": lambda raw: raw - 2**64 if raw >= 2**63 else raw,
    "count": lambda raw: raw & 0xFFFF_FFFF,
    "double": lambda raw: _double(struct.unpack("<d", raw)[0]),
    "fixed64": lambda raw: int.from_bytes(raw, "little"),
    "fixed32": lambda raw: int.from_bytes(raw, "little"),
    "span_kind": _named(SPAN_KINDS),
    "status_code": _named(STATUS_CODES),
}


def _completed(found: Message, message: str) -> Message:
    """With the key that every attribute has, also an empty one, which is not sent."""
    if message == "KeyValue":
        found.setdefault("key", "")
    return found


def _convert(given: Any, message: str, depth: int) -> Message:
    if not isinstance(given, dict):
        raise _mistake(f"a {message} is no JSON object")
    if depth > DEEPEST:
        raise _mistake(f"messages are more than {DEEPEST} deep")
    found: Message = {}
    known = _SPELLED[message]
    for spelled, value in given.items():
        if value is None or (field := known.get(spelled)) is None:
            continue
        if field.many:
            if not isinstance(value, list):
                raise _mistake(f"{field.name} is no list")
            found[field.name] = [_convert(one, field.kind, depth + 1) for one in value]
        elif field.kind in MESSAGES:
            found[field.name] = _convert(value, field.kind, depth + 1)
        else:
            found[field.name] = _scalar(value, field)
    if message == "AnyValue" and len(found) > 1:
        raise _mistake(f"a value is of several kinds: {', '.join(found)}")
    return _completed(found, message)


_RANGES: Final = {"int64": (-(2**63), 2**63), "fixed64": (0, 2**64), "count": (0, 2**32), "fixed32": (0, 2**32)}


def _scalar(value: Any, field: Field) -> Any:
    """A number may be written as text."""
    try:
        match field.kind:
            case "text" | "bool" if isinstance(value, str if field.kind == "text" else bool):
                return value
            case "id":
                return _base64(bytes.fromhex(value))
            case "bytes":
                return _base64(base64.b64decode(value, validate=True))
            case "double" if not isinstance(value, bool):
                return _double(float(value))
            case "span_kind" | "status_code":
                names = SPAN_KINDS if field.kind == "span_kind" else STATUS_CODES
                return value if value in names else _named(names)(abs(int(value)))
            case "int64" | "fixed64" | "fixed32" | "count" if not isinstance(value, bool):
                low, high = _RANGES[field.kind]
                number = int(value)
                if low <= number < high and number == (value if isinstance(value, float) else number):
                    return number
    except (ValueError, TypeError, OverflowError, binascii.Error):
        pass
    raise _mistake(f"{field.name} cannot be {str(value)[:80]!r}")
