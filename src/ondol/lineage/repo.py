"""The only SQL that touches the lineage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import sqlalchemy as sa

from ondol.lineage.types import Edge, Node
from ondol.ports import driver
from ondol.ports.schema import Json, Moment, metadata, to_moment, to_text

nodes = sa.Table(
    "lineage_nodes",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("facts", Json, nullable=False),
    sa.Column("at", Moment),
    sqlite_with_rowid=False,
)
edges = sa.Table(
    "lineage_edges",
    metadata,
    sa.Column("made", sa.String(200), primary_key=True),
    sa.Column("origin", sa.String(200), primary_key=True),
    sa.Column("relation", sa.String(40), primary_key=True),
    sa.Index("ix_lineage_edges_origin_made", "origin", "made"),
    sqlite_with_rowid=False,
)


def put_nodes(connection: sa.Connection, things: Sequence[Node]) -> None:
    """Describe things; a second description replaces the first, which keeps its moment."""
    if not things:
        return
    kept = {node.id: node for node in things}
    driver.run_many(
        connection,
        "INSERT INTO lineage_nodes (id, kind, title, facts, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, title = excluded.title, facts = excluded.facts",
        [(node.id, node.kind, node.title, to_text(node.facts), to_moment(node.at)) for node in kept.values()],
    )


def put_edges(connection: sa.Connection, links: Sequence[Edge]) -> None:
    if not links:
        return
    driver.run_many(
        connection,
        "INSERT INTO lineage_edges (made, origin, relation) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        list({(link.made, link.origin, link.relation): link for link in links}),
    )


_AT_ONCE = 500


def reach(
    connection: sa.Connection, root: str, direction: Literal["ancestors", "descendants"], depth: int, limit: int
) -> tuple[list[str], list[Edge], bool]:
    """Ids within `depth` steps of `root`, nearest first and at most `limit`, the edges between them, and whether
    there are more.

    Step by step, not with a recursive query: that would follow every path of a graph in which paths meet.
    """
    here, there = (edges.c.made, edges.c.origin) if direction == "ancestors" else (edges.c.origin, edges.c.made)
    seen, frontier, cut = {root: None}, [root], False
    for _ in range(depth):
        found: dict[str, None] = {}
        for start in range(0, len(frontier), _AT_ONCE):
            near = here.in_(frontier[start : start + _AT_ONCE])
            query = sa.select(there).where(near).distinct().order_by(there).limit(limit + 1)
            found |= dict.fromkeys(connection.execute(query).scalars())
        fresh = sorted(found.keys() - seen.keys())
        cut = len(seen) + len(fresh) > limit
        frontier = fresh[: limit - len(seen)]
        seen |= dict.fromkeys(frontier)
        if cut or not frontier:
            break
    return list(seen), _between(connection, list(seen)), cut


def _between(connection: sa.Connection, ids: Sequence[str]) -> list[Edge]:
    inside, found = set(ids), []
    for start in range(0, len(ids), _AT_ONCE):
        some = edges.c.made.in_(ids[start : start + _AT_ONCE])
        rows = connection.execute(sa.select(edges.c.made, edges.c.origin, edges.c.relation).where(some))
        found += [Edge(made=made, origin=origin, relation=relation) for made, origin, relation in rows]
    kept = [edge for edge in found if edge.origin in inside]
    return sorted(kept, key=lambda edge: (edge.made, edge.origin, edge.relation))


def edges_from(connection: sa.Connection, prefix: str) -> list[Edge]:
    """The edges whose origin begins so."""
    beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    # The range is what the index knows; a collation may see it wider.
    named = edges.c.origin.startswith(prefix, autoescape=True)
    inside = sa.and_(edges.c.origin >= prefix, edges.c.origin < beyond, named)
    rows = connection.execute(sa.select(edges.c.made, edges.c.origin, edges.c.relation).where(inside))
    return [Edge(made=made, origin=origin, relation=relation) for made, origin, relation in rows]


def read_nodes(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for start in range(0, len(ids), 500):
        rows = connection.execute(sa.select(nodes).where(nodes.c.id.in_(ids[start : start + 500])))
        found |= {row.id: Node(id=row.id, kind=row.kind, title=row.title, facts=row.facts, at=row.at) for row in rows}
    return found


def read_nodes_of(connection: sa.Connection, start: str) -> list[Node]:
    """The nodes whose id begins with `start`, the newest first."""
    query = sa.select(nodes).where(nodes.c.id.startswith(start, autoescape=True)).order_by(nodes.c.at.desc())
    rows = connection.execute(query)
    return [Node(id=row.id, kind=row.kind, title=row.title, facts=row.facts, at=row.at) for row in rows]


def is_named(connection: sa.Connection, identity: str) -> bool:
    """Whether an edge starts or ends at this id."""
    either = sa.select(edges.c.made).where(edges.c.made == identity)
    other = sa.select(edges.c.made).where(edges.c.origin == identity)
    return connection.execute(sa.union_all(either, other).limit(1)).first() is not None
