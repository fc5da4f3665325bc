"""Logged models: what runs wrote down, in the units of foreign protocols. No operations of ours."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.page import encode_token
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import experiments
from ondol.tracking.service.wire import experiment_id
from ondol.tracking.types import KeyValue, LoggedModel

if TYPE_CHECKING:
    from ondol.tracking.repo import models as repo
    from ondol.tracking.repo import search as searches
    from ondol.tracking.rules import limits
    from ondol.tracking.rules import search as grammar
else:
    repo, searches = lazy("ondol.tracking.repo.models"), lazy("ondol.tracking.repo.search")
    limits, grammar = lazy("ondol.tracking.rules.limits"), lazy("ondol.tracking.rules.search")

STATUSES = ("PENDING", "READY", "FAILED")
ModelOrder = tuple[str, bool, str, str]
"""Field, whether ascending, name and digest of the data set whose measurements count."""


def create(
    tools: Tools,
    experiment: str,
    *,
    name: str,
    kind: str,
    source_run: str,
    entries: tuple[Sequence[KeyValue], Sequence[KeyValue]],
) -> LoggedModel:
    """`entries` are parameters and tags. Without a name it gets one of ours."""
    if name:
        limits.check_model_name(name)
    params, tags = entries
    _check(params, tags)
    found = experiments.active(tools, experiment_id(experiment))
    identity = f"m-{tools.new_id('').removeprefix('_')}"
    now = rules.to_ms(tools.now())
    repo.insert_model(
        tools.connection,
        id=identity,
        experiment=found.id,
        name=name or limits.random_name(secrets.randbits(40)),
        kind=kind,
        status="PENDING",
        status_message="",
        source_run=source_run,
        created_ms=now,
        updated_ms=now,
    )
    repo.put_model_params(tools.connection, identity, params)
    repo.put_model_tags(tools.connection, identity, tags)
    return read(tools, identity)


def _check(*entries: Sequence[KeyValue]) -> None:
    for one in (one for group in entries for one in group):
        limits.check_text("key", one.key, limits.KEY_LENGTH)
        limits.check_entry(one.key, one.value)


def read(tools: Tools, identity: str, *, deleted: bool = False) -> LoggedModel:
    found = repo.read_models(tools.connection, [identity])
    if not found or (found[0].deleted_ms is not None and not deleted):
        raise NotFound(f"Logged model with ID '{identity}' not found.")
    return found[0]


def finalize(tools: Tools, identity: str, status: str) -> LoggedModel:
    if status not in STATUSES:
        raise Invalid(f"Invalid model status: {status!r}. Expected one of {', '.join(STATUSES)}.")
    read(tools, identity)
    repo.update_model(tools.connection, identity, status=status, updated_ms=rules.to_ms(tools.now()))
    return read(tools, identity)


def delete(tools: Tools, identity: str) -> None:
    read(tools, identity)
    now = rules.to_ms(tools.now())
    repo.update_model(tools.connection, identity, deleted_ms=now, updated_ms=now)


def log_params(tools: Tools, identity: str, params: Sequence[KeyValue]) -> None:
    _check(params)
    read(tools, identity)
    repo.put_model_params(tools.connection, identity, params)


def set_tags(tools: Tools, identity: str, tags: Sequence[KeyValue]) -> LoggedModel:
    _check(tags)
    read(tools, identity)
    repo.put_model_tags(tools.connection, identity, tags)
    return read(tools, identity)


def delete_tag(tools: Tools, identity: str, key: str) -> None:
    read(tools, identity)
    if not repo.delete_model_tag(tools.connection, identity, key):
        raise NotFound(f"No tag with key {key!r} found for model with ID {identity!r}.")


def search(
    tools: Tools,
    ids: Sequence[str],
    *,
    text: str,
    datasets: Sequence[tuple[str, str]],
    order_by: Sequence[ModelOrder],
    page: tuple[int, str],
) -> tuple[list[LoggedModel], str]:
    """Models and the token of the next page, empty at the end. `page` is the limit and the token of this one."""
    limit, token = page
    limits.check_limit(limit, 1_000)
    offset = rules.offset_of(token)
    found = repo.search_models(
        tools.connection,
        [experiment_id(given) for given in ids],
        grammar.parse_filter(text, grammar.MODELS),
        datasets,
        [_checked(order) for order in order_by],
        searches.Page(limit, offset, "active"),
    )
    more = encode_token(rules.offset_text(offset + limit)) if len(found) > limit else ""
    return repo.read_models(tools.connection, found[:limit]), more


def _checked(order: ModelOrder) -> ModelOrder:
    field, ascending, name, digest = order
    if digest and not name:
        raise Invalid("`dataset_digest` can only be specified if `dataset_name` is also specified.")
    if not field.startswith("metrics."):
        known = grammar.MODELS.attributes.get(field.strip())
        if known is None:
            raise Invalid(f"Invalid order by field name: {field}.")
        field = known
    return field, ascending, name, digest
