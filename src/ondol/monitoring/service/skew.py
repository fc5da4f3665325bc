"""The skew watch: what was served, against what a training set holds for the same rows and moments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ondol.features import service as features
from ondol.features.types import Service
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.spans import parse_duration
from ondol.monitoring.types import CheckSkew, GetSkewCheck, ListSkewChecks, SkewAlarm, SkewCheck
from ondol.ports.tools import Tools
from ondol.serving import service as serving
from ondol.serving.types import GetEndpoint

if TYPE_CHECKING:
    import polars as pl

    from ondol.monitoring import repo
    from ondol.monitoring.rules import skew as rules
else:
    pl = lazy("polars")
    repo = lazy("ondol.monitoring.repo")
    rules = lazy("ondol.monitoring.rules.skew")

_MOST_ROWS = 100_000
_LIST_LIMIT = 1_000


@operation("skew.check", "POST", "/v1/endpoints/{endpoint}/skew-checks", scope="write", long=True)
def check_skew(tools: Tools, request: CheckSkew) -> SkewCheck:
    """Compare the features that an endpoint served with what offline says for the same rows and moments.

    Rows meet by the service's key; those that have not landed in its dataset yet wait for
    a later check. People are told when a feature differs in more than `limit` of its values.
    """
    if not 1 <= request.rows <= _MOST_ROWS or not 0 <= request.limit <= 1:
        raise Invalid(
            f"rows is {request.rows} and limit {request.limit}.", hint=f"1 to {_MOST_ROWS:,} rows, a limit of 0 to 1."
        )
    until = tools.now()
    since = until - parse_duration(request.window)
    with tools.transaction(write=False) as inner:
        endpoint = serving.get_endpoint(inner, GetEndpoint(endpoint=request.endpoint))
    service = features.service_of(tools, endpoint.spec.service)
    served, waiting = _served(tools, service, request, since, until)
    offline = features.offline_values(tools, service, served.select("key", "time"))
    met = served.join(offline, on=["key", "time"], how="inner", suffix=".offline", maintain_order="left")
    # A row that was asked for twice at one moment stands in both frames twice.
    met = met.unique("__row", keep="first", maintain_order=True)
    by_feature = rules.compare(
        met.select(service.features),
        met.select(pl.col(f"{name}.offline").alias(name) for name in service.features),
        service.features,
    )
    values = sum(one.rows for one in by_feature)
    check = SkewCheck(
        id=tools.new_id("skew"),
        endpoint=request.endpoint,
        service=service.name,
        at=until,
        since=since,
        until=until,
        rows=met.height,
        waiting=waiting + served.height - met.height,
        share=sum(one.differing for one in by_feature) / values if values else 0.0,
        limit=request.limit,
        exceeded=any(one.share > request.limit for one in by_feature),
        features=by_feature,
    )
    with tools.transaction(write=True) as inner:
        _keep(inner, check)
    return check


def _served(
    tools: Tools, service: Service, request: CheckSkew, since: datetime, until: datetime
) -> tuple[pl.DataFrame, int]:
    """Key, time and features of the logged rows, evenly chosen, and how many have no key to meet by."""
    log = serving.read_log(tools, request.endpoint, since, until)
    spec = service.spec
    if not log.height or not {spec.key, spec.time, *service.features} <= set(log.columns):
        nothing = {name: pl.Float64() for name in service.features}
        schema = {"key": pl.String(), "time": pl.Datetime("us", "UTC"), **nothing, "__row": pl.UInt32()}
        return pl.DataFrame(schema=schema), log.height
    keyed = log.filter(pl.col(spec.key).is_not_null())
    chosen = keyed.sort("request_id", "row").gather_every(max(1, -(-keyed.height // request.rows)))
    key, time = pl.col(spec.key).cast(pl.String).alias("key"), pl.col(spec.time).alias("time")
    found = chosen.select(key, time.cast(pl.Datetime("us", "UTC")), *service.features)
    return found.with_row_index("__row"), log.height - keyed.height


def _keep(tools: Tools, check: SkewCheck) -> None:
    """Store a check; say so when it is the first above the limit."""
    before = repo.newest_skew_checks(tools.connection, ListSkewChecks(endpoint=check.endpoint, limit=1))
    repo.insert_skew_check(tools.connection, check)
    if check.exceeded and not (before and before[0].exceeded):
        worst = [one.feature for one in check.features if one.share > check.limit]
        tools.emit(
            SkewAlarm(
                subject=check.endpoint,
                check=check.id,
                service=check.service,
                features=worst,
                share=check.share,
                limit=check.limit,
            )
        )


@operation("skew.list", "GET", "/v1/skew-checks", scope="read")
def list_skew_checks(tools: Tools, request: ListSkewChecks) -> list[SkewCheck]:
    """Looks at served against offline values, of an endpoint or of a feature service, the newest first."""
    if not 1 <= request.limit <= _LIST_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {_LIST_LIMIT}.")
    return repo.newest_skew_checks(tools.connection, request)


@operation("skew.get", "GET", "/v1/skew-checks/{check}", scope="read")
def get_skew_check(tools: Tools, request: GetSkewCheck) -> SkewCheck:
    """One look at served against offline values, feature by feature."""
    if found := repo.find_skew_check(tools.connection, request.check):
        return found
    raise NotFound(f"There is no skew check {request.check!r}.", hint="`ondol skew list` shows them.")
