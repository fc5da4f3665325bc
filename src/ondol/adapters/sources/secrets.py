"""Secrets of sources: they stand in the environment of the house, and a declaration only names them."""

from __future__ import annotations

import os
import re

from ondol.kernel.errors import Invalid

_NAMED = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")


def resolved(text: str, field: str, quote: bool = False) -> str:
    """`Bearer env:API_TOKEN` with the value of `API_TOKEN`; `Invalid` names a variable that is not set.

    `quote`: the value becomes a part of an address.
    """

    def value(found: re.Match[str]) -> str:
        from urllib.parse import quote as quoted

        known = os.environ.get(found[1])
        if known is None:
            raise Invalid(
                f"{field} needs the variable {found[1]}, which is not set where the house runs.",
                hint=f"export {found[1]}=... and start the house again.",
            )
        return quoted(known, safe="") if quote else known

    return _NAMED.sub(value, text)
