"""The data plane: rows in, scores out, in this process."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features import service as features
from ondol.features.types import Service
from ondol.kernel.errors import NotFound, OndolError, Unavailable
from ondol.kernel.ids import new_id
from ondol.kernel.lazy import lazy
from ondol.ports.runtime import Predictor
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import GetVersion
from ondol.serving import rules
from ondol.serving.plane.capture import Record, SegmentWriter
from ondol.serving.plane.counters import Counters
from ondol.serving.types import Endpoint, Request, Route

if TYPE_CHECKING:
    from ondol.serving import repo
    from ondol.serving.plane import columns
    from ondol.serving.plane import log as request_log
else:
    request_log = lazy("ondol.serving.plane.log")
    repo = lazy("ondol.serving.repo")
    columns = lazy("ondol.serving.plane.columns")

log = logging.getLogger("ondol")

REFRESH_SECONDS = 0.2
"""How long a plane may go on with traffic that another process has changed."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    version: str
    number: int
    scores: list[float]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint as the plane serves it: everything a request needs is in memory."""

    endpoint: Endpoint
    services: dict[str, Service]
    """By version: the feature service as it was when the version learned from it."""
    predictors: dict[str, Predictor]
    start: float = msgspec.field(default_factory=random.random)
    asked: Iterator[int] = msgspec.field(default_factory=itertools.count)
    """How often it was asked; `next` on a count is safe between threads."""

    @property
    def service(self) -> Service:
        """That of the champion."""
        return self.services[self.endpoint.traffic[0].version]


class Plane:
    """Answers requests from memory; a thread follows the traffic, another one drains the log."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._live: dict[str, Live] = {}
        self._problems: dict[str, str] = {}
        self._writer = SegmentWriter(tools.config.home_path)
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.counters = Counters()

    def start(self) -> None:
        self.refresh()
        for name, work, pause in (
            ("traffic", self.refresh, REFRESH_SECONDS),
            ("request-log", self.flush, self._tools.config.capture_flush_seconds),
        ):
            thread = threading.Thread(target=self._repeat, args=(work, pause), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self.flush()

    def _repeat(self, work: Any, pause: float) -> None:
        while not self._stopping.wait(pause):
            try:
                work()
            except Exception:
                log.exception("the data plane stumbled and goes on")
                self._stopping.wait(1)

    def flush(self) -> None:
        """Move what was logged so far to the lake."""
        self._writer.rotate()
        request_log.drain(self._tools)

    def refresh(self) -> None:
        """Load endpoints whose revision has changed. Models are loaded before the traffic is switched."""
        with self._refreshing:
            self._refresh()

    def _refresh(self) -> None:
        with self._tools.transaction(write=False) as inner:
            revisions = repo.select_revisions(inner.connection)
            stale = [
                name
                for name, revision in revisions.items()
                if name not in self._live or self._live[name].endpoint.revision != revision
            ]
            fresh = [found for name in stale if (found := repo.find_endpoint(inner.connection, name))]
        for endpoint in fresh:
            self._load(endpoint)
        for name in self._live.keys() - revisions.keys():
            del self._live[name]

    def _load(self, endpoint: Endpoint) -> None:
        if not endpoint.traffic:
            return
        try:
            services = {route.version: self._learned_from(endpoint, route.version) for route in endpoint.traffic}
            predictors = {route.version: registry.load(self._tools, route.version) for route in endpoint.traffic}
        except OndolError as error:
            if self._problems.get(endpoint.name) != error.message:
                log.error("endpoint %s cannot be loaded: %s", endpoint.name, error.message)
            self._problems[endpoint.name] = error.message
            return
        self._problems.pop(endpoint.name, None)
        self._live[endpoint.name] = Live(endpoint=endpoint, services=services, predictors=predictors)

    def _learned_from(self, endpoint: Endpoint, version: str) -> Service:
        with self._tools.transaction(write=False) as inner:
            found = registry.get_version(inner, GetVersion(version=version))
            return features.definition_of(inner, found.service or endpoint.spec.service, found.service_hash)

    def names(self) -> list[str]:
        """All endpoints, also those that cannot answer yet."""
        with self._tools.transaction(write=False) as inner:
            return [endpoint.name for endpoint in repo.select_endpoints(inner.connection)]

    def is_live(self, name: str) -> bool:
        """Whether requests are answered from memory, without waiting for a model to be loaded."""
        return name in self._live

    def live(self, name: str) -> Live:
        """`NotFound` for an unknown endpoint, `Unavailable` for one without traffic.

        The first request after a deployment waits until the model is loaded.
        """
        if not self.is_live(name):
            self.refresh()
        if found := self._live.get(name):
            return found
        with self._tools.transaction(write=False) as inner:
            known = {endpoint.name: endpoint for endpoint in repo.select_endpoints(inner.connection)}
        if name not in known:
            raise NotFound(f"There is no endpoint {name!r}.", hint=f"Endpoints: {', '.join(known) or 'none yet'}.")
        if not known[name].traffic:
            raise Unavailable(f"Endpoint {name} cannot answer: no version has its traffic yet.", hint="ondol run")
        why = self._problems.get(name, "its model is being loaded")
        raise Unavailable(f"Endpoint {name} cannot answer: {why}.", hint="Try again in a moment.")

    def infer(self, name: str, given: Mapping[str, list[Any]]) -> Answer:
        """Score rows given as columns: entity keys and row columns, or all features themselves.

        Without the service's time column the moment is now, by the clock of the house.
        Raises `Invalid` naming columns that are missing or have another length.
        """
        begun = time.perf_counter()
        live = self.live(name)
        route = rules.choose(live.endpoint.traffic, rules.even_draw(live.start, next(live.asked)))
        identity = new_id("req")
        at = self._tools.now()
        size = columns.check_lengths(given)
        captured: dict[str, list[Any]] = {}
        scores: list[float] = []
        error: Exception | None = None
        try:
            service = live.services[route.version]
            values = self._values(service, given, at)
            scores = live.predictors[route.version].predict(values)
            if live.endpoint.spec.capture >= 1 or random.random() < live.endpoint.spec.capture:
                captured = columns.stamps(given, service.spec, size, at) | values | {"score": scores}
        except OndolError as failure:
            error = failure
        except Exception as failure:
            log.exception("endpoint %s, version %s failed", name, route.version)
            error = failure
        latency = (time.perf_counter() - begun) * 1000
        self._note(identity, live, route, size, at, latency, error, captured)
        if isinstance(error, OndolError):
            raise error
        if error is not None:
            raise OndolError(
                f"Version {route.number} of {live.endpoint.spec.model} failed; the log says why."
            ) from error
        return Answer(request_id=identity, version=route.version, number=route.number, scores=scores)

    def _values(self, service: Service, given: Mapping[str, list[Any]], at: datetime) -> dict[str, list[float | None]]:
        """The feature values: those given, when all are, and those in the house otherwise."""
        if all(feature in given for feature in service.features):
            return {feature: columns.numbers(feature, given[feature]) for feature in service.features}
        return features.values_of(self._tools, service, given, at)

    def _note(  # noqa: PLR0913 - one line of the log
        self,
        identity: str,
        live: Live,
        route: Route,
        size: int,
        at: datetime,
        latency: float,
        error: Exception | None,
        captured: dict[str, list[Any]],
    ) -> None:
        status = 200 if error is None else error.status if isinstance(error, OndolError) else 500
        request = Request(
            id=identity,
            endpoint=live.endpoint.name,
            version=route.version,
            number=route.number,
            role=route.role,
            rows=size,
            at=at,
            latency_ms=round(latency, 3),
            status=status,
            error="" if error is None else str(error)[:500],
        )
        self._writer.append(Record(request=request, columns=captured))
        self.counters.count(live.endpoint.name, route.number, status, size, latency)
