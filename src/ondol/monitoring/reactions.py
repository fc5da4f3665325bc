"""People are told of an alarm."""

from __future__ import annotations

from ondol.kernel.event import reaction
from ondol.monitoring.types import DriftAlarm, SkewAlarm
from ondol.ports.tools import Tools


@reaction(DriftAlarm)
def tell_people(tools: Tools, event: DriftAlarm) -> None:
    """Where and why; redelivered, it is told twice rather than never."""
    told = f"Most telling: {', '.join(event.features[:5])}. " if event.features else ""
    done = f"The pipeline {event.pipeline} retrains." if event.pipeline else "No pipeline is declared for it."
    tools.notify.send(f"{event.subject} has drifted", f"{'; '.join(event.reasons)}. {told}{done}")


@reaction(SkewAlarm)
def tell_of_skew(tools: Tools, event: SkewAlarm) -> None:
    """Which features a model is served otherwise than it learned them."""
    tools.notify.send(
        f"{event.subject} is served other values than offline has",
        f"{', '.join(event.features[:5])}: {event.share:.1%} of all values of {event.service} differ, "
        f"and may differ in {event.limit:.1%}. `ondol skew get {event.check}` shows them.",
    )
