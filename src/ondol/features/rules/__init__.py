"""The mathematics of features.

A feature is a staircase per entity key: sorted steps (instant, values), each valid
until the next. `staircase` makes the steps from rows, `join` reads them for a whole
table, `lookup` for the rows of a request; both take the last step at or before `t`.
"""

from __future__ import annotations

from collections.abc import Sequence


def entity_key(values: Sequence[object]) -> str | None:
    """The online key of an entity: its values as text; several are joined by `|`, with `\\` before `\\` and `|`.

    None when a value is missing: such an entity has no features.
    """
    if None in values:
        return None
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if len(texts) == 1:
        return texts[0]
    return "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)
