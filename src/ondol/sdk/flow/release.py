"""Steps `register`, `gate` and `deploy`: from a trained model to a version that gets traffic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ondol.evals.types import Compare, Comparison
from ondol.kernel.errors import Invalid, Refused
from ondol.pipelines.types import GetPipelineRun, PipelineRun
from ondol.registry import service as registry
from ondol.registry.types import About, RegisterVersion, Version
from ondol.registry.types.lifecycle import AskReview, Review
from ondol.rollout.types import StartCanary
from ondol.sdk import evidence, values
from ondol.sdk.collector import build
from ondol.sdk.context import Finished, Origin, Planned, RunContext, Traced, required_run
from ondol.sdk.delivery import Endpoint, Model
from ondol.sdk.fingerprints import sha256
from ondol.sdk.flow.rows import Rows, readings

_PAST = "by hand, past the gate"


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    version: str
    number: int


@dataclass(frozen=True)
class Candidate(Traced):
    """A version that waits for its gate."""

    record: Registered
    origin: Origin

    def argument(self) -> Registered:
        return self.record


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    comparison: str
    model: str
    version: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict(Traced):
    """What the gate said."""

    record: Decided
    origin: Origin

    @property
    def passed(self) -> bool:
        return self.record.passed

    @property
    def reason(self) -> str:
        return self.record.reason

    def argument(self) -> Decided:
        return self.record


def candidate(
    model: Model | str, trained: Any, scores: dict[str, float] | None = None, *, search: dict[str, Any] | None = None
) -> Candidate:
    """Step `register`: register a trained model as a version, with all that it was made from.

    `search` says how its parameters were found, for the card: `{"method": "random search", "runs": 40,
    "ranges": {"leaves": [7, 255]}}`. With `od.autolog()` a study of Optuna in a step says so by itself.
    """
    run = required_run("od.candidate")
    name = model if isinstance(model, str) else model.name
    sources = [origin for origin in (run.origin(trained), run.origin(scores)) if origin]
    source = _source(run, trained, scores, build(evidence.Search, "search", search) if search else None)

    def work() -> Finished:
        found = source if source.search else replace(source, search=_searched(run))
        version = _register(run, name, found, values.numbers(scores or {}))
        record = Registered(model=name, version=version.id, number=version.number)
        print(f"{name} {version.number} is registered as {version.id}")
        return Finished(value=record, summary=f"{name} {version.number}", results={"version": version.id})

    digests = [run.digest(trained), run.digest(scores)]
    planned = Planned(
        name="register",
        cache_key=sha256("register", run.run.id, name, *digests),
        cacheable=False,
        inputs=list(dict.fromkeys(origin.step for origin in sources)),
        params={"model": name},
        kind=Registered,
        subject=(trained, values.numbers(scores or {})),
    )
    return Candidate(*run.perform(planned, work))


def _searched(run: RunContext) -> evidence.Search | None:
    """What the steps of this run have said of a search, also those whose output was reused."""
    known: PipelineRun = run.call("pipeline_runs.get", GetPipelineRun(run=run.run.id))
    found = known.results.get(evidence.SEARCH)
    return msgspec.convert(found, evidence.Search) if found else None


def _source(run: RunContext, trained: Any, scores: Any, search: evidence.Search | None) -> evidence.Source:
    """The model, the steps that made and judged it, and the rows that they read."""
    made = run.origin(trained)
    judged = run.origin(scores)
    ancestors = list(run.ancestors(made.step)) if made else []
    sets = (run.training_sets[step.id] for step in ancestors if step.id in run.training_sets)
    return evidence.Source(
        model=trained,
        framework=type(trained).__module__.partition(".")[0],
        made_from=next(sets, None),
        learned=readings(run, made.step) if made else [],
        judged=readings(run, judged.step) if judged else [],
        params=ancestors[0].params if ancestors else {},
        search=search,
    )


def _register(run: RunContext, name: str, source: evidence.Source, metrics: dict[str, float]) -> Version:
    made_from = source.made_from
    gathered = evidence.gather(run, source)
    about = About(run=run.run.id, environment=_versions(gathered), files=gathered.files)
    origin: dict[str, Any] = {}
    if made_from:
        told = {"label": made_from.label, "service": made_from.service, "service_hash": made_from.service_hash}
        about = msgspec.structs.replace(about, **told)
        origin = {"training_set": made_from.id, "tables": made_from.tables}
    folder = f"models/{registry.folder_name(name)}"
    package = registry.write_package(run.tools, folder, source.model, about)
    request = RegisterVersion(
        model=name,
        key=run.run.id,
        flavor=package.manifest.flavor,
        package=package.folder,
        files=package.files,
        run=run.run.id,
        service=about.service,
        service_hash=about.service_hash,
        label=about.label,
        features=package.manifest.features,
        params=dict(source.params),
        metrics=metrics,
        signature=package.manifest.signature,
        code=run.run.code,
        commit=run.commit,
        environment=about.environment,
        tags={"pipeline": run.run.pipeline, "reason": run.run.reason},
        evidence=gathered.evidence,
        **origin,
    )
    version: Version = run.call("versions.register", request)
    return version


def _versions(gathered: evidence.Gathered) -> dict[str, str]:
    """Python, the platform, and each package with its version."""
    found = gathered.evidence.environment
    packages = {name: pin.version for name, pin in found.packages.items()}
    return {"python": found.python, "platform": found.platform, **packages}


def gate(version: Candidate, rows: Any) -> Verdict:
    """Step `gate`: the candidate against the champion on these rows, by the rules of the model."""
    run = required_run("od.gate")
    if not isinstance(rows, Rows):
        raise Invalid("od.gate compares on rows of a training set.", hint="gate(candidate, new) with od.split's rows.")

    def work() -> Finished:
        request = Compare(
            candidate=version.record.version,
            training_set=rows.built.training_set.id,
            since=rows.since or rows.built.first or rows.until,
            until=rows.until,
            key=f"{run.run.id}:{version.record.version}",
            run=run.run.id,
        )
        found: Comparison = run.call("evals.compare", request)
        for result in found.results:
            print(f"{'passed' if result.passed else 'failed'}: {result.text}")
        print(found.reason)
        decided = Decided(
            comparison=found.id,
            model=found.model,
            version=found.candidate,
            passed=found.passed,
            reason=found.reason,
        )
        results = {"comparison": found.id}
        return Finished(value=decided, summary=found.reason, results=results, metrics={"lead": found.lead})

    planned = Planned(
        name="gate",
        cache_key=sha256("gate", run.run.id, version.record.version, rows.origin.digest),
        cacheable=False,
        inputs=[version.origin.step, rows.origin.step],
        params={"candidate": version.record.version},
        kind=Decided,
    )
    return Verdict(*run.perform(planned, work))


def _wait_for_approval(run: RunContext, endpoint: str, verdict: Decided) -> Finished:
    """Ask for the review that the model wants before it may answer."""
    review: Review = run.call("reviews.ask", AskReview(version=verdict.version, note=verdict.reason))
    reason = f"it waits for its review {review.id}" if review.status == "open" else f"its review says {review.status}"
    print(f"not deployed: {reason}")
    print(f"then: ondol canary start {endpoint} --version {verdict.version}")
    value = {"endpoint": endpoint, "deployed": False, "reason": reason, "review": review.id}
    return Finished(value=value, summary=f"not deployed: {reason}", results={"review": review.id})


def deploy(decided: Verdict | Candidate, to: Endpoint | str, *, past_the_gate: bool = False) -> None:
    """Step `deploy`: a candidate that passed its gate gets its first share of the endpoint's traffic.

    `past_the_gate` deploys a candidate that no gate has seen.
    """
    run = required_run("od.deploy")
    name = to if isinstance(to, str) else to.name
    if isinstance(decided, Candidate):
        if not past_the_gate:
            raise Invalid("od.deploy wants the verdict of od.gate.", hint="Or say past_the_gate=True.")
        verdict = Decided(
            comparison="", model=decided.record.model, version=decided.record.version, passed=True, reason=_PAST
        )
    else:
        verdict = decided.record

    def work() -> Finished:
        if not verdict.passed:
            print(f"not deployed: {verdict.reason}")
            value = {"endpoint": name, "deployed": False, "reason": verdict.reason}
            return Finished(value=value, summary=f"not deployed: {verdict.reason}")
        request = StartCanary(endpoint=name, version=verdict.version, key=run.run.id, reason=verdict.reason)
        try:
            canary = run.call("canary.start", request)
        except Refused as refusal:
            if "approval" not in refusal.details:
                raise
            return _wait_for_approval(run, name, verdict)
        value = {"endpoint": name, "deployed": True, "reason": verdict.reason, "canary": canary.id}
        return Finished(value=value, summary=f"deployed to {name}", results={"canary": canary.id})

    planned = Planned(
        name="deploy",
        cache_key=sha256("deploy", run.run.id, name, verdict.version),
        cacheable=False,
        inputs=[decided.origin.step],
        params={"endpoint": name, "past_the_gate": past_the_gate},
    )
    run.perform(planned, work)
