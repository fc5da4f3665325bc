"""What the registry tells others of its changes, in words that MLflow's webhooks have too."""

from __future__ import annotations

from typing import Any, Literal

from ondol.kernel.event import Event

Change = Literal[
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
]
"""A thing and what happened to it. Prompts are models with a tag that says so."""


class RegistryChanged(Event, frozen=True, kw_only=True):
    """The subject is the model, `change` an id of its own, `facts` what the change is about."""

    change: str
    what: Change
    facts: dict[str, Any]
