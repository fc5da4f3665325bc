"""Which packages may go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from ondol.lineage.types import Graph
from ondol.ports.blobs import Blob
from ondol.registry.rules import evidence, mlmodel, package, seal
from ondol.registry.types import Version

GRACE = timedelta(days=1)
"""A package is written before it is registered: a younger folder may be about to be."""

_LIGHT = {
    package.MANIFEST, package.CARD, seal.SEAL, mlmodel.FILE, mlmodel.PYTHON_ENV, mlmodel.REQUIREMENTS, evidence.LOCK,
    evidence.CODE, evidence.DEFINITIONS,
}  # fmt: skip


def kept_because(
    version: Version, newest: Collection[int], aliases: Mapping[str, list[str]], answering: Collection[str],
    in_review: Collection[str], used: Collection[str],
) -> str:  # fmt: skip
    """Why the files of a version stay; empty when nothing needs them."""
    if version.id in answering:
        return "an endpoint answers with it"
    if version.id in aliases:
        return f"the alias {', '.join(aliases[version.id])} points at it"
    if version.id in in_review:
        return "its review is open"
    if version.id in used:
        return "other things were made from it"
    if version.number in newest:
        return f"one of the newest {len(newest)}"
    return ""


def uses(graph: Graph) -> bool:
    """Whether data or models were made from a version. Who answered with it, or judged it, needs its record only."""
    return any(node.kind in ("version", "training_set", "table", "dataset") for node in graph.nodes[1:])


def is_heavy(name: str) -> bool:
    """Whether a file of a package is the model itself, and not what it takes to build it anew."""
    return name not in _LIGHT and not name.startswith("plots/")


def orphans(blobs: Iterable[Blob], registered: Collection[str], now: datetime) -> dict[str, list[Blob]]:
    """Folders of packages that no version has registered, with their files, when all are older than a day."""
    folders: dict[str, list[Blob]] = {}
    for blob in blobs:
        if (found := _folder(blob.path)) not in registered:
            folders.setdefault(found, []).append(blob)
    return {name: files for name, files in folders.items() if all(file.modified_at <= now - GRACE for file in files)}


def _folder(path: str) -> str:
    """Packages are folders that hold `ondol.json`; their files may lie one folder deeper (`plots/roc.svg`)."""
    parent = path.rpartition("/")[0]
    return parent.removesuffix("/plots")
