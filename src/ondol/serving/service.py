"""Endpoints, their traffic, and the log of what they answered."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ondol.features import service as features
from ondol.features.types import GetService
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.spans import parse_duration
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Graph, Node, Trace
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import GetModel, GetVersion
from ondol.registry.types.lifecycle import TrafficShare
from ondol.serving import rules
from ondol.serving.types import (
    DeclareEndpoint,
    Endpoint,
    GetEndpoint,
    GetRequest,
    GetUsage,
    ListEndpoints,
    ListRequests,
    Request,
    RequestDetail,
    SetTraffic,
    TraceLineage,
    TrafficSet,
    Usage,
)

if TYPE_CHECKING:
    import polars as pl

    from ondol.serving import repo
    from ondol.serving.plane import log
else:
    log = lazy("ondol.serving.plane.log")
    repo = lazy("ondol.serving.repo")


@operation("endpoints.declare", "POST", "/v1/endpoints", scope="write")
def declare_endpoint(tools: Tools, request: DeclareEndpoint) -> Endpoint:
    """Declare an endpoint; its traffic stays as it is."""
    spec = request.spec
    if not 0 <= spec.capture <= 1:
        raise Invalid(f"endpoint {spec.name}: capture is a share between 0 and 1, not {spec.capture}.")
    registry.get_model(tools, GetModel(model=spec.model))
    service = features.get_service(tools, GetService(service=spec.service))
    if taken := rules.LOG_COLUMNS & {*service.features, service.spec.key, service.spec.time}:
        raise Invalid(
            f"endpoint {spec.name}: {', '.join(sorted(taken))} of {spec.service} is a column of the request log.",
            hint="Give the feature, the key or the time another name.",
        )
    known = repo.find_endpoint(tools.connection, spec.name)
    if known and known.spec == spec:
        return known
    if known and known.spec.model != spec.model and known.traffic:
        raise Conflict(
            f"Endpoint {spec.name} serves the model {known.spec.model}.",
            hint="Declare another endpoint for the new model.",
        )
    endpoint = Endpoint(
        name=spec.name,
        spec=spec,
        traffic=known.traffic if known else [],
        # Also a new spec is a new revision: the planes reload by it.
        revision=known.revision + 1 if known else 0,
        updated_at=tools.now(),
    )
    repo.put_endpoint(tools.connection, endpoint)
    lineage.record(tools, nodes=[_node(endpoint)], edges=[])
    return endpoint


@operation("endpoints.list", "GET", "/v1/endpoints", scope="read")
def list_endpoints(tools: Tools, request: ListEndpoints) -> list[Endpoint]:
    """List endpoints by name."""
    return repo.select_endpoints(tools.connection)


@operation("endpoints.get", "GET", "/v1/endpoints/{endpoint}", scope="read")
def get_endpoint(tools: Tools, request: GetEndpoint) -> Endpoint:
    """Show an endpoint and its traffic."""
    if found := repo.find_endpoint(tools.connection, request.endpoint):
        return found
    raise NotFound(f"There is no endpoint {request.endpoint!r}.", hint="ondol endpoints list")


@operation("endpoints.traffic", "POST", "/v1/endpoints/{endpoint}/traffic", scope="deploy")
def set_traffic(tools: Tools, request: SetTraffic) -> Endpoint:
    """Give versions their shares of the traffic."""
    known = get_endpoint(tools, GetEndpoint(endpoint=request.endpoint))
    versions = {name: registry.get_version(tools, GetVersion(version=name)) for name in request.shares}
    for name, version in versions.items():
        if version.model != known.spec.model:
            raise Invalid(f"{name} is a version of {version.model}; {known.name} serves {known.spec.model}.")
    traffic = rules.routes_of(request.shares, {name: version.number for name, version in versions.items()})
    if traffic == known.traffic:
        return known
    endpoint = Endpoint(
        name=known.name, spec=known.spec, traffic=traffic, revision=known.revision + 1, updated_at=tools.now()
    )
    repo.put_endpoint(tools.connection, endpoint)
    learned = [versions[route.version].service_hash for route in traffic]
    features.hold_definitions(tools, f"endpoint:{known.name}", learned)
    shares = [msgspec.convert(route, TrafficShare, from_attributes=True) for route in traffic]
    registry.note_traffic(tools, known.spec.model, known.name, shares, reason=request.reason, evidence=request.evidence)
    lineage.record(
        tools,
        nodes=[_node(endpoint)],
        edges=[Edge(made=f"endpoint:{known.name}", origin=route.version, relation="answers_with") for route in traffic],
    )
    tools.emit(TrafficSet(subject=known.name, traffic=traffic, revision=endpoint.revision, reason=request.reason))
    return endpoint


def _node(endpoint: Endpoint) -> Node:
    return Node(
        id=f"endpoint:{endpoint.name}",
        kind="endpoint",
        title=endpoint.name,
        facts={"model": endpoint.spec.model, "revision": endpoint.revision},
        at=endpoint.updated_at,
    )


@operation("requests.list", "GET", "/v1/requests", scope="read")
def list_requests(tools: Tools, request: ListRequests) -> list[Request]:
    """List answered requests, newest first."""
    return repo.select_requests(tools.connection, request)


@operation("requests.get", "GET", "/v1/requests/{request}", scope="read", long=True)
def get_request(tools: Tools, request: GetRequest) -> RequestDetail:
    """Show a request: who answered it, from which features, with which scores."""
    if waiting := log.find_waiting(tools, request.request):
        names = list(waiting.columns)
        rows = [dict(zip(names, values, strict=True)) for values in zip(*waiting.columns.values(), strict=True)]
        return RequestDetail(request=waiting.request, rows=rows)
    found = _find_request(tools, request.request)
    return RequestDetail(request=found, rows=log.rows_of(tools, found))


def _find_request(tools: Tools, identity: str) -> Request:
    with tools.transaction(write=False) as inner:
        found = repo.find_request(inner.connection, identity)
    if found is None:
        raise NotFound(f"No request {identity!r} was answered here.", hint="ondol requests list")
    return found


@operation("endpoints.usage", "GET", "/v1/endpoints/{endpoint}/usage", scope="read")
def get_usage(tools: Tools, request: GetUsage) -> list[Usage]:
    """Sum up requests, rows, errors and latencies per version and bucket of time."""
    get_endpoint(tools, GetEndpoint(endpoint=request.endpoint))
    width = parse_duration(request.bucket)
    origin = datetime(1970, 1, 1, tzinfo=UTC)
    groups: dict[tuple[datetime, str], list[Request]] = defaultdict(list)
    for found in repo.select_requests_since(tools.connection, request.endpoint, request.since):
        groups[origin + (found.at - origin) // width * width, found.version].append(found)
    return [_usage(since, version, members) for (since, version), members in sorted(groups.items())]


def _usage(since: datetime, version: str, members: list[Request]) -> Usage:
    latencies = sorted(member.latency_ms for member in members)
    return Usage(
        since=since,
        version=version,
        number=members[-1].number,
        role=members[-1].role,
        requests=len(members),
        rows=sum(member.rows for member in members),
        errors=sum(member.status >= 500 for member in members),
        latency_p50_ms=rules.percentile(latencies, 0.5),
        latency_p95_ms=rules.percentile(latencies, 0.95),
    )


@operation("lineage", "GET", "/v1/lineage/{id}", scope="read", long=True)
def trace_lineage(tools: Tools, request: TraceLineage) -> Graph:
    """Show what a thing was made from, back to code and data; or what was made from it.

    Stands here because a prediction is the last link of the chain, and the request log is
    where it is kept.
    """
    if not request.id.startswith("req_"):
        with tools.transaction(write=False) as inner:
            return lineage.trace(inner, Trace(id=request.id, direction=request.direction))
    waiting = log.find_waiting(tools, request.id)
    found = waiting.request if waiting else _find_request(tools, request.id)
    with tools.transaction(write=False) as inner:
        graph = lineage.trace(inner, Trace(id=found.version, direction="ancestors"))
    facts = {"endpoint": found.endpoint, "rows": found.rows, "role": found.role, "latency_ms": found.latency_ms}
    node = Node(id=found.id, kind="request", title=f"a prediction of {found.endpoint}", facts=facts, at=found.at)
    edge = Edge(made=found.id, origin=found.version, relation="answered_by")
    return Graph(root=found.id, nodes=[node, *graph.nodes], edges=[edge, *graph.edges])


def read_log(tools: Tools, endpoint: str, since: datetime, until: datetime) -> pl.DataFrame:
    """Captured rows answered at `since <= at < until`; columns as in `log.read`. Needs no transaction."""
    return log.read(tools, endpoint, since, until)


def requests_since(tools: Tools, endpoint: str, since: datetime, until: datetime | None = None) -> list[Request]:
    """Requests answered at `since <= at < until`, also those that are not drained yet. Needs no transaction."""
    waiting = log.waiting_requests(tools, endpoint, since, until)
    with tools.transaction(write=False) as inner:
        stored = repo.select_requests_since(inner.connection, endpoint, since, until)
    return list({request.id: request for request in [*stored, *waiting]}.values())
