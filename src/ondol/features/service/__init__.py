"""Feature views, feature services, training sets, and values for requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features.service import elsewhere, freshness, materialise, online, training
from ondol.features.types import (
    BuildTrainingSet,
    CheckView,
    DeclareService,
    DeclareView,
    FeatureDefinition,
    FeatureRows,
    GetDefinition,
    GetService,
    GetTrainingQuery,
    GetTrainingSet,
    GetView,
    HoldsChanged,
    ListServices,
    ListTrainingSets,
    ListViews,
    MaterializeView,
    Pushed,
    PushRows,
    ReadFeatures,
    Service,
    ServiceSpec,
    TrainingQuery,
    TrainingSet,
    View,
    ViewDeclared,
    ViewSpec,
)
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake import service as lake
from ondol.lake.types import GetDataset, ListDatasets
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import definitions
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    definitions = lazy("ondol.features.rules.definitions")


@operation("views.declare", "POST", "/v1/feature-views", scope="write")
def declare_view(tools: Tools, request: DeclareView) -> View:
    """Declare the features of an entity; another definition under the same name replaces the old one."""
    from ondol.features.rules import values

    spec = request.spec
    dataset = lake.spec_of(tools, spec.dataset)
    definitions.check_view(spec, dataset)
    for feature in spec.features:
        values.feature_expression(feature, dataset.columns, f"Feature {spec.name}.{feature.name}")
    definition = definitions.view_hash(spec)
    known = repo.read_view(tools.connection, spec.name)
    if known is not None and known.hash == definition:
        if known.spec != spec:
            repo.describe_view(tools.connection, spec, tools.now())
            freshness.watch(tools, spec)
        return _view(tools, spec.name)
    repo.put_view(tools.connection, spec, definition, tools.now())
    lineage.record(
        tools,
        nodes=[_node("feature_view", spec.name, definition, _facts(spec))],
        edges=[_edge("feature_view", spec.name, definition, f"dataset:{spec.dataset}", "reads")],
    )
    for name in repo.used_by(tools.connection).get(spec.name, []):
        # A service that no longer fits is left as it is: whoever applies a project declares it next.
        with suppress(Invalid):
            _put_service(tools, _service(tools, name).spec)
    freshness.watch(tools, spec)
    tools.emit(ViewDeclared(subject=spec.name, hash=definition))
    return _view(tools, spec.name)


@operation("views.list", "GET", "/v1/feature-views", scope="read")
def list_views(tools: Tools, request: ListViews) -> list[View]:
    """All feature views, by name."""
    users = repo.used_by(tools.connection)
    newest = {dataset.name: dataset.newest for dataset in lake.list_datasets(tools, ListDatasets())}
    return [
        freshness.shown(tools, view, users, newest.get(view.spec.dataset)) for view in repo.list_views(tools.connection)
    ]


@operation("views.get", "GET", "/v1/feature-views/{view}", scope="read")
def get_view(tools: Tools, request: GetView) -> View:
    """A feature view: its definition, what of it is online, and who reads it."""
    return _view(tools, request.view)


@operation("views.materialize", "POST", "/v1/feature-views/{view}/materializations", scope="write", long=True)
def materialize_view(tools: Tools, request: MaterializeView) -> View:
    """Bring a view online up to the newest rows of its dataset, as every landed batch does by itself."""
    stored = online.stored_view(tools, request.view)
    materialise.bring_online(tools, stored.spec.dataset, [stored], full=request.full)
    with tools.transaction(write=False) as inner:
        return _view(inner, request.view)


@operation("views.push", "POST", "/v1/feature-views/{view}/rows", scope="write", long=True)
def push_rows(tools: Tools, request: PushRows) -> Pushed:
    """Put fresh rows online ahead of the batch that brings them to the lake."""
    return online.push(tools, request.view, request.rows)


@operation("views.check", "POST", "/v1/feature-views/{view}/checks", scope="write")
def check_view(tools: Tools, request: CheckView) -> View:
    """Say when a view is older than `fresh` allows, and when it no longer is; schedules call it."""
    freshness.check(tools, online.stored_view(tools, request.view))
    return _view(tools, request.view)


@operation("services.declare", "POST", "/v1/feature-services", scope="write")
def declare_service(tools: Tools, request: DeclareService) -> Service:
    """Declare the features that a model reads, in order, and the label it learns."""
    return _put_service(tools, request.spec)


@operation("services.list", "GET", "/v1/feature-services", scope="read")
def list_services(tools: Tools, request: ListServices) -> list[Service]:
    """All feature services, by name."""
    return repo.list_services(tools.connection)


@operation("services.get", "GET", "/v1/feature-services/{service}", scope="read")
def get_service(tools: Tools, request: GetService) -> Service:
    """A feature service: its features in order, and what a request must bring."""
    return _service(tools, request.service)


@operation("training_sets.build", "POST", "/v1/training-sets", scope="write", long=True)
def build_training_set(tools: Tools, request: BuildTrainingSet) -> TrainingSet:
    """Join every labelled row with the features as they were known at its own moment.

    The same request on the same table versions and definitions answers the same set.
    """
    return training.build(tools, request)


@operation("features.sql", "GET", "/v1/feature-services/{service}/sql", scope="read", long=True)
def training_query(tools: Tools, request: GetTrainingQuery) -> TrainingQuery:
    """Say a training set in the SQL of Spark, BigQuery, Snowflake, Redshift or DuckDB."""
    return elsewhere.query(tools, request)


def rebuild_training_set(tools: Tools, made: TrainingSet, service: Service, views: Sequence[ViewSpec]) -> pl.DataFrame:
    """The rows of a training set once more, from the table versions of then and these definitions.

    Nothing is stored. `NotFound` when a table version is gone. Needs no transaction.
    """
    return training.rebuild(tools, made, service, views)


@operation("training_sets.get", "GET", "/v1/training-sets/{training_set}", scope="read")
def get_training_set(tools: Tools, request: GetTrainingSet) -> TrainingSet:
    """A training set: where its rows are, and the table versions it was made from."""
    return _training_set(tools, request.training_set)


@operation("training_sets.list", "GET", "/v1/training-sets", scope="read")
def list_training_sets(tools: Tools, request: ListTrainingSets) -> list[TrainingSet]:
    """Training sets, the newest first."""
    if not 1 <= request.limit <= 1000:
        raise Invalid(f"limit is {request.limit}; it may be 1 to 1000.")
    return repo.list_training_sets(tools.connection, request.service, request.limit)


@operation("features.read", "POST", "/v1/feature-services/{service}/vectors", scope="read", long=True)
def read_features(tools: Tools, request: ReadFeatures) -> FeatureRows:
    """Show what a model would see for these rows, now or at another moment of the last day."""
    return online.read(tools, request)


@operation("definitions.get", "GET", "/v1/feature-definitions/{hash}", scope="read")
def get_definition(tools: Tools, request: GetDefinition) -> FeatureDefinition:
    """What a service hash stands for: the service and its views as they were when a model learned from them."""
    if found := repo.read_definition(tools.connection, request.hash):
        return found
    raise NotFound(f"No feature service was ever defined as {request.hash!r}.", hint="ondol feature-services list")


def hold_definitions(tools: Tools, holder: str, hashes: Iterable[str]) -> None:
    """Keep these definitions online for `holder` (an endpoint, by the hashes of the versions in its traffic) and no
    others: a model is served what it has learned from, whatever is declared meanwhile. In the caller's transaction."""
    repo.put_holds(tools.connection, holder, sorted({each for each in hashes if each}))
    tools.emit(HoldsChanged(subject=holder))


def definition_of(tools: Tools, service: str, definition: str) -> Service:
    """The service as a model version knows it; the one in force for a version that names no definition."""
    with tools.transaction(write=False) as inner:
        found = repo.read_definition(inner.connection, definition) if definition else None
        return found.service if found else _service(inner, service)


def service_of(tools: Tools, name: str) -> Service:
    """A feature service by its name; `NotFound` otherwise."""
    with tools.transaction(write=False) as inner:
        return _service(inner, name)


def view_values(tools: Tools, name: str, entities: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The features of one view for keys, as a request at `at` would read them. Needs no feature service."""
    view = online.stored_view(tools, name).spec
    return online.view_values(tools, view, lake.spec_of(tools, view.dataset), entities, at)


def vectors(tools: Tools, service: Service, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The features of the service, in its order, as doubles: one row for each of `rows`, from the online store.

    `rows` bring the columns `service.inputs` (further columns are ignored), and may bring
    their own moments in the service's time column; `at` is the moment of the others. The
    values are those of a training set at that moment, as far as they have arrived online:
    exact from a day ago on. Raises `Invalid` naming columns that are missing or do not fit.
    """
    return online.vectors(tools, service, rows, at)


def values_of(
    tools: Tools, service: Service, given: Mapping[str, Sequence[Any]], at: datetime
) -> dict[str, list[float | None]]:
    """`vectors` for columns as a request gives them: lists of one length of JSON values in, lists out."""
    return online.values_of(tools, service, given, at)


def offline_values(tools: Tools, service: Service, asked: pl.DataFrame) -> pl.DataFrame:
    """What a training set would hold for rows at moments of their own: `key`, `time` and the features, as doubles.

    `asked` has the columns `key` (text) and `time` (UTC). Rows whose key has not landed in
    the service's dataset are left out. Needs no transaction.
    """
    from ondol.features.service import offline

    return offline.values_of(tools, service, asked)


def training_frame(tools: Tools, training_set: str | TrainingSet) -> pl.DataFrame:
    """The rows of a training set in the order of time: the service's key and time columns, the
    entity columns, the features in order (doubles), and `label` (a double)."""
    if isinstance(training_set, str):
        with tools.transaction(write=False) as inner:
            training_set = _training_set(inner, training_set)
    return tools.tables.scan(training_set.table, version=training_set.table_version).collect()


def label_frame(tools: Tools, service_name: str, since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """`key` (text), `time`, `label` (a double) of the rows with `since <= time < until` whose label is known by now."""
    from ondol.features.rules import training as sets

    service = service_of(tools, service_name)
    dataset = lake.spec_of(tools, service.spec.dataset)
    now = tools.now()
    found = sets.label_rows(lake.scan(tools, dataset.name), service.spec, dataset, since, now)
    return (found if until is None else found.filter(pl.col("time") < pl.lit(until))).collect()


def views_of(tools: Tools, dataset: str) -> list[repo.StoredView]:
    """The views whose rows come from a dataset, also in definitions of before that are still needed."""
    with tools.transaction(write=False) as inner:
        return repo.list_kept_views(inner.connection, dataset)


def _put_service(tools: Tools, spec: ServiceSpec) -> Service:
    from ondol.features.rules import expressions, values

    spec = msgspec.structs.replace(spec, views=[definitions.canonical(name) for name in spec.views])
    dataset = lake.spec_of(tools, spec.dataset)
    views = [online.stored_view(tools, name).spec for name in spec.views]
    definitions.check_service(spec, dataset, views)
    expressions.value_expression(spec.label, dataset.columns, f"The label of {spec.name}")
    for group in spec.row_features:
        for feature in group.features:
            values.feature_expression(feature, group.columns, f"Feature {group.name}.{feature.name}")
    made = Service(
        name=spec.name,
        spec=spec,
        hash=definitions.service_hash(spec, views),
        label_hash=definitions.label_hash(spec),
        features=definitions.feature_names(spec, views),
        inputs=definitions.inputs_of(spec, dataset, views),
        updated_at=tools.now(),
    )
    known = repo.read_service(tools.connection, spec.name)
    if known is not None and msgspec.structs.replace(known, updated_at=made.updated_at) == made:
        return known
    repo.put_service(tools.connection, made)
    repo.put_definition(
        tools.connection, FeatureDefinition(hash=made.hash, service=made, views=views, at=made.updated_at)
    )
    _record_service(tools, made, views)
    return made


def _record_service(tools: Tools, made: Service, views: Sequence[ViewSpec]) -> None:
    facts = {"features": made.features, "label": made.spec.label, "dataset": made.spec.dataset}
    origins = [f"feature_view:{view.name}@{definitions.view_hash(view)[:8]}" for view in views]
    lineage.record(
        tools,
        nodes=[_node("feature_service", made.name, made.hash, facts)],
        edges=[_edge("feature_service", made.name, made.hash, origin, "lists") for origin in origins],
    )


def _facts(spec: ViewSpec) -> dict[str, object]:
    """What the lineage keeps of a definition for good."""
    lines = [
        f"{each.name} = {each.expression}"
        if not each.windowed
        else f"{each.name} = {each.aggregate}({each.expression}) over {each.window}"
        for each in spec.features
    ]
    return {"entity": spec.entity, "dataset": spec.dataset, "features": lines, "ttl": spec.ttl}


def _node(kind: str, name: str, definition: str, facts: Mapping[str, object]) -> Node:
    title = f"{kind.replace('_', ' ')} {name}"
    return Node(id=f"{kind}:{name}@{definition[:8]}", kind=kind, title=title, facts=dict(facts))


def _edge(kind: str, name: str, definition: str, origin: str, relation: str) -> Edge:
    return Edge(made=f"{kind}:{name}@{definition[:8]}", origin=origin, relation=relation)


def _view(tools: Tools, name: str) -> View:
    stored = online.stored_view(tools, name)
    newest = lake.get_dataset(tools, GetDataset(dataset=stored.spec.dataset)).newest
    return freshness.shown(tools, stored, repo.used_by(tools.connection), newest)


def _service(tools: Tools, name: str) -> Service:
    if found := repo.read_service(tools.connection, name):
        return found
    known = [service.name for service in repo.list_services(tools.connection)]
    raise NotFound(f"There is no feature service {name!r}.", hint=f"There are {', '.join(known) or 'none yet'}.")


def _training_set(tools: Tools, identity: str) -> TrainingSet:
    if found := repo.read_training_set(tools.connection, identity):
        return found
    raise NotFound(f"There is no training set {identity!r}.", hint="`ondol training-sets list` shows them.")
