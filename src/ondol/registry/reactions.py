"""What follows a registration."""

from __future__ import annotations

from ondol.kernel.event import reaction
from ondol.ports.tools import Tools
from ondol.registry import service
from ondol.registry.rules import package, seal
from ondol.registry.types import GetVersion, VersionRegistered


@reaction(VersionRegistered)
def put_card(tools: Tools, event: VersionRegistered) -> None:
    """Lay the card and the seal beside the files of the package, for those who find the folder first."""
    with tools.transaction(write=False) as inner:
        version = service.get_version(inner, GetVersion(version=event.version))
    if not version.files:
        return
    tools.blobs.put(f"{version.package}/{package.CARD}", version.card.encode())
    sealed = seal.write(version.seal, version.id, version.model, version.number, version.files)
    tools.blobs.put(f"{version.package}/{seal.SEAL}", sealed)
