"""Canaries: start, look at the evidence, promote, roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.features import service as features
from ondol.jobs import service as jobs
from ondol.jobs.types import DeclareSchedule, ListSchedules, RemoveSchedule
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import GetVersion, PointAlias, Version
from ondol.rollout.rules import conditions, decision, stages
from ondol.rollout.service import evidence
from ondol.rollout.types import (
    Canary,
    CanaryCheck,
    CanaryChecked,
    CanaryRolledBack,
    CanaryStarted,
    CanaryWon,
    CheckCanary,
    EndCanary,
    Evidence,
    GetCanary,
    ListCanaries,
    StartCanary,
)
from ondol.serving import service as serving
from ondol.serving.types import Endpoint, GetEndpoint, SetTraffic

if TYPE_CHECKING:
    from ondol.rollout import repo
else:
    repo = lazy("ondol.rollout.repo")

CHAMPION = "champion"
LIST_LIMIT = 1_000


@operation("canary.start", "POST", "/v1/endpoints/{endpoint}/canaries", scope="deploy")
def start_canary(tools: Tools, request: StartCanary) -> Canary:
    """Give a version a small share of the champion's traffic, and decide by evidence whether it gets more."""
    if request.key and (known := repo.find_by_key(tools.connection, request.key)):
        return known
    endpoint = serving.get_endpoint(tools, GetEndpoint(endpoint=request.endpoint))
    candidate = registry.get_version(tools, GetVersion(version=request.version))
    if candidate.model != endpoint.spec.model:
        raise Invalid(
            f"{candidate.id} is a version of {candidate.model}; {endpoint.name} serves {endpoint.spec.model}."
        )
    if running := repo.find_open(tools.connection, endpoint.name):
        raise Conflict(
            f"{endpoint.name} tries version {running.candidate_number} since {running.started_at:%Y-%m-%d %H:%M}.",
            hint=f"Wait, or end it: ondol canary roll_back --canary {running.id}",
        )
    champion = _champion(tools, endpoint)
    if champion and champion.id == candidate.id:
        raise Conflict(f"Version {candidate.number} is the champion of {endpoint.name} already.")
    plan = stages.parse_rollout(endpoint.spec.rollout)
    conditions.parse_conditions(endpoint.spec.rollback_if)
    at_once = _why_at_once(champion, candidate, plan)
    canary = Canary(
        id=tools.new_id("canary"),
        endpoint=endpoint.name,
        candidate=candidate.id,
        candidate_number=candidate.number,
        champion=champion.id if champion else "",
        champion_number=champion.number if champion else 0,
        status="open",
        stage=0,
        share=1.0 if at_once else plan[0].share,
        started_at=tools.now(),
        stage_since=tools.now(),
        started_by=tools.actor,
        reason=request.reason,
    )
    repo.insert_canary(tools.connection, canary, request.key or canary.id)
    _record(tools, canary)
    _announce(tools, canary)
    if at_once:
        return _promote(tools, canary, at_once)
    _split(tools, canary, stages.check_every(plan[0]), f"canary of version {canary.candidate_number}")
    return canary


def _champion(tools: Tools, endpoint: Endpoint) -> Version | None:
    if not endpoint.traffic:
        return None
    return registry.get_version(tools, GetVersion(version=endpoint.traffic[0].version))


def _why_at_once(champion: Version | None, candidate: Version, plan: list[stages.Stage]) -> str:
    """Why there is nothing to compare with; empty when there is."""
    if champion is None:
        return "there is no champion yet"
    if champion.label != candidate.label:
        return f"the champion answers another question: {champion.label!r}, not {candidate.label!r}"
    return "" if plan else "the rollout is 100% at once"


@operation("canary.list", "GET", "/v1/canaries", scope="read")
def list_canaries(tools: Tools, request: ListCanaries) -> list[Canary]:
    """Canaries of one endpoint, or of all, the newest first."""
    if not 1 <= request.limit <= LIST_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {LIST_LIMIT}.")
    return repo.newest_canaries(tools.connection, request.endpoint, request.limit)


@operation("canary.get", "GET", "/v1/canaries/{canary}", scope="read")
def get_canary(tools: Tools, request: GetCanary) -> Canary:
    """A canary and the evidence of each check."""
    if found := repo.find_canary(tools.connection, request.canary):
        return found
    raise NotFound(f"There is no canary {request.canary!r}.", hint="`ondol canary list` shows them.")


@operation("canary.check", "POST", "/v1/endpoints/{endpoint}/canary-check", scope="deploy", long=True)
def check_canary(tools: Tools, request: CheckCanary) -> CanaryCheck:
    """Look at the evidence of the open canary of an endpoint: wait, go on to the next stage, or roll back."""
    with tools.transaction(write=False) as inner:
        endpoint = serving.get_endpoint(inner, GetEndpoint(endpoint=request.endpoint))
        canary = repo.find_open(inner.connection, endpoint.name)
        service = features.service_of(inner, endpoint.spec.service)
        now = inner.now()
        learned = registry.get_version(inner, GetVersion(version=canary.candidate)).label if canary else ""
    if canary is None:
        return CanaryCheck(canary=None)
    plan = stages.parse_rollout(endpoint.spec.rollout)
    stage = plan[min(canary.stage, len(plan) - 1)] if plan else stages.Stage(share=canary.share)
    seen, in_stage = evidence.gather(tools, canary, service.spec, now)
    over = stages.is_over(stage, in_stage, now - canary.stage_since)
    verdict, reason = decision.decide(seen, conditions.parse_conditions(endpoint.spec.rollback_if), stage_is_over=over)
    if learned and learned != service.spec.label:
        verdict, reason = "roll_back", f"it learned {learned!r}, and the labels now say {service.spec.label!r}"
    seen = msgspec.structs.replace(seen, verdict=verdict, reason=reason)
    with tools.transaction(write=True) as inner:
        current = get_canary(inner, GetCanary(canary=canary.id))
        if current.status == "open" and current.stage == canary.stage:
            _act(inner, current, plan, seen)
        return CanaryCheck(canary=get_canary(inner, GetCanary(canary=canary.id)))


def _act(tools: Tools, canary: Canary, plan: list[stages.Stage], seen: Evidence) -> None:
    """Store a check and do what it says, in one transaction."""
    repo.insert_check(tools.connection, tools.new_id("check"), canary.id, seen)
    tools.emit(CanaryChecked(subject=canary.endpoint, canary=canary.id, verdict=seen.verdict, reason=seen.reason))
    if seen.verdict == "roll_back":
        _roll_back(tools, canary, seen.reason, seen.candidate_share)
    elif seen.verdict == "promote" and canary.stage + 1 < len(plan):
        _next_stage(tools, canary, plan[canary.stage + 1], seen.reason)
    elif seen.verdict == "promote":
        _promote(tools, canary, seen.reason)


@operation("canary.promote", "POST", "/v1/canaries/{canary}/promotion", scope="deploy")
def promote_canary(tools: Tools, request: EndCanary) -> Canary:
    """Give the candidate all traffic now; one that is promoted stays as it is."""
    canary = get_canary(tools, GetCanary(canary=request.canary))
    if canary.status == "promoted":
        return canary
    if canary.status == "rolled_back":
        raise Conflict(f"Canary {canary.id} was rolled back: {canary.reason}", hint="Start another one.")
    return _promote(tools, canary, request.reason)


@operation("canary.roll_back", "POST", "/v1/canaries/{canary}/rollback", scope="deploy")
def roll_back_canary(tools: Tools, request: EndCanary) -> Canary:
    """Give the champion all traffic back now; one that was rolled back stays as it is."""
    canary = get_canary(tools, GetCanary(canary=request.canary))
    if canary.status == "rolled_back":
        return canary
    if canary.status == "promoted":
        raise Conflict(
            f"Canary {canary.id} was promoted.", hint=f"ondol canary start --version {canary.champion or 'VERSION'}"
        )
    return _roll_back(tools, canary, request.reason, evidence.served_share(tools, canary, tools.now()))


def _promote(tools: Tools, canary: Canary, reason: str) -> Canary:
    ended = msgspec.structs.replace(canary, status="promoted", share=1.0, ended_at=tools.now(), reason=reason)
    repo.update_canary(tools.connection, ended)
    serving.set_traffic(
        tools,
        SetTraffic(
            endpoint=canary.endpoint,
            shares={canary.candidate: 1.0},
            reason=f"version {canary.candidate_number} promoted: {reason}",
            evidence=canary.id,
        ),
    )
    model = registry.get_version(tools, GetVersion(version=canary.candidate)).model
    registry.point_alias(
        tools,
        PointAlias(model=model, alias=CHAMPION, version=canary.candidate, reason=reason, evidence=canary.id),
    )
    _stop_checks(tools, canary)
    _record(tools, ended)
    tools.emit(
        CanaryWon(
            subject=canary.endpoint,
            canary=canary.id,
            version=canary.candidate,
            number=canary.candidate_number,
            reason=reason,
        )
    )
    return get_canary(tools, GetCanary(canary=canary.id))


def _roll_back(tools: Tools, canary: Canary, reason: str, share_served: float) -> Canary:
    ended = msgspec.structs.replace(canary, status="rolled_back", share=0.0, ended_at=tools.now(), reason=reason)
    repo.update_canary(tools.connection, ended)
    serving.set_traffic(
        tools,
        SetTraffic(
            endpoint=canary.endpoint,
            shares={canary.champion: 1.0},
            reason=f"version {canary.candidate_number} rolled back: {reason}",
            evidence=canary.id,
        ),
    )
    _stop_checks(tools, canary)
    _record(tools, ended)
    tools.emit(
        CanaryRolledBack(
            subject=canary.endpoint,
            canary=canary.id,
            version=canary.candidate,
            number=canary.candidate_number,
            reason=reason,
            share_served=share_served,
        )
    )
    return get_canary(tools, GetCanary(canary=canary.id))


def _next_stage(tools: Tools, canary: Canary, stage: stages.Stage, reason: str) -> None:
    moved = msgspec.structs.replace(
        canary, stage=canary.stage + 1, share=stage.share, stage_since=tools.now(), reason=reason
    )
    repo.update_canary(tools.connection, moved)
    _split(tools, moved, stages.check_every(stage), f"stage {moved.stage + 1} of version {moved.candidate_number}")


def _split(tools: Tools, canary: Canary, every: str, reason: str) -> None:
    """The traffic of a stage, and the checks that go with it."""
    # The champion comes first: of equal shares the first is the champion's.
    shares = {canary.champion: 1 - canary.share, canary.candidate: canary.share}
    serving.set_traffic(tools, SetTraffic(endpoint=canary.endpoint, shares=shares, reason=reason, evidence=canary.id))
    jobs.declare_schedule(
        tools,
        DeclareSchedule(
            name=_schedule(canary), operation="canary.check", every=every, request={"endpoint": canary.endpoint}
        ),
    )


def _stop_checks(tools: Tools, canary: Canary) -> None:
    if any(known.name == _schedule(canary) for known in jobs.list_schedules(tools, ListSchedules())):
        jobs.remove_schedule(tools, RemoveSchedule(name=_schedule(canary)))


def _schedule(canary: Canary) -> str:
    return f"canary:{canary.endpoint}"


def _announce(tools: Tools, canary: Canary) -> None:
    tools.emit(
        CanaryStarted(
            subject=canary.endpoint,
            canary=canary.id,
            candidate=canary.candidate,
            number=canary.candidate_number,
            champion_number=canary.champion_number,
            share=canary.share,
            reason=canary.reason,
        )
    )


def _record(tools: Tools, canary: Canary) -> None:
    origins = [(canary.candidate, "tried"), (canary.champion, "compared_with")]
    title = f"version {canary.candidate_number} at {canary.endpoint}: {canary.status.replace('_', ' ')}"
    lineage.record(
        tools,
        nodes=[
            Node(
                id=canary.id,
                kind="canary",
                title=title,
                facts={"reason": canary.reason, "share": canary.share},
                at=canary.started_at,
            )
        ],
        edges=[
            *(Edge(made=canary.id, origin=origin, relation=relation) for origin, relation in origins if origin),
            Edge(made=f"endpoint:{canary.endpoint}", origin=canary.id, relation="traffic_by"),
        ],
    )
