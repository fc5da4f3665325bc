"""Building training sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ondol.features.rules import definitions
from ondol.features.service import elsewhere, kept
from ondol.features.types import BuildTrainingSet, Service, TrainingSet, TrainingSetBuilt, ViewSpec
from ondol.kernel.errors import Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import join, present, staircase, training
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    join = lazy("ondol.features.rules.join")
    present = lazy("ondol.features.rules.present")
    staircase = lazy("ondol.features.rules.staircase")
    training = lazy("ondol.features.rules.training")


def build(tools: Tools, request: BuildTrainingSet) -> TrainingSet:
    """See `ondol.features.service.build_training_set`."""
    until = request.until or tools.now()
    if request.since is not None and request.since >= until:
        raise Invalid(f"A training set from {request.since} until {until} has no rows.")
    engine = elsewhere.engine_of(tools, request.engine)
    with tools.transaction(write=False) as inner:
        service = repo.read_service(inner.connection, request.service)
        if service is None:
            raise NotFound(f"There is no feature service {request.service!r}.", hint="ondol feature-services list")
        stored = repo.read_views(inner.connection, service.spec.views)
        views = [stored[name].spec for name in service.spec.views]
        definitions.check_current(service, views)
        names = sorted({service.spec.dataset, *(view.dataset for view in views)})
        versions = {name: lake.current_version(inner, name) for name in names}
        tables = {lake.table_of(lake.spec_of(inner, name)): version for name, version in versions.items()}
        identity = "ts_" + definitions.hash_of([service.hash, request.since, until, tables])[:26]
        if made := repo.read_training_set(inner.connection, identity):
            return made
    span, statement = (request.since, until), ""
    if engine is None:
        frame = _frame(tools, service, views, versions, span, keep=True)
    else:
        frame, statement = elsewhere.joined(tools, engine, (service.spec, views), versions, span)
    if not frame.height:
        raise Refused(
            f"No row of {service.spec.dataset!r} between {request.since or 'the beginning'} and {until} has a label "
            "that is known by then.",
            hint=f"Look at `ondol datasets get {service.spec.dataset}`, and at the label {service.spec.label!r}.",
        )
    table = f"gold/training/{identity}"
    made = TrainingSet(
        id=identity, service=service.name, service_hash=service.hash, label=service.spec.label,
        label_hash=service.label_hash, features=service.features, table=table,
        table_version=tools.tables.overwrite(table, frame), rows=frame.height, since=request.since, until=until,
        positive_share=training.positive_share(frame[training.LABEL]), tables=tables,
        engine=engine.name if engine else "house", query=statement, at=tools.now(),
    )  # fmt: skip
    with tools.transaction(write=True) as inner:
        if first := repo.read_training_set(inner.connection, identity):
            return first
        repo.insert_training_set(inner.connection, made)
        _record(inner, made, service)
        inner.emit(TrainingSetBuilt(subject=identity, service=service.name, rows=made.rows, until=until))
    return made


def rebuild(tools: Tools, made: TrainingSet, service: Service, views: Sequence[ViewSpec]) -> pl.DataFrame:
    """See `ondol.features.service.rebuild_training_set`."""
    versions = {table.rpartition("/")[2]: version for table, version in made.tables.items()}
    return _frame(tools, service, views, versions, (made.since, made.until), keep=False)


def _frame(
    tools: Tools,
    service: Service,
    views: Sequence[ViewSpec],
    versions: dict[str, int],
    span: tuple[datetime | None, datetime],
    *,
    keep: bool,
) -> pl.DataFrame:
    datasets = {name: lake.spec_of(tools, name) for name in versions}
    scans = {name: lake.scan(tools, name, version) for name, version in versions.items()}
    # Read once and kept in memory: views of one dataset, and the questions themselves, share the columns.
    rows = {}
    for name, dataset in datasets.items():
        since = training.earliest(service.spec, views, dataset, span[0])
        columns = training.columns_read(service.spec, views, dataset)
        rows[name] = present.reachable(scans[name], dataset, since).select(columns).collect(), since
    dataset = datasets[service.spec.dataset]
    questions = training.spine(rows[dataset.name][0].lazy(), service.spec, dataset, views, span).collect()
    found: list[pl.DataFrame] = []
    for view in views:
        source, (frame, since) = datasets[view.dataset], rows[view.dataset]
        known = staircase.known_rows(frame.lazy(), view, source).collect()
        earlier = present.earlier_rows_matter(known, view, source, since)
        if earlier is not None:
            more = present.reachable(scans[view.dataset], source, earlier)
            known = staircase.known_rows(more, view, source).collect()
        origin = kept.Origin(version=versions[view.dataset], since=since if earlier is None else earlier)
        for stair in definitions.stairs_of(view):
            steps = kept.window_steps(tools, view, stair, known, origin) if keep and stair.window else None
            if steps is None:
                found.append(join.answers(questions, known, view.entity, stair))
            else:
                found.append(join.as_of(questions, steps, view.entity, stair))
    return training.assemble(questions, service.spec, views, found)


def _record(tools: Tools, made: TrainingSet, service: Service) -> None:
    facts = {
        "rows": made.rows,
        "label": made.label,
        "since": made.since.isoformat() if made.since else "the beginning",
        "until": made.until.isoformat(),
    }
    title = f"training set of {service.name}, {made.rows:,} rows"
    origins = [f"table:{table}@{version}" for table, version in made.tables.items()]
    lineage.record(
        tools,
        nodes=[Node(id=made.id, kind="training_set", title=title, facts=facts, at=made.at)],
        edges=[
            *(Edge(made=made.id, origin=origin, relation="read") for origin in origins),
            Edge(made=made.id, origin=f"feature_service:{service.name}@{service.hash[:8]}", relation="defined_by"),
        ],
    )
