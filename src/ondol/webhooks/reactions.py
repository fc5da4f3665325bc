"""The registry changed: queue a message for each webhook that hears of it, and bring each by itself."""

from __future__ import annotations

from ondol.kernel.event import reaction
from ondol.ports.tools import Tools
from ondol.registry.types.changes import RegistryChanged
from ondol.webhooks import service
from ondol.webhooks.types import WebhookDue


@reaction(RegistryChanged)
def queue_messages(tools: Tools, event: RegistryChanged) -> None:
    """One delivery for each webhook, so that one that does not answer keeps nobody else's message back."""
    with tools.transaction(write=True) as inner:
        service.queue(inner, event.what, event.change, event.facts)


@reaction(WebhookDue, outside=True)
def bring_message(tools: Tools, event: WebhookDue) -> None:
    """At least once: the receiver knows a message that it has had by its delivery id."""
    service.send(tools, event)
