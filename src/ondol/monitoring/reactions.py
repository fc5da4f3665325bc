"""People are told of an alarm."""

from __future__ import annotations

from ondol.kernel.event import reaction
from ondol.monitoring.types import DriftAlarm
from ondol.ports.tools import Tools


@reaction(DriftAlarm)
def tell_people(tools: Tools, event: DriftAlarm) -> None:
    """Where and why; redelivered, it is told twice rather than never."""
    told = f"Most telling: {', '.join(event.features[:5])}. " if event.features else ""
    done = f"The pipeline {event.pipeline} retrains." if event.pipeline else "No pipeline is declared for it."
    tools.notify.send(f"{event.subject} has drifted", f"{'; '.join(event.reasons)}. {told}{done}")
