"""Which keys silver has: 8 bytes a key in memory, so that an append need not read the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MERGE_ABOVE = 50_000


class SeenKeys:
    """64-bit hashes of keys: the bulk sorted, the newest in a set until there are enough to merge.

    Two keys share a hash with a probability of n²/2⁶⁵: 3 in a million at ten million keys.
    """

    def __init__(self, keys: pl.DataFrame) -> None:
        self._sorted = keys.hash_rows().unique().sort()
        self._recent: set[int] = set()

    def unseen(self, keys: pl.DataFrame) -> pl.Series:
        """A mask of the rows whose key is not known yet."""
        hashes = keys.hash_rows()
        found = pl.Series([number in self._recent for number in hashes.to_list()], dtype=pl.Boolean)
        if len(self._sorted):
            places = self._sorted.search_sorted(hashes).clip(0, len(self._sorted) - 1)
            found |= self._sorted.gather(places) == hashes
        return ~found

    def add(self, keys: pl.DataFrame) -> None:
        self._recent.update(keys.hash_rows().to_list())
        if len(self._recent) > _MERGE_ABOVE:
            recent = pl.Series(self._sorted.name, list(self._recent), dtype=pl.UInt64)
            self._sorted = pl.concat([self._sorted, recent]).unique().sort()
            self._recent = set()
