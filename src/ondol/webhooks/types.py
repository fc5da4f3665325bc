"""Webhooks: who outside hears of what the registry does."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event
from ondol.registry.types.changes import Change

WebhookStatus = Literal["ACTIVE", "DISABLED"]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Its secret is never shown, only whether it has one. `last_error` is empty after a delivery that was taken."""

    id: str
    name: str
    url: str
    events: list[str]
    created_at: datetime
    updated_at: datetime
    created_by: str
    description: str = ""
    status: WebhookStatus = "ACTIVE"
    signed: bool = False
    delivered: int = 0
    delivered_at: datetime | None = None
    last_error: str = ""


class CreateWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """`url` is https, or lies in one of the `webhook_networks` of the settings."""

    name: str
    url: str
    events: list[Change]
    description: str = ""
    secret: str = ""
    status: WebhookStatus = "ACTIVE"


class UpdateWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What is not given stays as it is."""

    webhook: str
    name: str = ""
    url: str = ""
    events: list[Change] = []
    description: str | None = None
    secret: str | None = None
    """An empty one takes it away."""
    status: WebhookStatus | None = None


class GetWebhook(msgspec.Struct, frozen=True, kw_only=True):
    webhook: str


class DeleteWebhook(msgspec.Struct, frozen=True, kw_only=True):
    webhook: str


class ListWebhooks(msgspec.Struct, frozen=True, kw_only=True):
    limit: int = 100
    token: str = ""


class TestWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """`event`: the first one that the webhook hears by default."""

    __test__ = False
    webhook: str
    event: Change | None = None


class WebhookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is 0 when nobody answered; `error` says why."""

    success: bool
    status: int = 0
    text: str = ""
    error: str = ""


class WebhookDue(Event, frozen=True, kw_only=True):
    """One message to one webhook, which is the subject."""

    delivery: str
    body: dict[str, Any]
