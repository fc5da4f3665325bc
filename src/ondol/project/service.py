"""Plan a project, apply it, show the one that was applied last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features import service as features
from ondol.features.types import DeclareService, DeclareView, ListServices, ListViews
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake import service as lake
from ondol.lake.types import DeclareDataset, ListDatasets
from ondol.lineage import service as lineage
from ondol.lineage.types import Node
from ondol.monitoring import service as monitoring
from ondol.monitoring.types import DeclareMonitor, ListMonitors
from ondol.pipelines import service as pipelines
from ondol.pipelines.types import DeclarePipeline, ListPipelines
from ondol.ports.tools import Tools
from ondol.project import rules
from ondol.project.types import (
    ApplyProject,
    Change,
    Declarations,
    GetProject,
    ListOwners,
    ListProjects,
    OwnedThing,
    Plan,
    PlanProject,
    Project,
    ProjectApplied,
    Snapshot,
)
from ondol.registry import service as registry
from ondol.registry.types import DeclareModel, ListModels
from ondol.serving import service as serving
from ondol.serving.types import DeclareEndpoint, ListEndpoints

if TYPE_CHECKING:
    from ondol.project import repo
else:
    repo = lazy("ondol.project.repo")


@operation("project.plan", "POST", "/v1/project/plan", scope="read", long=True)
def plan_project(tools: Tools, request: PlanProject) -> Plan:
    """What applying a project would change; nothing is changed."""
    rules.check(request)
    with tools.transaction(write=False) as inner:
        return _plan(inner, request)[0]


@operation("project.apply", "POST", "/v1/project/apply", scope="admin", long=True)
def apply_project(tools: Tools, request: ApplyProject) -> Plan:
    """Make what runs equal to the project file: all of it, or nothing. Things no longer declared are left alone."""
    rules.check(request)
    _store_code(tools, request)
    with tools.transaction(write=True) as inner:
        plan, declarations = _plan(inner, request)
        known = repo.find_project(inner.connection, request.name)
        moved = known is None or known.root != request.root
        changed = [change for change in plan.changes if change.action != "keep"]
        if changed or moved:
            _declare(inner, request, declarations, plan.changes, moved)
            _note(inner, request, declarations, plan.code)
        _own(inner, request, plan.changes)
        if changed or moved:
            applied = ProjectApplied(subject=request.name, code=plan.code, changes=len(changed))
            inner.emit(applied)
    return plan


@operation("project.get", "GET", "/v1/project", scope="read")
def get_project(tools: Tools, request: GetProject) -> Project:
    """A project by its name, or the one that was applied last."""
    if found := repo.find_project(tools.connection, request.name):
        return found
    if request.name:
        raise NotFound(f"There is no project {request.name!r}.", hint="ondol projects list")
    raise NotFound("No project has been applied yet.", hint="ondol apply project.py")


@operation("projects.list", "GET", "/v1/projects", scope="read")
def list_projects(tools: Tools, request: ListProjects) -> list[Project]:
    """Every project that was applied to this house, by name."""
    return repo.select_projects(tools.connection)


@operation("projects.things", "GET", "/v1/projects/things", scope="read")
def list_owners(tools: Tools, request: ListOwners) -> list[OwnedThing]:
    """Which project declares what: names are common to all projects, and each thing has one owner."""
    owners = sorted(repo.owners(tools.connection).items())
    return [OwnedThing(kind=kind, name=name, project=project) for (kind, name), project in owners]


def snapshot_path(code: str) -> str:
    """Where the code with this hash lies among the blobs."""
    return f"code/{code}/snapshot.json"


def code_of(tools: Tools, code: str) -> Snapshot:
    """The code with this hash; `NotFound` when it is not among the blobs."""
    return msgspec.json.decode(tools.blobs.get(snapshot_path(code)), type=Snapshot)


def _store_code(tools: Tools, request: PlanProject) -> None:
    code = rules.code_hash(request.entry, request.files)
    snapshot = Snapshot(name=request.name, entry=request.entry, files=request.files)
    tools.blobs.put_new(snapshot_path(code), msgspec.json.format(msgspec.json.encode(snapshot)))


def _plan(tools: Tools, request: PlanProject) -> tuple[Plan, Declarations]:
    code = rules.code_hash(request.entry, request.files)
    declarations = rules.with_code(request.declarations, code, request.commit)
    running = _running(tools)
    owners = repo.owners(tools.connection)
    changes = [rules.code_change(request.name, code, repo.find_project(tools.connection, request.name))]
    for group, kind in rules.KINDS.items():
        changes += rules.compare(kind, getattr(declarations, group), running[group])
    if not request.take_over:
        rules.check_owners(request.name, changes, owners)
    undeclared = rules.undeclared(declarations, running, owners, request.name)
    plan = Plan(project=request.name, code=code, changes=changes, undeclared=undeclared)
    return plan, declarations


def _running(tools: Tools) -> dict[str, dict[str, Any]]:
    """The spec of everything that the rooms know, by kind and name."""
    found: dict[str, list[Any]] = {
        "datasets": lake.list_datasets(tools, ListDatasets()),
        "views": features.list_views(tools, ListViews()),
        "services": features.list_services(tools, ListServices()),
        "pipelines": pipelines.list_pipelines(tools, ListPipelines()),
        "models": registry.list_models(tools, ListModels()),
        "endpoints": serving.list_endpoints(tools, ListEndpoints()),
        "monitors": monitoring.list_monitors(tools, ListMonitors()),
    }
    return {group: {each.name: each.spec for each in things} for group, things in found.items()}


def _declare(
    tools: Tools, request: PlanProject, declarations: Declarations, changes: Sequence[Change], moved: bool
) -> None:
    """Declare what is new or changed, and every dataset after the project's folder has moved."""
    declare: dict[str, Callable[[Any], object]] = {
        "datasets": lambda spec: lake.declare_dataset(tools, DeclareDataset(spec=spec, root=request.root)),
        "views": lambda spec: features.declare_view(tools, DeclareView(spec=spec)),
        "services": lambda spec: features.declare_service(tools, DeclareService(spec=spec)),
        "pipelines": lambda spec: pipelines.declare_pipeline(tools, DeclarePipeline(spec=spec)),
        "models": lambda spec: registry.declare_model(tools, DeclareModel(spec=spec)),
        "endpoints": lambda spec: serving.declare_endpoint(tools, DeclareEndpoint(spec=spec)),
        "monitors": lambda spec: monitoring.declare_monitor(tools, DeclareMonitor(spec=spec)),
    }
    kept = {(change.kind, change.name) for change in changes if change.action == "keep"}
    for group, kind in rules.KINDS.items():
        for spec in getattr(declarations, group):
            if (kind, rules.name_of(spec)) not in kept or (moved and group == "datasets"):
                declare[group](spec)


def _own(tools: Tools, request: PlanProject, changes: Sequence[Change]) -> None:
    """What this project has declared is its own; what it declares just as another project does stays with that one."""
    owners = repo.owners(tools.connection)
    declared = [(change.kind, change.name) for change in changes if change.kind != "code"]
    fresh = [thing for thing in declared if thing not in owners]
    others = [thing for thing in declared if owners.get(thing, request.name) != request.name]
    repo.take(tools.connection, request.name, fresh + (others if request.take_over else []), tools.now())


def _note(tools: Tools, request: PlanProject, declarations: Declarations, code: str) -> None:
    repo.put_project(
        tools.connection,
        Project(
            name=request.name,
            root=request.root,
            code=code,
            entry=request.entry,
            commit=request.commit,
            declarations=declarations,
            applied_at=tools.now(),
            applied_by=tools.actor,
        ),
    )
    facts: dict[str, Any] = {"files": sorted(request.files), "entry": request.entry}
    if request.commit:
        facts["commit"] = request.commit
    title = f"{request.name} at {request.commit[:12] or code[:12]}"
    lineage.record(tools, nodes=[Node(id=f"code:{code[:12]}", kind="code", title=title, facts=facts)])
