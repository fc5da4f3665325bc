"""What every endpoint of the MLflow protocol shares: how it is declared, read, answered and refused.

MLflow REST API: https://mlflow.org/docs/latest/api_reference/rest-api.html
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_origin

import msgspec

from ondol.kernel.errors import Invalid, OndolError
from ondol.kernel.operation import Method, Operation, Scope
from ondol.ports.tools import Tools

log = logging.getLogger("ondol")

STATUSES: Final = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "RESOURCE_CONFLICT": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""MLflow's words for what went wrong, and the HTTP status that goes with each."""

_CODES: Final = {
    "invalid": "INVALID_PARAMETER_VALUE",
    "unauthenticated": "UNAUTHENTICATED",
    "forbidden": "PERMISSION_DENIED",
    "not_found": "RESOURCE_DOES_NOT_EXIST",
    # A run that is deleted, a parameter that has another value: MLflow blames the request, not the state,
    # and its clients retry what they are told is the server's fault.
    "conflict": "INVALID_PARAMETER_VALUE",
    "too_large": "BAD_REQUEST",
    "refused": "INVALID_PARAMETER_VALUE",
    "unavailable": "TEMPORARILY_UNAVAILABLE",
}


class MlflowError(OndolError):
    """An error whose word in the protocol is not the usual one of its class: `MlflowError("RESOURCE_ALREADY_EXISTS",
    "Experiment(name=a) already exists.")`."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """The request of an endpoint that asks for no fields."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is relative to the prefixes (`runs/create`) and may hold `{fields}`; `{field:path}` takes slashes too.

    `operation` is how the house runs it: in a transaction of its own, writing or not.
    """

    method: str
    path: str
    operation: Operation
    lists: frozenset[str]
    decode: Callable[[bytes], Any]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches a request's path; its groups are the fields."""
        text = ""
        for literal, field, kind in re.findall(r"([^{]*)(?:{(\w+)(:path)?})?", self.path):
            text += re.escape(literal) + (f"(?P<{field}>{'.+' if kind else '[^/]+'})" if field else "")
        return re.compile(text)


def endpoint(
    method: str,
    path: str,
    answer: Callable[[Tools, Any], Any],
    request: type[msgspec.Struct] = Nothing,
    *,
    scope: Scope = "write",
    long: bool = False,
) -> Endpoint:
    """Declare that `answer(tools, request)` fulfils `method` of `path`.

    `scope` is what the caller's key needs; an endpoint of scope `read`, and any GET, gets a reading
    transaction, any other a writing one, and a `long` one none. What `answer` returns is the JSON of the response;
    `bytes` are JSON already.
    """
    verb: Method = "GET" if scope == "read" or method == "GET" else "POST"
    return Endpoint(
        method=method,
        path=path,
        operation=Operation(
            name=f"mlflow.{path.replace('/', '.')}",
            method=verb,
            path=path,
            scope=scope,
            request=request,
            response=dict,
            function=answer,
            long=long,
        ),
        lists=frozenset(field.name for field in msgspec.structs.fields(request) if get_origin(field.type) is list),
        decode=msgspec.json.Decoder(request, strict=False).decode,
    )


def read_request(found: Endpoint, body: bytes, query: Mapping[str, Any], places: dict[str, str]) -> Any:
    """The request of an endpoint from the JSON body (or the query, when there is none) and the path's fields."""
    if body and not places:
        try:
            return found.decode(body)
        except msgspec.DecodeError:
            pass  # The slower way takes what Protocol Buffers take too, or names the mistake.
    fields = _object(body) if body else dict(query)
    kept = {name: value for name, value in fields.items() if value is not None} | places
    try:
        return msgspec.convert(kept, found.operation.request, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(_mistake(str(error))) from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)  # Unlike msgspec it reads the bare NaN and Infinity that Python clients write.
    except ValueError as error:
        raise MlflowError("BAD_REQUEST", f"The body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MlflowError("BAD_REQUEST", "The body is not a JSON object.")
    return found


def _mistake(said: str) -> str:
    """msgspec's complaint in the words that MLflow's users know."""
    if missing := re.search(r"missing required field `(\w+)`", said):
        return f"Missing value for required parameter '{missing[1]}'."
    place = re.search(r" - at `\$\.?([^`]*)`", said)
    name = place[1] if place and place[1] else "request"
    return f"Invalid value for parameter '{name}' supplied: {said.partition(' - at ')[0]}"


def to_error(error: Exception) -> tuple[int, bytes]:
    """Status and body of a refusal; what nobody foresaw is logged and answered without its inside."""
    if isinstance(error, MlflowError):
        word = error.word
    elif isinstance(error, OndolError) and error.code in _CODES:
        word = _CODES[error.code]
    else:
        log.error("unforeseen", exc_info=error)
        word, error = "INTERNAL_ERROR", OndolError("Something broke inside; the log of the server says what.")
    return STATUSES[word], msgspec.json.encode({"error_code": word, "message": _message(error)})


def _message(error: OndolError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


def no_endpoint(method: str, path: str) -> MlflowError:
    return MlflowError("ENDPOINT_NOT_FOUND", f"There is no endpoint {method} {path} here.")


def require(value: str, name: str) -> str:
    """The value of a field that must not be empty; `Invalid` in MLflow's words."""
    if not value:
        raise Invalid(f"Missing value for required parameter '{name}'.")
    return value
