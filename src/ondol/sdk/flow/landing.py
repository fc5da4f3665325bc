"""Steps `ingest` and `validate`: from files to datasets that keep their contracts."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ondol.kernel.errors import Refused
from ondol.lake.types import Batch, GetDataset, RefreshDataset, RefreshReport, ValidateDataset, ValidationReport
from ondol.sdk.context import Finished, Origin, Planned, RunContext, Traced, required_run
from ondol.sdk.data import Dataset
from ondol.sdk.fingerprints import sha256, stable


@dataclass(frozen=True)
class Landed(Traced):
    """Datasets at the versions that a run goes on with."""

    versions: dict[str, int]
    datasets: tuple[Dataset, ...]
    origin: Origin


def ingest(*datasets: Dataset) -> Landed:
    """Step `ingest`: bring what is new in the sources into the lake.

    A batch that breaks its contract is kept in quarantine and stops the run, unless the contract says that good rows
    go on without the bad ones (`on_violation="go_on"`). The next run goes on without what is in quarantine.
    """
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
    if dataset.spec.source is None and not dataset.spec.query and not dataset.spec.files:
        return version_of(run, dataset.name)
    report: RefreshReport = run.call("datasets.refresh", RefreshDataset(dataset=dataset.name))
    print(f"{dataset.name}: {report.files} files, {report.new_files} new, version {report.version}")
    for batch in report.batches:
        print(f"  {batch.origin}: {batch.landed_rows} of {batch.rows} rows {batch.status}")
        for violation in batch.violations:
            print(f"    {violation.message}")
    if refused := [batch for batch in report.batches if _stops(batch)]:
        told = "; ".join(f"{batch.origin}: {batch.violations[0].message}" for batch in refused[:3])
        raise Refused(
            f"{dataset.name}: {len(refused)} of {len(report.batches)} batches broke the contract: {told}",
            hint=f"`ondol batches get {refused[0].id}` shows the report; the others have landed.",
        )
    return report.version


def _stops(batch: Batch) -> bool:
    return batch.status == "quarantined" and any(violation.action == "stop" for violation in batch.violations)


def _at_versions(versions: dict[str, int]) -> str:
    return ", ".join(f"{name} at version {version}" for name, version in versions.items())


def version_of(run: RunContext, name: str) -> int:
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
