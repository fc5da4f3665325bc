"""Experiments: what runs are filed under."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ondol.kernel.errors import Conflict, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, page_of
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.types import (
    CreateExperiment,
    DeleteExperiment,
    Experiment,
    GetExperiment,
    KeyValue,
    ListExperiments,
    RestoreExperiment,
    UpdateExperiment,
)

if TYPE_CHECKING:
    from ondol.tracking.repo import experiments as repo
    from ondol.tracking.repo import runs
    from ondol.tracking.repo import search as searches
    from ondol.tracking.rules import limits
    from ondol.tracking.rules import search as grammar
else:
    repo, runs = lazy("ondol.tracking.repo.experiments"), lazy("ondol.tracking.repo.runs")
    searches, grammar = lazy("ondol.tracking.repo.search"), lazy("ondol.tracking.rules.search")
    limits = lazy("ondol.tracking.rules.limits")


@operation("experiments.create", "POST", "/v1/experiments", scope="write")
def create_experiment(tools: Tools, request: CreateExperiment) -> Experiment:
    """Make an experiment; `Conflict` when one has its name, also a deleted one."""
    limits.check_experiment_name(request.name)
    limits.check_text("artifact_location", request.location, 2_048)
    for key, value in request.tags.items():
        limits.check_experiment_tag(key, value)
    if repo.find_named(tools.connection, request.name):
        raise Conflict(f"Experiment(name={request.name}) already exists.", hint="`ondol experiments list --view all`.")
    now = rules.to_ms(tools.now())
    identity = repo.insert_experiment(tools.connection, request.name, request.location, now)
    repo.put_experiment_tags(tools.connection, identity, request.tags)
    return record(tools, identity)


@operation("experiments.list", "GET", "/v1/experiments", scope="read")
def list_experiments(tools: Tools, request: ListExperiments) -> Page[Experiment]:
    """Experiments, the newest first unless another order is asked for."""
    limits.check_limit(request.limit, 50_000, "limit")
    offset = rules.offset_of(request.token)
    ids = searches.search_experiments(
        tools.connection,
        grammar.parse_filter(request.filter, grammar.EXPERIMENTS),
        grammar.parse_order(request.order_by or ["creation_time DESC", "experiment_id ASC"], grammar.EXPERIMENTS),
        searches.Page(request.limit, offset, request.view),
    )
    return page_of(_records(tools, ids), request.limit, rules.offset_text(offset + request.limit))


@operation("experiments.get", "GET", "/v1/experiments/{experiment}", scope="read")
def get_experiment(tools: Tools, request: GetExperiment) -> Experiment:
    """An experiment with its tags, by id or name."""
    return record(tools, _existing(tools, request.experiment).id)


@operation("experiments.update", "PUT", "/v1/experiments/{experiment}", scope="write")
def update_experiment(tools: Tools, request: UpdateExperiment) -> Experiment:
    """Rename an experiment, add and remove tags."""
    found = active(tools, _existing(tools, request.experiment).id)
    if request.name and request.name != found.name:
        rename(tools, found.id, request.name)
    for key, value in request.tags.items():
        limits.check_experiment_tag(key, value)
    repo.put_experiment_tags(tools.connection, found.id, request.tags)
    for key in request.untag:
        if not repo.delete_experiment_tag(tools.connection, found.id, key):
            raise NotFound(f"No tag with name: {key} in experiment with id {found.id}")
    return record(tools, found.id)


@operation("experiments.delete", "DELETE", "/v1/experiments/{experiment}", scope="write")
def delete_experiment(tools: Tools, request: DeleteExperiment) -> Experiment:
    """Take an experiment and its runs out of the lists; both can be restored."""
    found = active(tools, _existing(tools, request.experiment).id)
    now = rules.to_ms(tools.now())
    repo.update_experiment(tools.connection, found.id, deleted_ms=now, updated_ms=now)
    runs.set_deleted(tools.connection, found.id, now)
    return record(tools, found.id)


@operation("experiments.restore", "POST", "/v1/experiments/{experiment}/restore", scope="write")
def restore_experiment(tools: Tools, request: RestoreExperiment) -> Experiment:
    """Bring a deleted experiment and its runs back."""
    found = _existing(tools, request.experiment)
    if found.deleted_ms is None:
        raise NotFound(f"No deleted experiment with ID {found.id} exists.")
    repo.update_experiment(tools.connection, found.id, deleted_ms=None, updated_ms=rules.to_ms(tools.now()))
    runs.set_deleted(tools.connection, found.id, None)
    return record(tools, found.id)


def ensure(tools: Tools, name: str) -> repo.ExperimentRow:
    """The experiment of this name, made now if need be; `Conflict` when it is deleted."""
    found = repo.find_named(tools.connection, name)
    if found is None:
        identity = repo.insert_experiment(tools.connection, name, "", rules.to_ms(tools.now()))
        return active(tools, identity)
    return _check_active(found)


def active(tools: Tools, identity: int) -> repo.ExperimentRow:
    """The experiment of this id; `NotFound`, or `Conflict` when it is deleted."""
    if (found := repo.find_experiment(tools.connection, identity)) is None:
        raise NotFound(f"No Experiment with id={identity} exists")
    return _check_active(found)


def find(tools: Tools, given: str) -> repo.ExperimentRow | None:
    """By name, or by id; a name that looks like an id wins."""
    if found := repo.find_named(tools.connection, given):
        return found
    is_id = given.isascii() and given.isdigit() and len(given) < 19
    return repo.find_experiment(tools.connection, int(given)) if is_id else None


def rename(tools: Tools, identity: int, name: str) -> None:
    limits.check_experiment_name(name)
    active(tools, identity)
    taken = repo.find_named(tools.connection, name)
    if taken is not None and taken.id != identity:
        raise Conflict(f"Experiment(name={name}) already exists.")
    repo.update_experiment(tools.connection, identity, name=name, updated_ms=rules.to_ms(tools.now()))


def exists(tools: Tools, identity: int) -> bool:
    return repo.find_experiment(tools.connection, identity) is not None


def find_named(tools: Tools, name: str) -> repo.ExperimentRow | None:
    """The experiment with this name, deleted or not."""
    return repo.find_named(tools.connection, name)


def id_of(tools: Tools, name: str) -> int | None:
    """The id of the experiment with this name, deleted or not."""
    found = repo.find_named(tools.connection, name)
    return found.id if found else None


def names_of(tools: Tools, ids: Collection[int]) -> dict[int, str]:
    return repo.read_names(tools.connection, sorted(ids))


def record(tools: Tools, identity: int) -> Experiment:
    return _records(tools, [identity])[0]


def _records(tools: Tools, ids: list[int]) -> list[Experiment]:
    tags = repo.read_experiment_tags(tools.connection, ids)
    return [_record(row, tags.get(row.id, [])) for row in repo.read_experiments(tools.connection, ids)]


def _record(row: repo.ExperimentRow, tags: Iterable[KeyValue]) -> Experiment:
    return Experiment(
        id=str(row.id),
        name=row.name,
        location=row.location,
        created_at=rules.from_ms(row.created_ms),
        updated_at=rules.from_ms(row.updated_ms),
        deleted_at=None if row.deleted_ms is None else rules.from_ms(row.deleted_ms),
        tags={tag.key: tag.value for tag in tags},
    )


def _existing(tools: Tools, given: str) -> repo.ExperimentRow:
    if (found := find(tools, given)) is None:
        raise NotFound(f"No Experiment with id={given} exists", hint="`ondol experiments list` shows them.")
    return found


def _check_active(found: repo.ExperimentRow) -> repo.ExperimentRow:
    if found.deleted_ms is not None:
        raise Conflict(
            f"The experiment {found.id} must be in the 'active' state. Current state is deleted.",
            hint=f"ondol experiments restore {found.id}",
        )
    return found
