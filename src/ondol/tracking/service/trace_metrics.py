"""Numbers over many traces. No operation of ours; it runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools
from ondol.tracking.service.wire import experiment_id

if TYPE_CHECKING:
    from ondol.tracking.repo import trace_metrics as repo
    from ondol.tracking.rules import trace_metrics as rules
else:
    repo, rules = lazy("ondol.tracking.repo.trace_metrics"), lazy("ondol.tracking.rules.trace_metrics")

MOST_ROWS = 200_000


def query(tools: Tools, ids: Sequence[str], asked: rules.Question) -> list[dict[str, Any]]:
    """The points of an answer; `Invalid` for one that too many rows would have to be read for."""
    conditions = rules.check(asked)
    found = repo.read_rows(tools.connection, [experiment_id(one) for one in ids], asked, conditions, MOST_ROWS + 1)
    if len(found) > MOST_ROWS:
        raise Invalid(f"More than {MOST_ROWS:,} rows are asked about: ask about a shorter time.")
    return rules.summed(asked, found)
