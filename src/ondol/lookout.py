"""What a serving house does for its sources: it looks at them when they are due, and watches folders."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from ondol.home import House
from ondol.kernel.errors import Conflict, OndolError, Unavailable
from ondol.lake.service import arriving
from ondol.lake.types import RefreshDataset
from ondol.ports.sources import FoundFile

log = logging.getLogger("ondol")

LOOK_SECONDS = 0.5
"""How often watched folders are listed. A file lands when two listings show it alike: then nobody writes to it."""
_LISTINGS_SHARE = 0.1
"""A listing that takes long is made so rarely that it costs no more than this share of the time."""
_PAUSE_SECONDS = 5.0
_LOOKS_AT_ONCE = 4


@dataclass
class _Watched:
    listed: list[FoundFile] = field(default_factory=list)
    done: list[FoundFile] = field(default_factory=list)
    """The listing of which everything has been read, or could not be."""
    not_before: float = 0.0


class Lookout:
    """Looks at each source in a thread of its own, so that a slow one holds up no other; a few at once.

    All that matters is in the database: whatever dies, the next look goes on where the last one ended.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._plan: list[arriving.Plan] = []
        self._plan_of: int | None = None
        self._watched: dict[str, _Watched] = {}
        self._looking: dict[str, threading.Thread] = {}
        self._looked_at: dict[str, datetime] = {}
        """By this house; the database knows of looks of other houses, to the minute."""

    def look(self) -> None:
        """Begin the looks that are due now."""
        self._looking = {name: thread for name, thread in self._looking.items() if thread.is_alive()}
        now = self._house.tools().now()
        for each in self._plans():
            if each.dataset in self._looking or len(self._looking) >= _LOOKS_AT_ONCE:
                continue
            if self._is_due(each, now) or (each.watch and self._has_new(each)):
                self._looked_at[each.dataset] = now
                name = f"source {each.dataset}"
                thread = threading.Thread(target=self._refresh, args=(each,), name=name, daemon=True)
                self._looking[each.dataset] = thread
                thread.start()

    def _is_due(self, each: arriving.Plan, now: datetime) -> bool:
        if each.due_at is None or each.every is None or now < each.due_at:
            return False
        mine = self._looked_at.get(each.dataset)
        return mine is None or not mine <= now < mine + each.every

    def stop(self, seconds: float = 5.0) -> None:
        """Wait for the looks that are on their way; one that takes longer is settled by the next house."""
        until = time.monotonic() + seconds
        for thread in self._looking.values():
            thread.join(timeout=max(0.0, until - time.monotonic()))

    def _plans(self) -> list[arriving.Plan]:
        revision = self._house.tools().db.revision()
        if revision is None or revision != self._plan_of:
            with self._house.tools().transaction(write=False) as inner:
                self._plan = arriving.plans(inner)
            self._plan_of = revision
        return self._plan

    def _has_new(self, each: arriving.Plan) -> bool:
        """Whether a listing shows files that are new, and that were there in the listing before as they are now."""
        seen = self._watched.setdefault(each.dataset, _Watched())
        began = time.monotonic()
        if began < seen.not_before:
            return False
        tools = self._house.tools()
        try:
            listed = arriving.listing(tools, each.dataset)
            seen.not_before = time.monotonic() + (time.monotonic() - began) / _LISTINGS_SHARE
            if listed == seen.done:
                return False
            settled = listed == seen.listed
            seen.listed = listed
            if settled and not arriving.unread(tools, each.dataset, listed):
                seen.done = listed
                return False
            return settled
        except OndolError as error:
            seen.not_before = time.monotonic() + _PAUSE_SECONDS
            log.warning("the source of %s cannot be watched: %s", each.dataset, error.message)
            return False

    def _refresh(self, each: arriving.Plan) -> None:
        seen = self._watched.get(each.dataset, _Watched())
        listed = seen.listed
        try:
            self._house.call("datasets.refresh", RefreshDataset(dataset=each.dataset), actor=f"source {each.dataset}")
            seen.done = listed
        except OndolError as error:
            log.warning("the look at the source of %s failed: %s", each.dataset, error.message)
            if isinstance(error, Unavailable | Conflict):
                seen.not_before = time.monotonic() + _PAUSE_SECONDS
            else:
                seen.done = listed  # Not again and again: when the folder has changed.
        except Exception:
            log.exception("the look at the source of %s failed", each.dataset)
            time.sleep(1)
