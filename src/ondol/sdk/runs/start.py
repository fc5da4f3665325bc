"""`od.start_run`."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ondol.kernel.errors import Invalid
from ondol.kernel.ids import new_id
from ondol.sdk.runs import origin, state
from ondol.sdk.runs.channel import Channel, warn_once
from ondol.sdk.runs.console import Console
from ondol.sdk.runs.records import Began, Points
from ondol.sdk.runs.run import Run, StepsRun
from ondol.sdk.runs.system import SECONDS, System
from ondol.tracking.rules import NAME_LENGTH, check_name, check_run_id
from ondol.tracking.rules.limits import random_name

if TYPE_CHECKING:
    from ondol.sdk.context import RunContext

PARENT = "mlflow.parentRunId"


def start_run(
    experiment: str = "",
    *,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    run_id: str = "",
    capture: bool = True,
) -> Run:
    """Start a run, to be ended by `run.finish()`, by leaving `with`, or by the script.

    Inside another run it is nested below that one. Inside a step of a pipeline, without an `experiment` and
    a `name`, it is the pipeline's own run; with one of them a run below it. With the id of a run that exists,
    that run goes on. `capture`: keep the code, the packages, what is printed, and how busy the machine is.
    """
    context = _pipeline()
    if context is not None and not (experiment or name or run_id):
        return _join(context, params, tags)
    parent = state.active_run()
    above = parent.id if parent else context.run.id if context else ""
    place = parent.experiment if parent else context.run.pipeline if context else "Default"
    began = Began(
        run=_kept_id(run_id) or new_id("run"),
        experiment=_kept_name("an experiment", experiment) or place,
        name=_kept_name("a run", name) or random_name(int.from_bytes(os.urandom(5), "big")),
        at=time.time_ns() // 1_000_000,
        person=origin.person(),
    )
    run = Run(began, _channel(began, context), parent=above)
    state.enter(run, script=context is None)
    run.set_tags({**({PARENT: above} if above else {}), **(tags or {})})
    if params:
        run.log_params(params)
    # A run inside another has its machine, and a step's code, packages and console are kept with the pipeline.
    if capture and not above:
        _capture(run)
    return run


def _kept_name(what: str, name: str) -> str:
    """The name, or one that the house takes: a run must not be lost because of its name."""
    try:
        if name:
            check_name(what, name)
        return name
    except Invalid as error:
        instead = re.sub(r"[^\w .:/@%+=()\[\]<>,-]", "_", name)[:NAME_LENGTH].strip()
        warn_once(f"name {name}", f"{error.message} It is called {instead!r}.")
        return instead


def _kept_id(identity: str) -> str:
    try:
        if identity:
            check_run_id(identity)
        return identity
    except Invalid as error:
        warn_once("id", f"{error.message} It gets another.")
        return ""


def _channel(began: Began, context: RunContext | None) -> Channel | None:
    try:
        found = state.channel(context.tools.config if context else None)
        found.put(began)
    except Exception as error:
        warn_once("nowhere", f"Nothing of the run can be kept: {error}")
        return None
    return found


def _pipeline() -> RunContext | None:
    """The pipeline's run whose step we are in. Who has not loaded that module is in none."""
    module = sys.modules.get("ondol.sdk.context")
    return module.current_run() if module else None


def _join(context: RunContext, params: Mapping[str, Any] | None, tags: Mapping[str, Any] | None) -> Run:
    run = state.steps_run(context.run.id)
    if run is None:
        found, at = context.run, time.time_ns() // 1_000_000
        began = Began(run=found.id, experiment=found.pipeline, name=found.pipeline, at=at, own=False)
        run = StepsRun(began, context.tools.config, note=context.note_metric)
        state.enter(run, script=False)
    if params:
        run.log_params(params)
    if tags:
        run.set_tags(tags)
    return run


def _capture(run: Run) -> None:
    """Everything that needs no word of the person's, and none of it in their way."""
    try:
        run.set_tags(origin.tags())
        run.on_close(Console(run.log_growing("console.txt")).close)
    except Exception as error:
        warn_once("capture", f"What the run is made of is not kept: {error}")
    watch = _Watch(run)
    run.on_close(watch.close)
    watch.start()


class _Watch(threading.Thread):
    """Looks for the code and the packages once, then at the machine every ten seconds."""

    def __init__(self, run: Run) -> None:
        super().__init__(name="ondol-watch", daemon=True)
        self._run = run
        self._ended = threading.Event()
        self._ready = threading.Event()
        self._process = os.getpid()

    def run(self) -> None:
        try:
            self._look()
        except Exception as error:
            warn_once("watch", f"What the run is made of is not kept: {error}")
        self._ready.set()
        try:
            system, step = System(), 0
            while not self._ended.wait(SECONDS):
                self._note(self._run.channel, system.read(), step)
                step += 1
        except Exception as error:
            warn_once("system", f"How busy the machine is, is not kept: {error}")

    def close(self) -> None:
        # The code must be looked at before the run has ended.
        self._ready.wait(origin.GIT_SECONDS)
        self._ended.set()
        self.join(timeout=2)

    def _look(self) -> None:
        self._run.log_text(origin.packages(), "environment/packages.txt")
        found, files = origin.code()
        self._run.set_tags(found)
        for path, content in files.items():
            self._run.log_bytes(content, path)

    def _note(self, channel: Channel, values: dict[str, float], step: int) -> None:
        channel.put(Points(run=self._run.id, at=time.time_ns() // 1_000_000, step=step, values=values))
