"""Declare webhooks, try them, send to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid, NotFound, OndolError, Refused, Unavailable
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, decode_token, page_of
from ondol.ports.courier import Courier, Receipt
from ondol.ports.tools import Tools
from ondol.registry.service import keys
from ondol.webhooks import rules
from ondol.webhooks.types import (
    CreateWebhook,
    DeleteWebhook,
    GetWebhook,
    ListWebhooks,
    TestWebhook,
    UpdateWebhook,
    Webhook,
    WebhookAnswer,
    WebhookDue,
)

if TYPE_CHECKING:
    from ondol.webhooks import repo
else:
    repo = lazy("ondol.webhooks.repo")

LIST_LIMIT = 1000


@operation("webhooks.create", "POST", "/v1/webhooks", scope="admin", long=True)
def create_webhook(tools: Tools, request: CreateWebhook) -> Webhook:
    """Tell an address outside of changes in the registry, signed with a secret."""
    rules.check_name(request.name)
    events = _events(request.events)
    rules.check_texts(request.url, request.description, request.secret)
    _courier(tools).check(request.url)
    now, identity = tools.now(), tools.new_id("hook")
    made = Webhook(
        id=identity, name=request.name, url=request.url.strip(), events=events, description=request.description,
        status=request.status, signed=bool(request.secret), created_at=now, updated_at=now, created_by=tools.actor,
    )  # fmt: skip
    kept = _concealed(tools, identity, request.secret)
    with tools.transaction(write=True) as inner:
        if repo.count(inner.connection) >= rules.MOST_WEBHOOKS:
            raise Refused(f"There are {rules.MOST_WEBHOOKS} webhooks already.", hint="ondol webhooks delete WEBHOOK")
        repo.insert(inner.connection, made, kept)
    return made


@operation("webhooks.list", "GET", "/v1/webhooks", scope="admin")
def list_webhooks(tools: Tools, request: ListWebhooks) -> Page[Webhook]:
    """List the webhooks, the newest first."""
    if not 1 <= request.limit <= LIST_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {LIST_LIMIT}.")
    found = repo.list_page(tools.connection, request.limit, decode_token(request.token) if request.token else "")
    return page_of(found, request.limit, found[request.limit - 1].id if len(found) > request.limit else "")


@operation("webhooks.get", "GET", "/v1/webhooks/{webhook}", scope="admin")
def get_webhook(tools: Tools, request: GetWebhook) -> Webhook:
    """A webhook, and how its last message fared."""
    return _existing(tools, request.webhook)[0]


@operation("webhooks.update", "PUT", "/v1/webhooks/{webhook}", scope="admin", long=True)
def update_webhook(tools: Tools, request: UpdateWebhook) -> Webhook:
    """Change a webhook; what is not given stays as it is."""
    rules.check_texts(request.url, request.description, request.secret)
    changes: dict[str, Any] = {}
    if request.name:
        rules.check_name(request.name)
        changes["name"] = request.name
    if request.url:
        _courier(tools).check(request.url)
        changes["url"] = request.url.strip()
    if request.events:
        changes["events"] = _events(request.events)
    if request.description is not None:
        changes["description"] = request.description
    if request.status is not None:
        changes["status"] = request.status
    if request.secret is not None:
        changes["secret"] = _concealed(tools, request.webhook, request.secret)
    with tools.transaction(write=True) as inner:
        _existing(inner, request.webhook)
        repo.update(inner.connection, request.webhook, **changes, updated_at=inner.now())
        return _existing(inner, request.webhook)[0]


@operation("webhooks.delete", "DELETE", "/v1/webhooks/{webhook}", scope="admin")
def delete_webhook(tools: Tools, request: DeleteWebhook) -> Webhook:
    """Remove a webhook; what still waits for it is not sent."""
    found = _existing(tools, request.webhook)[0]
    repo.delete(tools.connection, found.id)
    return found


@operation("webhooks.test", "POST", "/v1/webhooks/{webhook}/test", scope="admin", long=True)
def test_webhook(tools: Tools, request: TestWebhook) -> WebhookAnswer:
    """Send an example now, and show what the other side answers."""
    with tools.transaction(write=False) as inner:
        webhook, kept = _existing(inner, request.webhook)
    what = request.event or webhook.events[0]
    body = rules.message(what, rules.EXAMPLES[what], tools.wall())
    try:
        answer = _post(tools, webhook, kept, tools.new_id("test"), body)
    except OndolError as error:
        return WebhookAnswer(success=False, error=f"Failed to test webhook: {error.message}")
    return WebhookAnswer(success=answer.status < 400, status=answer.status, text=answer.text)


test_webhook.__test__ = False  # type: ignore[attr-defined]


def queue(tools: Tools, what: str, change: str, facts: dict[str, Any]) -> None:
    """A message to each webhook that hears of this. Needs an open writing transaction."""
    body = rules.message(what, facts, tools.now())
    for webhook in repo.list_active(tools.connection):
        if what in webhook.events:
            delivery = rules.delivery_id(webhook.id, change)
            tools.emit(WebhookDue(subject=webhook.id, delivery=delivery, body=body))


def send(tools: Tools, due: WebhookDue) -> None:
    """Bring one message; raises when it was not taken, so that it is brought again. Call it outside a transaction."""
    with tools.transaction(write=False) as inner:
        found = repo.find(inner.connection, due.subject)
    if found is None or found[0].status != "ACTIVE":
        return
    webhook, kept = found
    error = ""
    try:
        answer = _post(tools, webhook, kept, due.delivery, due.body)
        # A redirect is not followed: it may lead to where no webhook may go.
        if answer.status >= 300:
            error = f"{webhook.name} answered {answer.status}: {answer.text[:200]}"
    except OndolError as refusal:
        error = refusal.message
    with tools.transaction(write=True) as inner:
        if error:
            repo.update(inner.connection, webhook.id, last_error=error)
        else:
            repo.note_taken(inner.connection, webhook.id, inner.now())
    if error:
        raise Unavailable(error, hint=f"ondol webhooks test {webhook.id}")


def _post(tools: Tools, webhook: Webhook, kept: str, delivery: str, message: dict[str, Any]) -> Receipt:
    body, at = msgspec.json.encode(message), str(int(time.time()))
    headers = {"Content-Type": "application/json", rules.ID_HEADER: delivery, rules.TIME_HEADER: at}
    if kept:
        name, _, hidden = kept.partition(" ")
        secret = rules.reveal(keys.key_named(tools, name), hidden, webhook.id)
        headers[rules.SIGNATURE_HEADER] = rules.signature(secret, delivery, at, body)
    return _courier(tools).post(webhook.url, body, headers)


def _concealed(tools: Tools, identity: str, secret: str) -> str:
    if not secret:
        return ""
    name, key = keys.newest_key(tools)
    return f"{name} {rules.conceal(key, secret, identity)}"


def _events(given: list[Any]) -> list[str]:
    rules.check_events(given)
    return list(dict.fromkeys(given))


def _courier(tools: Tools) -> Courier:
    if tools.courier is None:
        raise Unavailable("This house sends nothing outside.")
    return tools.courier


def _existing(tools: Tools, identity: str) -> tuple[Webhook, str]:
    if found := repo.find(tools.connection, identity):
        return found
    raise NotFound(f"Webhook with ID {identity} not found.", hint="ondol webhooks list")
