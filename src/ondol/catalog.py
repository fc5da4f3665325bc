"""One line per room: every operation and every reaction of the house.

The doors derive all they offer from `OPERATIONS`; the house delivers every event to
the `REACTIONS` that answer it. A room added here is open at every door.
"""

from __future__ import annotations

import ondol.access.service
import ondol.discovery.reactions
import ondol.discovery.service
import ondol.evals.service
import ondol.events.service
import ondol.features.reactions
import ondol.features.service
import ondol.jobs.reactions
import ondol.jobs.service
import ondol.lake.reactions
import ondol.lake.service
import ondol.lake.service.trees
import ondol.lake.service.versions
import ondol.lineage.service
import ondol.loop.reactions
import ondol.loop.service
import ondol.monitoring.reactions
import ondol.monitoring.service
import ondol.monitoring.service.skew
import ondol.pipelines.reactions
import ondol.pipelines.service
import ondol.project.reactions
import ondol.project.service
import ondol.registry.reactions
import ondol.registry.service
import ondol.registry.service.adoption
import ondol.registry.service.notes
import ondol.registry.service.production
import ondol.registry.service.retention
import ondol.registry.service.reviews
import ondol.rollout.service
import ondol.serving.service
import ondol.sqlml.service
import ondol.tracking.service
import ondol.tracking.service.clearing
import ondol.tracking.service.curves
import ondol.tracking.service.experiments
import ondol.tracking.service.importing
import ondol.tracking.service.previews
import ondol.tracking.service.trace_records
import ondol.webhooks.reactions
import ondol.webhooks.service
from ondol.kernel.event import Event, Reaction
from ondol.kernel.operation import Operation, collect

ROOMS = (
    (ondol.access.service,),
    (ondol.events.service,),
    (ondol.lineage.service,),
    (
        ondol.tracking.service,
        ondol.tracking.service.clearing,
        ondol.tracking.service.curves,
        ondol.tracking.service.experiments,
        ondol.tracking.service.importing,
        ondol.tracking.service.previews,
        ondol.tracking.service.trace_records,
    ),
    (
        ondol.registry.service,
        ondol.registry.service.adoption,
        ondol.registry.service.notes,
        ondol.registry.service.production,
        ondol.registry.service.retention,
        ondol.registry.service.reviews,
        ondol.registry.reactions,
    ),
    (ondol.lake.service, ondol.lake.service.trees, ondol.lake.service.versions, ondol.lake.reactions),
    (ondol.jobs.service, ondol.jobs.reactions),
    (ondol.features.service, ondol.features.reactions),
    (ondol.pipelines.service, ondol.pipelines.reactions),
    (ondol.evals.service,),
    (ondol.webhooks.service, ondol.webhooks.reactions),
    (ondol.serving.service,),
    (ondol.sqlml.service,),
    (ondol.rollout.service,),
    (ondol.monitoring.service, ondol.monitoring.service.skew, ondol.monitoring.reactions),
    (ondol.loop.service, ondol.loop.reactions),
    (ondol.project.service, ondol.project.reactions),
    (ondol.discovery.service, ondol.discovery.reactions),
)

OPERATIONS: dict[str, Operation] = {}
REACTIONS: dict[str, Reaction] = {}
for room in ROOMS:
    operations, reactions = collect(*room)
    OPERATIONS |= {found.name: found for found in operations}
    REACTIONS |= {found.name: found for found in reactions}


def answers_to(event: type[Event]) -> list[str]:
    """The names of the reactions to an event."""
    key = event, len(REACTIONS)
    if (known := _answers.get(key)) is None:
        known = _answers[key] = [name for name, found in REACTIONS.items() if found.event is event]
    return known


_answers: dict[tuple[type[Event], int], list[str]] = {}
"""By event, for as many reactions as there are: asked for each event that is stated."""


EVENTS: dict[str, type[Event]] = {found.event.__name__: found.event for found in REACTIONS.values()}
