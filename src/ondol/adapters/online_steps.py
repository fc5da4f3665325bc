"""What every online store does with steps: pack them, sort them, merge them, forget old ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from ondol.ports.online import Key, Step

pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(list[Step]).decode


def by_key(stairs: Iterable[tuple[Key, Sequence[Step]]]) -> dict[Key, Sequence[Step]]:
    """Sorted steps by key; of two at the same instant the later one given stays."""
    merged: dict[Key, Sequence[Step]] = {}
    for key, steps in stairs:
        if key in merged:
            merged[key] = in_order([*merged[key], *steps])
        else:
            merged[key] = steps if len(steps) == 1 else in_order(steps)
    return merged


def merge(before: Sequence[Step], after: Sequence[Step]) -> list[Step]:
    """Both; `after` wins at the same instant."""
    # Nearly always the new steps come after the old ones.
    if not before or not after or before[-1][0] < after[0][0]:
        return [*before, *after]
    return in_order([*before, *after])


def put_together(stored: bytes | None, steps: Sequence[Step], after: int | None, *, replace: bool) -> bytes:
    """What `Online.put` stores for a key that holds `stored`; `after` counts for `replace` only."""
    if not stored or (replace and after is None):
        return pack(steps)
    before = unpack(stored)
    if replace and after is not None:
        later = max(after, steps[-1][0] if steps else after)
        return pack([*steps, *(step for step in before if step[0] > later)])
    return pack(merge(before, steps))


def in_order(steps: Sequence[Step]) -> list[Step]:
    return sorted({step[0]: step for step in steps}.values(), key=_instant)


def ended_before(steps: Sequence[Step], instant: int) -> int:
    """How many of the first steps ended before `instant`; the one in force then is not among them."""
    return max(bisect_right(steps, instant, key=_instant) - 1, 0)


def _instant(step: Step) -> int:
    return step[0]
