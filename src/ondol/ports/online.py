"""Online: the newest feature values, by entity key, in microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

Key = str
"""The entity's values joined by `|`, as `features.rules.entity_key` writes them."""

Step = tuple[int, tuple[float | None, ...]]
"""From this instant on (microseconds since 1970 UTC), these values, in the view's order."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Online(Protocol):
    """A feature's values over time are a staircase: sorted steps, each valid until the next.

    Kept per view and key; short, because only the steps that the present can still
    reach stay. Several processes read and write; each `put` is seen as a whole or not
    at all, also when its process is killed. How old a value may be is decided by who
    reads: nothing expires here by itself. The published suite is `ondol.testing.online`.
    """

    def put(
        self,
        view: str,
        stairs: Iterable[tuple[Key, Sequence[Step]]],
        *,
        replace: bool,
        after: Mapping[Key, int] = NOTHING,
        notes: Mapping[str, str] = NOTHING,
    ) -> int:
        """Store steps: `replace` drops what the key had, otherwise they are merged by instant. Returns keys written.

        Of a key in `after`, `replace` leaves the steps that come after that instant and
        after the new ones. `notes` are kept with the view, by name: a writer of many puts
        finds there how far it came.
        """

    def get(self, view: str, keys: Sequence[Key]) -> list[list[Step]]:
        """The steps of each key, sorted by instant, `[]` for an unknown key."""

    def forget_before(self, view: str, instant: int) -> int:
        """Drop steps that ended before `instant`, always keeping the one in force then. Returns steps dropped."""

    def revision(self, view: str) -> int:
        """A number that grows with every `put` of the view, so that readers may cache."""

    def stamp(self) -> int:
        """A number that is another one after every change of any view, whoever made it; cheaper than a read."""

    def notes(self, view: str) -> dict[str, str]:
        """The notes that came with puts since the view was dropped."""

    def drop(self, view: str) -> None: ...

    def close(self) -> None: ...
