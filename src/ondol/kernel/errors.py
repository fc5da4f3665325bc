"""One tree of errors for the whole house.

    OndolError            500  internal
    ├── Invalid           400  invalid          the request itself is wrong
    ├── Unauthenticated   401  unauthenticated  no key, or an unknown one
    ├── Forbidden         403  forbidden        the key may not do this
    ├── NotFound          404  not_found        no such thing
    ├── Conflict          409  conflict         the thing is in another state
    ├── TooLarge          413  too_large        more bytes than we take
    ├── Refused           422  refused          well-formed, but a rule says no
    └── Unavailable       503  unavailable      try again later

REST maps `status`, the command line prints `message` and `hint`, and the client
raises the same class again (`error_from`).
"""

from __future__ import annotations

from typing import Any, ClassVar


class OndolError(Exception):
    """Something went wrong that a person should read about.

    `hint` is the next thing to type or to look at; `details` is structured data
    (offending fields, rows, rules) for programs.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}


class Invalid(OndolError):
    code = "invalid"
    status = 400


class Unauthenticated(OndolError):
    code = "unauthenticated"
    status = 401


class Forbidden(OndolError):
    code = "forbidden"
    status = 403


class NotFound(OndolError):
    code = "not_found"
    status = 404


class Conflict(OndolError):
    code = "conflict"
    status = 409


class TooLarge(OndolError):
    code = "too_large"
    status = 413


class Refused(OndolError):
    code = "refused"
    status = 422


class Unavailable(OndolError):
    code = "unavailable"
    status = 503


_BY_CODE: dict[str, type[OndolError]] = {
    kind.code: kind
    for kind in (Invalid, Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, Refused, Unavailable)
}


def error_from(code: str, message: str, hint: str = "", details: dict[str, Any] | None = None) -> OndolError:
    """The error of the class that `code` names (`OndolError` itself for an unknown code)."""
    return _BY_CODE.get(code, OndolError)(message, hint=hint, details=details)
