"""One line per room: every operation and every reaction of the house.

The doors derive all they offer from `OPERATIONS`; the house delivers every event to
the `REACTIONS` that answer it. A room added here is open at every door.
"""

from __future__ import annotations

import importlib
import importlib.util

from ondol.kernel.event import Event, Reaction
from ondol.kernel.operation import Operation, collect


def _room(name: str):
    found = []
    for part in ("service", "reactions"):
        try:
            if importlib.util.find_spec(f"ondol.{name}.{part}"):
                found.append(importlib.import_module(f"ondol.{name}.{part}"))
        except ImportError:
            pass
    return tuple(found)


_NAMES = (
    "access events tracking registry lake jobs features pipelines evals serving sqlml rollout monitoring loop project"
)
ROOMS = tuple(found for found in map(_room, _NAMES.split()) if found)

OPERATIONS: dict[str, Operation] = {}
REACTIONS: dict[str, Reaction] = {}
for room in ROOMS:
    operations, reactions = collect(*room)
    OPERATIONS |= {found.name: found for found in operations}
    REACTIONS |= {found.name: found for found in reactions}


def answers_to(event: type[Event]) -> list[str]:
    """The names of the reactions to an event."""
    return [name for name, found in REACTIONS.items() if found.event is event]


EVENTS: dict[str, type[Event]] = {found.event.__name__: found.event for found in REACTIONS.values()}
