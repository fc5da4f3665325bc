"""Going back: an older version comes again as the newest, and what is known of batches, keys and files with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.errors import Unavailable
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting
from ondol.lake.rules.held import held
from ondol.lake.service import silver
from ondol.lake.types.versions import DatasetRewritten, DatasetVersion, RolledBack
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.lake import repo
else:
    repo = lazy("ondol.lake.repo")


def finish(tools: Tools, there: repo.Stored, landing: repo.Landing) -> RolledBack:
    """The Delta commit, then what SQL knows. Done again after a crash it makes one more version with the same rows."""
    spec, target = there.dataset.spec, landing.how.target
    version = silver.write(tools, spec, landing.how, casting.empty_frame(spec.columns), "")
    rows, newest = silver.measure(tools, spec, version)
    with tools.transaction(write=True) as inner:
        if not repo.end_landing(inner.connection, landing):
            raise Unavailable(f"Somebody else took {spec.name!r} back meanwhile.", hint="Look at its versions.")
        noted = DatasetVersion(
            dataset=spec.name,
            version=version,
            at=landing.at,
            operation="rolled_back",
            rows=rows,
            target=target,
            by=inner.actor,
        )
        repo.insert_version(inner.connection, noted)
        gone, back = _settle_batches(inner, spec.name, version, landing)
        repo.put_version(inner.connection, spec.name, version, inner.now(), rows, newest)
        _record(inner, silver.table_of(spec), noted)
        inner.emit(DatasetRewritten(subject=spec.name, version=version, operation="rolled_back"))
    return RolledBack(dataset=spec.name, version=version, target=target, rows=rows, gone=gone, back=back)


def _settle_batches(tools: Tools, dataset: str, version: int, landing: repo.Landing) -> tuple[list[str], list[str]]:
    """Keys of the batches that are no longer in the newest version, and of those that are again."""
    there = held(repo.select_versions(tools.connection, dataset), version)
    every = repo.select_landed(tools.connection, dataset)
    gone = [one for one in every if one[3] == "landed" and one[2] >= 0 and one[2] not in there]
    back = [one for one in every if one[3] == "rolled_back" and one[2] in there]
    repo.take_back(tools.connection, [one[0] for one in gone], landing.batch)
    repo.bring_back(tools.connection, [one[0] for one in back])
    if landing.how.read_again:
        repo.forget_files(tools.connection, dataset, [one[0] for one in gone])
    return [one[1] for one in gone], [one[1] for one in back]


def _record(tools: Tools, table: str, noted: DatasetVersion) -> None:
    facts = {"rows": noted.rows, "rolled_back_to": noted.target, "by": noted.by}
    made = f"table:{table}@{noted.version}"
    node = Node(id=made, kind="table", title=f"{table} version {noted.version}", facts=facts, at=noted.at)
    origin = Edge(made=made, origin=f"table:{table}@{noted.target}", relation="restored_from")
    lineage.record(tools, nodes=[node], edges=[origin])
