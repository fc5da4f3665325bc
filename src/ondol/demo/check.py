"""Did it really happen? Every step of the story, from the stored rows and from HTTP answers alone."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ondol.demo.replay import ENDPOINT, to_tensor
from ondol.doors.client import Client


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    happened: bool
    words: str


class Evidence:
    """The two witnesses: the database file, opened read-only, and the HTTP doors."""

    def __init__(self, home: Path, client: Client) -> None:
        self.home = home
        self.client = client

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.home / 'ondol.db'}?mode=ro", uri=True) as database:
            return database.execute(query, values).fetchall()

    def events(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for (payload,) in self.rows("select payload from events where name = ?", name)]

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_delta(str(self.home / "lake" / name))


def look(home: Path, client: Client) -> list[Finding]:
    """Look at each step; a step that cannot be looked at did not happen."""
    evidence = Evidence(home, client)
    found = []
    for step, question in STEPS.items():
        try:
            happened, words = question(evidence)
        except Exception as error:
            happened, words = False, f"{type(error).__name__}: {error}"
        found.append(Finding(step=step, happened=happened, words=words))
    return found


Answer = tuple[bool, str]


def lake(evidence: Evidence) -> Answer:
    datasets = {dataset.name: dataset for dataset in evidence.client.call("datasets.list")}
    refused = evidence.client.call("batches.list", dataset="flights", status="quarantined")
    kinds = {violation.rule for batch in refused for violation in batch.violations}
    silver = evidence.table("silver/flights")
    flights = datasets["flights"]
    whole = silver.height == flights.rows == silver["flight_id"].n_unique()
    words = ", ".join(f"{name} {dataset.rows:,} rows" for name, dataset in datasets.items())
    messages = "; ".join(violation.message for batch in refused for violation in batch.violations)
    return whole and kinds >= {"between", "columns", "unique"}, f"{words}. Refused and kept: {messages}"


def features(evidence: Evidence) -> Answer:
    """Served values equal those of the training set, and the training set equals a brute-force count."""
    sets = evidence.client.call("training_sets.list")
    newest = max(sets, key=lambda found: found.rows)
    offline = evidence.table(newest.table)
    online = evidence.table(f"log/{ENDPOINT}")
    both = online.join(offline, on="flight_id", suffix="_offline")
    differing = sum(
        both.filter(~pl.col(name).sub(pl.col(f"{name}_offline")).abs().fill_null(0).le(1e-9)
                    | (pl.col(name).is_null() != pl.col(f"{name}_offline").is_null())).height
        for name in newest.features
    )  # fmt: skip
    late = pl.sql_expr(newest.label).alias("late")
    silver = evidence.table("silver/flights").select("carrier", "known_at", late)
    joined = offline.join(evidence.table("silver/flights").select("flight_id", "carrier"), on="flight_id")
    sample = joined.sample(100, seed=1).select("carrier", "departs_at", "carrier_late_7d").to_dicts()
    wrong = sum(not _same_share(silver, row) for row in sample)
    words = (
        f"{len(sets)} training sets, the largest {newest.rows:,} rows x {len(newest.features)} features; "
        f"{both.height:,} served rows compared with it: {differing} values differ; brute force: {wrong} of 100 differ"
    )
    return both.height > 0 and differing == 0 and wrong == 0, words


def _same_share(silver: pl.DataFrame, row: dict[str, Any]) -> bool:
    day = row["departs_at"].replace(hour=0, minute=0, second=0, microsecond=0)
    known = pl.col("known_at").is_between(day - timedelta(days=7), day, closed="left")
    share = silver.filter(known, pl.col("carrier") == row["carrier"])["late"].mean()
    return bool(share == row["carrier_late_7d"] or abs(share - row["carrier_late_7d"]) < 1e-9)


def pipeline(evidence: Evidence) -> Answer:
    first = min(evidence.client.call("pipeline_runs.list", pipeline="training"), key=lambda run: run.id)
    run = evidence.client.call("pipeline_runs.get", run=first.id)
    steps = [step.name for step in run.steps]
    wanted = ["ingest", "validate", "features", "train", "evaluate", "gate", "deploy"]
    complete = [name for name in steps if name in wanted] == wanted and all(step.output for step in run.steps)
    return run.status == "finished" and complete, " -> ".join(f"{step.name} {step.seconds:.1f} s" for step in run.steps)


def registry(evidence: Evidence) -> Answer:
    history = evidence.client.call("aliases.history", model=ENDPOINT, alias="champion")
    first = min(history, key=lambda span: span.since)
    version = evidence.client.call("versions.get", version=first.version)
    needed = ("run", "training_set", "service_hash", "features", "params", "metrics", "signature", "tables", "code")
    missing = [name for name in (*needed, "environment", "card", "files") if not getattr(version, name)]
    words = f"version {version.number} with {len(version.files)} files, AUC {version.metrics.get('auc', 0):.4f}"
    return not missing, f"{words}; champions: {', '.join(f'v{span.number}' for span in history)}" + (
        f"; missing {missing}" if missing else ""
    )


def serving(evidence: Evidence) -> Answer:
    flight = _some_flight(evidence)
    tensors = [to_tensor(name, [value]) for name, value in flight.items()]
    body = msgspec.json.encode({"inputs": tensors})
    by_key = evidence.client.request("POST", f"/v2/models/{ENDPOINT}/infer", content=body).json()
    detail = evidence.client.call("requests.get", request=by_key["parameters"]["request_id"])
    service = evidence.client.call("services.list")[0]
    given = {name: detail.rows[0][name] for name in service.features}
    body = msgspec.json.encode({"dataframe_records": [given]})
    invoked = evidence.client.request("POST", "/invocations", content=body)
    same = abs(invoked.json()["predictions"][0] - by_key["outputs"][0]["data"][0]) < 1e-12
    words = f"{by_key['parameters']['request_id']} by key and {invoked.headers['x-request-id']} from given features"
    return same and detail.request.latency_ms > 0, f"{words} score {by_key['outputs'][0]['data'][0]:.4f}"


def _some_flight(evidence: Evidence) -> dict[str, Any]:
    row = evidence.table("silver/flights").tail(1).to_dicts()[0]
    names = ("flight_id", "carrier", "tailnum", "origin", "dest", "hour", "minute", "distance")
    return {name: row[name] for name in names} | {
        "local_date": str(row["local_date"]),
        "departs_at": row["departs_at"].isoformat(),
    }


def replay(evidence: Evidence) -> Answer:
    ((requests, rows, errors),) = evidence.rows("select count(*), sum(rows), sum(status >= 400) from requests")
    logged = evidence.table(f"log/{ENDPOINT}").height
    ((median,),) = evidence.rows(
        "select latency_ms from requests order by latency_ms limit 1 offset (select count(*) / 2 from requests)"
    )
    words = f"{rows:,} predictions in {requests:,} requests, {errors} errors, median {median:.1f} ms in the plane"
    # The two requests of the step before may still stand in a segment.
    return errors == 0 and rows > 0 and abs(rows - logged) <= 2, words


def drift(evidence: Evidence) -> Answer:
    alarms = evidence.client.call("alarms.list", endpoint=ENDPOINT)
    first = min(alarms, key=lambda alarm: alarm.at)
    check = evidence.client.call("checks.get", check=first.check)
    drawn = [feature for feature in check.features if feature.feature in first.features]
    pictures = all(len(feature.baseline.shares) == len(feature.live.shares) > 1 for feature in drawn)
    words = f"{len(alarms)} alarms; {first.at:%d %B}: {first.reasons[0]}; drifting: {', '.join(first.features[:4])}"
    return bool(first.features) and pictures, words


def loop(evidence: Evidence) -> Answer:
    loops = evidence.client.call("loops.list", endpoint=ENDPOINT)
    promoted = [found for found in loops if found.status == "promoted"]
    refused = [found for found in loops if found.status == "refused"]
    first = min(promoted, key=lambda found: found.started_at)
    canary = evidence.client.call("canary.get", canary=first.canary)
    ((canaried,),) = evidence.rows(
        "select sum(version = ?) * 1.0 / count(*) from requests where at >= ? and at < ?",
        canary.candidate, _text(canary.started_at), _text(canary.ended_at),
    )  # fmt: skip
    worth = evidence.client.call("loops.worth", endpoint=ENDPOINT).total
    words = (
        f"{len(promoted)} promoted, {len(refused)} refused; v{canary.candidate_number} had {canaried:.1%} as canary, "
        f"then all; AUC {worth.auc_frozen:.4f} frozen, {worth.auc_served:.4f} with the loop"
    )
    return 0.05 < canaried < 0.15 and worth.auc_served > worth.auc_frozen, words


def careless(evidence: Evidence) -> Answer:
    run = next(iter(evidence.client.call("pipeline_runs.list", pipeline="careless")))
    version = run.results["version"]
    canary = next(c for c in evidence.client.call("canary.list", endpoint=ENDPOINT) if c.candidate == version)
    ((share,),) = evidence.rows(
        "select sum(case version when ? then rows else 0 end) * 1.0 / sum(rows) from requests where at >= ? and at < ?",
        version, _text(canary.started_at), _text(canary.ended_at),
    )  # fmt: skip
    ((after,),) = evidence.rows(
        "select count(*) from requests where version = ? and at > ?", version, _text(canary.ended_at)
    )
    checks = evidence.client.call("canary.get", canary=canary.id).checks
    words = (
        f"v{canary.candidate_number} rolled back after {len(checks)} check(s), {share:.1%} of the rows; {canary.reason}"
    )
    return canary.status == "rolled_back" and len(checks) == 1 and share < 0.2 and after == 0, words


def ancestry(evidence: Evidence) -> Answer:
    (identities,) = zip(*evidence.rows("select id from requests where status = 200 limit 500"), strict=True)
    graph = evidence.client.call("lineage", id=random.Random(1).choice(identities))
    kinds = {node.kind for node in graph.nodes}
    wanted = {"request", "version", "run", "training_set", "table", "feature_view", "feature_service", "code"}
    chain = ", ".join(f"{node.kind} {node.title}" for node in graph.nodes[:6])
    return kinds >= wanted, f"{graph.root}: {chain} ... ({len(graph.nodes)} things)"


def _text(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


STEPS: dict[str, Callable[[Evidence], Answer]] = {
    "1 lake": lake,
    "2 features": features,
    "3 pipeline": pipeline,
    "4 registry": registry,
    "5 serving": serving,
    "6 replay": replay,
    "7 drift": drift,
    "8 loop": loop,
    "9 bad candidate": careless,
    "10 ancestry": ancestry,
}
