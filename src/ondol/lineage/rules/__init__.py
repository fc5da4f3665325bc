"""What an id alone says about the thing it names."""

from __future__ import annotations

from ondol.kernel.ids import prefix_of
from ondol.lineage.types import Node

_KINDS = {"mv": "version", "ts": "training_set", "req": "request", "cmp": "comparison", "ep": "endpoint"}


def kind_of(identity: str) -> str:
    """`table` of `table:silver/flights@12`, `version` of `mv_01jd...`, `thing` when the id says nothing."""
    kind, colon, _ = identity.partition(":")
    if colon:
        return kind
    prefix = prefix_of(identity)
    return _KINDS.get(prefix, prefix) if prefix != identity else "thing"


def bare_node(identity: str) -> Node:
    """The node of an id that others name as their origin, but that nobody has described."""
    return Node(id=identity, kind=kind_of(identity), title=identity.partition(":")[2] or identity)
