"""The steps that every pipeline needs: from files that land to a version that gets traffic."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.evals.types import Compare, Comparison
from ondol.features.types import BuildTrainingSet, TrainingSet
from ondol.kernel.errors import Invalid, Refused
from ondol.kernel.spans import parse_duration
from ondol.lake.types import GetDataset, RefreshDataset, RefreshReport, ValidateDataset, ValidationReport
from ondol.registry import service as registry
from ondol.registry.types import About, RegisterVersion, Version
from ondol.rollout.types import StartCanary
from ondol.sdk import values
from ondol.sdk.context import Finished, Origin, Planned, RunContext, Traced, required_run
from ondol.sdk.data import Dataset
from ondol.sdk.delivery import Endpoint, Model
from ondol.sdk.features import Service
from ondol.sdk.fingerprints import sha256, stable

if TYPE_CHECKING:
    import polars as pl

_PAST = "by hand, past the gate"
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Landed(Traced):
    """Datasets at the versions that a run goes on with."""

    versions: dict[str, int]
    datasets: tuple[Dataset, ...]
    origin: Origin


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A training set; `first` and `last` are the earliest and latest moments in its time column."""

    training_set: TrainingSet
    time: str
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Rows(Traced):
    """The rows of a training set with `since <= time < until`.

    Steps get them as a Polars frame: the features in the model's order, `label`, and the columns of `keep`.
    """

    built: Built
    since: datetime | None
    until: datetime
    keep: tuple[str, ...]
    origin: Origin

    def argument(self) -> pl.DataFrame:
        return self.frame

    def __getattr__(self, name: str) -> Any:
        """Whatever a Polars frame can do; frames that come of it still know that they come from here."""
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.frame, name)
        return functools.partial(self._derived, found) if callable(found) else found

    def _derived(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        value = method(*args, **kwargs)
        run = required_run("A training set")
        return run.derive(value, self.origin.step) if isinstance(value, type(self.frame)) else value

    @functools.cached_property
    def frame(self) -> pl.DataFrame:
        run = required_run("Reading a training set")
        record = self.built.training_set
        wanted = [*record.features, "label", *self.keep]
        rows = run.tools.tables.scan(record.table, version=record.table_version)
        time = _instant(self.built.time)
        if self.since is not None:
            rows = rows.filter(time >= self.since)
        return rows.filter(time < self.until).select(wanted).collect()


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


def ingest(*datasets: Dataset) -> Landed:
    """Step `ingest`: bring what is new in the sources into the lake. A refused batch is kept in quarantine."""
    run = required_run("od.ingest")

    def work() -> Finished:
        versions = {dataset.name: _refresh(run, dataset) for dataset in datasets}
        return Finished(value=versions, summary=_at_versions(versions))

    names = [dataset.name for dataset in datasets]
    planned = Planned(
        name="ingest",
        cache_key=sha256("ingest", run.run.id, *names),
        cacheable=False,
        params={"datasets": names},
        kind=dict[str, int],
    )
    versions, origin = run.perform(planned, work)
    return Landed(versions, datasets, origin)


def _refresh(run: RunContext, dataset: Dataset) -> int:
    if dataset.spec.source is None:
        return _version(run, dataset.name)
    report: RefreshReport = run.call("datasets.refresh", RefreshDataset(dataset=dataset.name))
    print(f"{dataset.name}: {report.files} files, {report.new_files} new, version {report.version}")
    for batch in report.batches:
        print(f"  {batch.origin}: {batch.landed_rows} of {batch.rows} rows {batch.status}")
        for violation in batch.violations:
            print(f"    {violation.message}")
    return report.version


def _at_versions(versions: dict[str, int]) -> str:
    return ", ".join(f"{name} at version {version}" for name, version in versions.items())


def _version(run: RunContext, name: str) -> int:
    version: int = run.call("datasets.get", GetDataset(dataset=name)).version
    return version


def validate(landed: Landed) -> Landed:
    """Step `validate`: hold each dataset against its contract; a broken rule fails the run with the report."""
    run = required_run("od.validate")

    def work() -> Finished:
        reports: list[ValidationReport] = [
            run.call("datasets.validate", ValidateDataset(dataset=name, version=version))
            for name, version in landed.versions.items()
            if version >= 0
        ]
        for report in reports:
            print(f"{report.dataset} version {report.version}: {report.rows} rows, passed: {report.passed}")
        if broken := [found for report in reports for found in _violations(report)]:
            raise Refused("\n".join(["The contract is broken:", *broken]))
        rows = {f"{report.dataset}_rows": float(report.rows) for report in reports}
        return Finished(value=landed.versions, summary=_at_versions(landed.versions), metrics=rows)

    contracts = [rule for dataset in landed.datasets for rule in dataset.spec.contract]
    specs = [msgspec.json.encode(dataset.spec).decode() for dataset in landed.datasets]
    planned = Planned(
        name="validate",
        cache_key=sha256("validate", stable(landed.versions), *specs),
        cacheable=all(rule.kind != "fresh" for rule in contracts),
        inputs=[landed.origin.step],
        params={"versions": landed.versions},
        kind=dict[str, int],
    )
    versions, origin = run.perform(planned, work)
    return Landed(versions, landed.datasets, origin)


def _violations(report: ValidationReport) -> list[str]:
    return [f"  {report.dataset}: {violation.message}" for violation in report.violations] if not report.passed else []


def training_set(inputs: Service, *, after: Landed | None = None, last: str = "", keep: list[str] | None = None) -> Any:
    """Step `features`: the point-in-time correct training set of a feature service.

    It holds all rows whose label is known by now (`last`: only the newest `"90d"` of
    them). Pass it to steps of your own, which get a Polars frame of the features, `label`
    and the columns of `keep`.
    """
    run = required_run("od.training_set")
    datasets = [inputs.dataset, *(view.dataset for view in inputs.views)]
    known = after.versions if after else {}
    versions = {each.name: known.get(each.name, -1) for each in datasets}
    versions = {name: _version(run, name) if version < 0 else version for name, version in versions.items()}
    if versions[inputs.dataset.name] < 0:
        raise Invalid(f"Dataset {inputs.dataset.name!r} has no rows yet.", hint="Look at its batches and its source.")
    until = _known_until(run, inputs.dataset, versions[inputs.dataset.name])
    since = until - parse_duration(last) if last else None

    def work() -> Finished:
        request = BuildTrainingSet(service=inputs.name, since=since, until=until)
        record: TrainingSet = run.call("training_sets.build", request)
        built = _with_ends(run, record, inputs.spec.time)
        metrics = {"rows": float(record.rows)}
        if record.positive_share is not None:
            metrics["positive_share"] = record.positive_share
        summary = f"{record.rows:,} rows × {len(record.features)} features until {until:%Y-%m-%d %H:%M}"
        return Finished(value=built, summary=summary, results={"training_set": record.id}, metrics=metrics)

    definitions = [inputs.spec, *(view.spec for view in inputs.views), *(each.spec for each in datasets)]
    encoded = [msgspec.json.encode(spec).decode() for spec in definitions]
    built, origin = run.perform(
        Planned(
            name="features",
            cache_key=sha256("features", stable(versions), str(since), str(until), *encoded),
            cacheable=True,
            inputs=[after.origin.step] if after else [],
            params={"service": inputs.name, "versions": versions, "last": last},
            kind=Built,
        ),
        work,
    )
    run.training_sets[origin.step] = built.training_set
    return Rows(built, None, built.training_set.until, tuple(keep or ()), origin)


def _known_until(run: RunContext, dataset: Dataset, version: int) -> datetime:
    """Just after the newest moment when a row became known, but not after now: with no new rows
    the next run asks for the same training set, and is answered from the cache."""
    column = dataset.spec.known_at or dataset.spec.time
    rows = run.tools.tables.scan(f"silver/{dataset.name}", version=version)
    newest = rows.select(_instant(column).max()).collect().item()
    now = run.tools.now()
    return now if newest is None else min(now, newest + _MICROSECOND)


def _instant(column: str) -> pl.Expr:
    import polars as pl

    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _with_ends(run: RunContext, record: TrainingSet, time: str) -> Built:
    column = _instant(time)
    ends = run.tools.tables.scan(record.table, version=record.table_version).select(
        column.min().alias("first"), column.max().alias("last")
    )
    first, last = ends.collect().row(0)
    return Built(training_set=record, time=time, first=first, last=last)


def split(rows: Any, *, newest: str) -> tuple[Any, Any]:
    """The rows before the newest `"14d"`, and those of the newest `"14d"`, by the service's time column."""
    if not isinstance(rows, Rows):
        raise Invalid("od.split divides what od.training_set gave.", hint="Split other frames in a step of your own.")
    end = (rows.built.last or rows.until) + _MICROSECOND
    border = end - parse_duration(newest)
    return _part(rows, rows.since, border), _part(rows, border, rows.until)


def _part(rows: Rows, since: datetime | None, until: datetime) -> Rows:
    digest = sha256(rows.origin.digest, str(since), str(until), *rows.keep)
    return replace(rows, since=since, until=until, origin=Origin(step=rows.origin.step, digest=digest))


def candidate(model: Model | str, trained: Any, scores: dict[str, float] | None = None) -> Candidate:
    """Step `register`: register a trained model as a version, with all that it was made from."""
    run = required_run("od.candidate")
    name = model if isinstance(model, str) else model.name
    sources = [origin for origin in (run.origin(trained), run.origin(scores)) if origin]
    ancestors = [step for origin in sources[:1] for step in run.ancestors(origin.step)]

    def work() -> Finished:
        made_from = next((run.training_sets[step.id] for step in ancestors if step.id in run.training_sets), None)
        params = ancestors[0].params if ancestors else {}
        version = _register(run, name, trained, made_from, params, values.numbers(scores or {}))
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
    )
    return Candidate(*run.perform(planned, work))


def _register(
    run: RunContext,
    name: str,
    trained: Any,
    made_from: TrainingSet | None,
    params: dict[str, Any],
    metrics: dict[str, float],
) -> Version:
    about = About()
    origin: dict[str, Any] = {}
    if made_from:
        about = About(label=made_from.label, service=made_from.service, service_hash=made_from.service_hash)
        origin = {"training_set": made_from.id, "tables": made_from.tables}
    package = registry.write_package(run.tools, f"models/{name}/{run.run.id}", trained, about)
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
        params=params,
        metrics=metrics,
        signature=package.manifest.signature,
        code=run.run.code,
        commit=run.commit,
        environment=environment(),
        **origin,
    )
    version: Version = run.call("versions.register", request)
    return version


def environment() -> dict[str, str]:
    """Python, the platform, and the version of each package that is loaded and says which it is."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name, module in sorted(sys.modules.items()):
        version = None if "." in name or name.startswith("_") else getattr(module, "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found


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
        canary = run.call("canary.start", request)
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
