"""Step `features`: a training set, as rows that know where they come from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features.types import BuildTrainingSet, TrainingSet
from ondol.kernel.errors import Invalid
from ondol.kernel.spans import parse_duration
from ondol.sdk.context import Finished, Origin, Planned, RunContext, Traced, required_run
from ondol.sdk.data import Dataset
from ondol.sdk.features import Service
from ondol.sdk.fingerprints import sha256, stable
from ondol.sdk.flow.landing import Landed, version_of

if TYPE_CHECKING:
    import polars as pl

_MICROSECOND = timedelta(microseconds=1)


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
    rule: str = "all rows"
    """How they were chosen, in words."""

    def argument(self) -> pl.DataFrame:
        return self.frame

    def __getattr__(self, name: str) -> Any:
        """Whatever a Polars frame can do; frames that come of it still know that they come from here."""
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.frame, name)
        return functools.partial(self._derived, name, found) if callable(found) else found

    def _derived(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        value = method(*args, **kwargs)
        run = required_run("A training set")
        return run.derive(value, self, name) if isinstance(value, type(self.frame)) else value

    @property
    def size(self) -> int:
        """How many rows; without reading them, if nobody has."""
        if "frame" in vars(self):
            return self.frame.height
        return int(self._scan().select("label").collect().height)

    @functools.cached_property
    def frame(self) -> pl.DataFrame:
        wanted = [*self.built.training_set.features, "label", *self.keep]
        return self._scan().select(wanted).collect()

    def _scan(self) -> pl.LazyFrame:
        run = required_run("Reading a training set")
        record = self.built.training_set
        rows = run.tools.tables.scan(record.table, version=record.table_version)
        time = _instant(self.built.time)
        if self.since is not None:
            rows = rows.filter(time >= self.since)
        return rows.filter(time < self.until)


def readings(run: RunContext, step: str) -> list[tuple[Rows, str]]:
    """The rows that went into a step, and what was done to them before."""
    return [(rows, how) for rows, how in run.readings.get(step, []) if isinstance(rows, Rows)]


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
    versions = {name: version_of(run, name) if version < 0 else version for name, version in versions.items()}
    if versions[inputs.dataset.name] < 0:
        raise Invalid(f"Dataset {inputs.dataset.name!r} has no rows yet.", hint="Look at its batches and its source.")
    until = _known_until(run, inputs.dataset, versions[inputs.dataset.name])
    since = until - parse_duration(last) if last else None

    def work() -> Finished:
        request = BuildTrainingSet(service=inputs.name, since=since, until=until)
        record: TrainingSet = run.call("training_sets.build", request)
        built = with_ends(run, record, inputs.spec.time)
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
    rule = f"the newest {last}" if last else "all rows"
    return Rows(built, None, built.training_set.until, tuple(keep or ()), origin, rule)


def _known_until(run: RunContext, dataset: Dataset, version: int) -> datetime:
    """Just after the newest moment when a row became known, but not after now: with no new rows
    the next run asks for the same training set, and is answered from the cache."""
    column = dataset.spec.known_at or dataset.spec.time
    rows = run.tools.tables.scan(f"{dataset.spec.layer}/{dataset.name}", version=version)
    newest = rows.select(_instant(column).max()).collect().item()
    now = run.tools.now()
    return now if newest is None else min(now, newest + _MICROSECOND)


def _instant(column: str) -> pl.Expr:
    import polars as pl

    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def with_ends(run: RunContext, record: TrainingSet, time: str) -> Built:
    """A training set with the earliest and the latest moment of its rows."""
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
    column = rows.built.time
    return (
        _part(rows, rows.since, border, f"{rows.rule} but the newest {newest} by {column}"),
        _part(rows, border, rows.until, f"the newest {newest} by {column}"),
    )


def _part(rows: Rows, since: datetime | None, until: datetime, rule: str) -> Rows:
    digest = sha256(rows.origin.digest, str(since), str(until), *rows.keep)
    return replace(rows, since=since, until=until, origin=Origin(step=rows.origin.step, digest=digest), rule=rule)
