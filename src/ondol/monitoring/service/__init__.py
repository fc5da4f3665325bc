"""Monitors, their checks, and the alarms that these raise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ondol.features import service as features
from ondol.jobs import service as jobs
from ondol.jobs.types import DeclareSchedule
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.spans import parse_duration
from ondol.lake import service as lake
from ondol.lake.types import GetDataset
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.monitoring.rules import judgement
from ondol.monitoring.service import observe
from ondol.monitoring.types import (
    Alarm,
    AlarmClosed,
    Baseline,
    Check,
    CheckDrift,
    CloseAlarm,
    DeclareMonitor,
    DriftAlarm,
    DriftChecked,
    GetAlarm,
    GetBaseline,
    GetCheck,
    GetMonitor,
    ListAlarms,
    ListChecks,
    ListMonitors,
    ListQuality,
    Monitor,
    MonitorSpec,
    QualityPoint,
)
from ondol.pipelines import service as pipelines
from ondol.pipelines.types import GetPipeline
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import GetVersion, Version
from ondol.serving import service as serving
from ondol.serving.types import Endpoint, GetEndpoint

if TYPE_CHECKING:
    from ondol.monitoring import repo
else:
    repo = lazy("ondol.monitoring.repo")

LIST_LIMIT = 1_000


@operation("monitors.declare", "POST", "/v1/monitors", scope="write")
def declare_monitor(tools: Tools, request: DeclareMonitor) -> Monitor:
    """Watch an endpoint: check it at intervals, and start a pipeline when it has drifted."""
    spec = request.spec
    judgement.check_spec(spec)
    serving.get_endpoint(tools, GetEndpoint(endpoint=spec.endpoint))
    lake.get_dataset(tools, GetDataset(dataset=spec.labels))
    if spec.on_drift:
        pipelines.get_pipeline(tools, GetPipeline(pipeline=spec.on_drift))
    known = repo.select_monitors(tools.connection, spec.endpoint)
    if known and known[0].spec == spec:
        return known[0]
    fresh = Monitor(name=spec.endpoint, spec=spec, last_check=None, open_alarm="", updated_at=tools.now())
    repo.put_monitor(tools.connection, fresh)
    jobs.declare_schedule(
        tools,
        DeclareSchedule(
            name=f"monitor:{spec.endpoint}",
            operation="drift.check",
            every=spec.every,
            request={"endpoint": spec.endpoint},
        ),
    )
    if spec.skew_limit:
        jobs.declare_schedule(
            tools,
            DeclareSchedule(
                name=f"skew:{spec.endpoint}",
                operation="skew.check",
                every=spec.every,
                request={"endpoint": spec.endpoint, "window": spec.window, "limit": spec.skew_limit},
            ),
        )
    return _monitor(tools, spec.endpoint)


@operation("monitors.list", "GET", "/v1/monitors", scope="read")
def list_monitors(tools: Tools, request: ListMonitors) -> list[Monitor]:
    """Monitors by name."""
    return repo.select_monitors(tools.connection)


@operation("monitors.get", "GET", "/v1/monitors/{endpoint}", scope="read")
def get_monitor(tools: Tools, request: GetMonitor) -> Monitor:
    """A monitor, when it last looked, and its open alarm."""
    return _monitor(tools, request.endpoint)


@operation("baselines.get", "GET", "/v1/versions/{version}/baseline", scope="read", long=True)
def get_baseline(tools: Tools, request: GetBaseline) -> Baseline:
    """The world that a version learned: histograms of its training set, and the quality expected of it."""
    with tools.transaction(write=False) as inner:
        version = registry.get_version(inner, GetVersion(version=request.version))
    return observe.baseline_of(tools, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a check is about: the champion of an endpoint, and the window."""

    endpoint: Endpoint
    spec: MonitorSpec
    version: Version
    since: datetime
    until: datetime


@operation("drift.check", "POST", "/v1/monitors/{endpoint}/checks", scope="write", long=True)
def check_drift(tools: Tools, request: CheckDrift) -> Check:
    """Compare what the champion of an endpoint sees and gets right now with what it learned and promised."""
    with tools.transaction(write=False) as inner:
        case = _case(inner, request.endpoint)
        service = features.service_of(inner, case.endpoint.spec.service)
    baseline = observe.baseline_of(tools, case.version)
    rows, labelled = observe.read_window(
        tools, case.endpoint.name, service.spec, case.version.id, case.since, case.until
    )
    other_label = judgement.why_not_judged(case.version.label, service.spec.label)
    quality = observe.quality_of(rows, labelled.clear() if other_label else labelled, baseline)
    drifts, score = observe.drift_of(rows, baseline, case.spec.psi_limit)
    verdict, reasons = judgement.judge(case.spec, quality, baseline.expected_auc_error, drifts)
    reasons = [other_label] if other_label and verdict == "too_few_rows" else reasons
    check = Check(
        id=tools.new_id("check"),
        endpoint=case.endpoint.name,
        version=case.version.id,
        number=case.version.number,
        at=case.until,
        since=case.since,
        until=case.until,
        verdict=verdict,
        reasons=reasons,
        quality=quality,
        features=drifts,
        score=score,
    )
    with tools.transaction(write=True) as inner:
        return _keep(inner, check)


def _case(tools: Tools, name: str) -> _Case:
    spec = _monitor(tools, name).spec
    endpoint = serving.get_endpoint(tools, GetEndpoint(endpoint=name))
    if not endpoint.traffic:
        raise NotFound(f"Endpoint {name} has no champion yet, so there is nothing to check.", hint="ondol run")
    now = tools.now()
    version = registry.get_version(tools, GetVersion(version=endpoint.traffic[0].version))
    return _Case(endpoint=endpoint, spec=spec, version=version, since=now - parse_duration(spec.window), until=now)


def _keep(tools: Tools, check: Check) -> Check:
    """Store a check, with the alarm that it raises."""
    monitor = _monitor(tools, check.endpoint)
    strikes = judgement.count_strikes(check.verdict, repo.strikes_of(tools.connection, check.endpoint, check.version))
    alarm = _alarm(tools, monitor, check, strikes)
    kept = msgspec.structs.replace(check, strikes=strikes, alarm=alarm.id if alarm else "")
    repo.insert_check(tools.connection, kept)
    tools.emit(
        DriftChecked(
            subject=kept.endpoint,
            check=kept.id,
            verdict=kept.verdict,
            auc=kept.quality.auc,
            drifted=sum(feature.drifted for feature in kept.features),
        )
    )
    if alarm:
        _raise(tools, monitor, alarm)
    return kept


def _alarm(tools: Tools, monitor: Monitor, check: Check, strikes: int) -> Alarm | None:
    past = repo.newest_alarms(tools.connection, check.endpoint, 1)
    closed_at = past[0].closed_at if past else None
    if not judgement.raises_alarm(monitor.spec, strikes, monitor.open_alarm, closed_at, tools.now()):
        return None
    endpoint = serving.get_endpoint(tools, GetEndpoint(endpoint=check.endpoint))
    if endpoint.traffic[0].version != check.version:
        # Another version became champion while this check was reading.
        return None
    return Alarm(
        id=tools.new_id("alarm"),
        endpoint=check.endpoint,
        check=check.id,
        version=check.version,
        at=tools.now(),
        features=judgement.most_telling(check.features),
        reasons=check.reasons,
        status="open",
    )


def _raise(tools: Tools, monitor: Monitor, alarm: Alarm) -> None:
    repo.insert_alarm(tools.connection, alarm)
    facts = {"reasons": alarm.reasons, "features": alarm.features}
    lineage.record(
        tools,
        nodes=[Node(id=alarm.id, kind="alarm", title=f"{alarm.endpoint} has drifted", facts=facts, at=alarm.at)],
        edges=[
            Edge(made=alarm.id, origin=alarm.check, relation="raised_by"),
            Edge(made=alarm.check, origin=alarm.version, relation="looked_at"),
        ],
    )
    tools.emit(
        DriftAlarm(
            subject=alarm.endpoint,
            alarm=alarm.id,
            check=alarm.check,
            features=alarm.features,
            reasons=alarm.reasons,
            pipeline=monitor.spec.on_drift,
        )
    )


@operation("checks.list", "GET", "/v1/monitors/{endpoint}/checks", scope="read")
def list_checks(tools: Tools, request: ListChecks) -> list[Check]:
    """Checks of an endpoint, the newest first, with the features that had drifted."""
    return repo.newest_checks(tools.connection, request.endpoint, _limit(request.limit))


@operation("checks.get", "GET", "/v1/checks/{check}", scope="read")
def get_check(tools: Tools, request: GetCheck) -> Check:
    """A check with both histograms of every feature."""
    if found := repo.find_check(tools.connection, request.check):
        return found
    raise NotFound(f"There is no check {request.check!r}.", hint="`ondol checks list` shows those of an endpoint.")


@operation("quality.list", "GET", "/v1/monitors/{endpoint}/quality", scope="read")
def list_quality(tools: Tools, request: ListQuality) -> list[QualityPoint]:
    """The live quality of an endpoint over time, the oldest check first."""
    return [
        QualityPoint(
            at=check.at, number=check.number, quality=check.quality, drifted=len(check.features), alarm=check.alarm
        )
        for check in reversed(repo.newest_checks(tools.connection, request.endpoint, LIST_LIMIT))
    ]


@operation("alarms.list", "GET", "/v1/alarms", scope="read")
def list_alarms(tools: Tools, request: ListAlarms) -> list[Alarm]:
    """Alarms of one endpoint, or of all, the newest first."""
    return repo.newest_alarms(tools.connection, request.endpoint, _limit(request.limit))


@operation("alarms.get", "GET", "/v1/alarms/{alarm}", scope="read")
def get_alarm(tools: Tools, request: GetAlarm) -> Alarm:
    """An alarm: what it saw, and what came of it."""
    if found := repo.find_alarm(tools.connection, request.alarm):
        return found
    raise NotFound(f"There is no alarm {request.alarm!r}.", hint="`ondol alarms list` shows them.")


@operation("alarms.close", "POST", "/v1/alarms/{alarm}/close", scope="write")
def close_alarm(tools: Tools, request: CloseAlarm) -> Alarm:
    """Close an alarm, which starts the cooldown; one that is closed stays as it is."""
    alarm = get_alarm(tools, GetAlarm(alarm=request.alarm))
    if alarm.status == "closed":
        return alarm
    closed = msgspec.structs.replace(alarm, status="closed", closed_at=tools.now(), outcome=request.outcome)
    repo.update_alarm(tools.connection, closed)
    tools.emit(AlarmClosed(subject=alarm.endpoint, alarm=alarm.id, outcome=request.outcome))
    return closed


def _monitor(tools: Tools, endpoint: str) -> Monitor:
    if found := repo.select_monitors(tools.connection, endpoint):
        return found[0]
    raise NotFound(f"Nobody watches the endpoint {endpoint!r}.", hint="`ondol monitors declare`, or od.monitor(...)")


def _limit(limit: int) -> int:
    if not 1 <= limit <= LIST_LIMIT:
        raise Invalid(f"limit is {limit}; it may be 1 to {LIST_LIMIT}.")
    return limit
