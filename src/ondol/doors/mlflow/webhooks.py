"""`webhooks/*` of the protocol. Ours are wider: `ondol webhooks --help`."""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from ondol import catalog
from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.registry.types.changes import Change
from ondol.webhooks.types import Webhook, WebhookAnswer

LIST_LIMIT: Final = 1_000
_ENTITIES: Final = (
    "ENTITY_UNSPECIFIED", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS",
    "PROMPT", "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY",
)  # fmt: skip
_ACTIONS: Final = ("ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
_STATUSES: Final = ("STATUS_UNSPECIFIED", "ACTIVE", "DISABLED")

Json = dict[str, Any]


class HookEvent(msgspec.Struct, frozen=True, kw_only=True):
    entity: str | int = ""
    action: str | int = ""


class Create(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    url: str = ""
    events: list[HookEvent] = []
    description: str = ""
    secret: str = ""
    status: str | int = "ACTIVE"


class ByHook(msgspec.Struct, frozen=True, kw_only=True):
    webhook_id: str


class Update(ByHook, frozen=True, kw_only=True):
    name: str = ""
    url: str = ""
    events: list[HookEvent] = []
    description: str | None = None
    secret: str | None = None
    status: str | int | None = None


class List(msgspec.Struct, frozen=True, kw_only=True):
    max_results: int = 100
    page_token: str = ""


class Try(ByHook, frozen=True, kw_only=True):
    event: HookEvent | None = None


def create(tools: Tools, request: Create) -> Json:
    made = _run(
        tools,
        "webhooks.create",
        name=require(request.name, "name"),
        url=require(request.url, "url"),
        events=[_event(one) for one in request.events],
        description=request.description,
        secret=request.secret,
        status=_status(request.status),
    )
    return {"webhook": _to_json(made)}


def update(tools: Tools, request: Update) -> Json:
    fields: Json = {"webhook": request.webhook_id, "name": request.name, "url": request.url}
    fields |= {"description": request.description, "secret": request.secret}
    fields |= {"events": [_event(one) for one in request.events]}
    status = None if request.status is None else _status(request.status)
    return {"webhook": _to_json(_run(tools, "webhooks.update", **fields, status=status))}


def get(tools: Tools, request: ByHook) -> Json:
    return {"webhook": _to_json(_run(tools, "webhooks.get", webhook=request.webhook_id))}


def delete(tools: Tools, request: ByHook) -> Json:
    _run(tools, "webhooks.delete", webhook=request.webhook_id)
    return {}


def list_all(tools: Tools, request: List) -> Json:
    if not 1 <= request.max_results <= LIST_LIMIT:
        raise Invalid(f"Invalid value {request.max_results} for parameter 'max_results' supplied.")
    page = _run(tools, "webhooks.list", limit=request.max_results, token=request.page_token)
    found: Json = {"webhooks": [_to_json(one) for one in page.items]}
    return found | ({"next_page_token": page.next_token} if page.next_token else {})


def test(tools: Tools, request: Try) -> Json:
    event = None if request.event is None else _event(request.event)
    answer: WebhookAnswer = _run(tools, "webhooks.test", webhook=request.webhook_id, event=event)
    told = (("response_status", answer.status), ("response_body", answer.text), ("error_message", answer.error))
    return {"result": {"success": answer.success} | {name: value for name, value in told if value}}


def _run(tools: Tools, which: str, /, **fields: Any) -> Any:
    found = catalog.OPERATIONS[which]
    return found.function(tools, msgspec.convert(fields, found.request))


def _event(given: HookEvent) -> str:
    said = f"{_word(given.entity, _ENTITIES)}.{_word(given.action, _ACTIONS)}".lower()
    if said not in get_args(Change):
        raise Invalid(f"Invalid webhook event: {said}. There are {', '.join(get_args(Change))}.")
    return said


def _status(given: str | int) -> str:
    said = _word(given, _STATUSES)
    if said not in _STATUSES[1:]:
        raise Invalid(f"Invalid value {given!r} for parameter 'status' supplied. It is ACTIVE or DISABLED.")
    return said


def _word(given: str | int, words: tuple[str, ...]) -> str:
    """Protocol Buffers take the names of an enumeration and their numbers."""
    if isinstance(given, int):
        return words[given] if 0 <= given < len(words) else str(given)
    return given


def _to_json(webhook: Webhook) -> Json:
    events = [one.upper().split(".") for one in webhook.events]
    return {
        "webhook_id": webhook.id,
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "events": [{"entity": entity, "action": action} for entity, action in events],
        "status": webhook.status,
        "creation_timestamp": round(webhook.created_at.timestamp() * 1000),
        "last_updated_timestamp": round(webhook.updated_at.timestamp() * 1000),
    }


_HOOK = "webhooks/{webhook_id}"
ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", "webhooks", create, Create, scope="admin", long=True),
    endpoint("GET", "webhooks", list_all, List, scope="admin"),
    endpoint("GET", _HOOK, get, ByHook, scope="admin"),
    endpoint("PATCH", _HOOK, update, Update, scope="admin", long=True),
    endpoint("DELETE", _HOOK, delete, ByHook, scope="admin"),
    endpoint("POST", f"{_HOOK}/test", test, Try, scope="admin", long=True),
]
