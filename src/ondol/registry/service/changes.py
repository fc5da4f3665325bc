"""Telling others what changed. Called inside the transaction that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from ondol.ports.tools import Tools
from ondol.registry.types import Model, Version
from ondol.registry.types.changes import Change, RegistryChanged

IS_PROMPT: Final = "mlflow.prompt.is_prompt"
_TEXT: Final = "mlflow.prompt.text"
_MARKS: Final = (IS_PROMPT, "_mlflow_prompt_type")


def is_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(IS_PROMPT, "").lower() == "true"


def _tell(tools: Tools, model: str, what: str, **facts: Any) -> None:
    facts = {"name": model, **facts}
    changed = RegistryChanged(subject=model, change=tools.new_id("chg"), what=cast(Change, what), facts=facts)
    tools.emit(changed)


def model_created(tools: Tools, name: str, description: str, tags: Mapping[str, str]) -> None:
    prompt = is_prompt(tags)
    what = "prompt.created" if prompt else "registered_model.created"
    shown = {key: value for key, value in tags.items() if not prompt or key not in _MARKS}
    _tell(tools, name, what, tags=shown, description=description)


def version_created(tools: Tools, model: Model, version: Version) -> None:
    number, description = str(version.number), version.description or None
    if is_prompt(model.tags):
        tags = {key: value for key, value in version.tags.items() if key not in (*_MARKS, _TEXT)}
        template = version.tags.get(_TEXT)
        _tell(
            tools, model.name, "prompt_version.created", version=number, template=template, tags=tags,
            description=description,
        )  # fmt: skip
        return
    _tell(
        tools, model.name, "model_version.created", version=number, source=version.source or version.package,
        run_id=version.run or None, tags=version.tags, description=description,
    )  # fmt: skip


def model_tagged(tools: Tools, model: Model, tags: Mapping[str, str], untag: Iterable[str]) -> None:
    """MLflow has no word for the tags of a model, only for those of a prompt."""
    if is_prompt(model.tags):
        _tagged(tools, model.name, "prompt_tag", tags, untag)


def version_tagged(tools: Tools, model: Model, number: int, tags: Mapping[str, str], untag: Iterable[str]) -> None:
    thing = "prompt_version_tag" if is_prompt(model.tags) else "model_version_tag"
    _tagged(tools, model.name, thing, tags, untag, version=str(number))


def _tagged(tools: Tools, model: str, thing: str, tags: Mapping[str, str], untag: Iterable[str], **facts: str) -> None:
    for key, value in tags.items():
        _tell(tools, model, f"{thing}.set", **facts, key=key, value=value)
    for key in untag:
        _tell(tools, model, f"{thing}.deleted", **facts, key=key)


def alias_pointed(tools: Tools, model: Model, alias: str, number: int) -> None:
    _tell(tools, model.name, f"{_alias(model)}.created", alias=alias, version=str(number))


def alias_removed(tools: Tools, model: Model, alias: str) -> None:
    _tell(tools, model.name, f"{_alias(model)}.deleted", alias=alias)


def _alias(model: Model) -> str:
    return "prompt_alias" if is_prompt(model.tags) else "model_version_alias"
