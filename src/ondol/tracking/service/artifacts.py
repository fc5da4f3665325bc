"""Files of runs and of logged models, by the paths under which the artifact proxy of the protocol knows them.

`EXPERIMENT/RUN/artifacts/PATH` are the artifacts of our runs; whatever else a client stores through the proxy, such
as `EXPERIMENT/models/MODEL/artifacts/PATH`, lies below a folder of its own. Call all of it outside a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from ondol.kernel.errors import Invalid, NotFound
from ondol.ports.blobs import Blob, Direct
from ondol.ports.tools import Tools
from ondol.tracking import rules

SCHEME = "mlflow-artifacts:/"
ELSEWHERE = "mlflow"
PACKAGES = "ondol-packages"
"""Below this folder clients read the packages of registered models, which nobody writes through the proxy."""
LONGEST_SECONDS = 604_800
"""Clouds take no address that is older than a week."""
_NOT_RUNS = ("models", "traces")


def root_uri(experiment: int, location: str) -> str:
    """Where the artifacts of an experiment are: the place it was given, or the proxy."""
    return location or f"{SCHEME}{experiment}"


def run_uri(experiment: int, location: str, run: str) -> str:
    return f"{root_uri(experiment, location)}/{run}/artifacts"


def model_uri(experiment: int, location: str, model: str) -> str:
    return f"{root_uri(experiment, location)}/models/{model}/artifacts"


def trace_uri(experiment: int, location: str, trace: str) -> str:
    return f"{root_uri(experiment, location)}/traces/{trace}/artifacts"


def blob_path(proxied: str, *, reading: bool = False) -> str:
    """Where the proxy's path lies among the blobs; `Invalid` for one that leaves its folder or writes to a package."""
    parts = check_path(proxied).split("/")
    if parts[0] == PACKAGES:
        if not reading or len(parts) < 3:
            raise Invalid("The packages of registered models are for reading.", hint="Register another version.")
        return "/".join(["models", *parts[1:]])
    if len(parts) >= 3 and parts[2] == "artifacts" and parts[1] not in _NOT_RUNS:
        return "/".join([rules.artifact_folder(parts[1]), *parts[3:]])
    return f"{ELSEWHERE}/{'/'.join(parts)}"


def folder_of(uri: str) -> str:
    """The blobs' folder of an artifact URI of ours; `Invalid` when its files are kept elsewhere."""
    if not uri.startswith(SCHEME):
        raise Invalid(f"The artifacts are kept at {uri}, not here.", hint="Read them there.")
    return blob_path(uri.removeprefix(SCHEME).lstrip("/"))


def check_path(path: str) -> str:
    """The path without a slash at its end; `Invalid` unless it is relative and stays where it is, also once decoded."""
    plain = decoded = path.rstrip("/")
    for _ in range(5):
        decoded = unquote(decoded)
    parts = decoded.split("/")
    unsafe = {"", ".", ".."} & set(parts) or any(letter in decoded for letter in "\\#") or decoded[1:2] == ":"
    if not plain or unsafe or len(plain) > 1_000 or any(ord(letter) < 32 or letter == "\x7f" for letter in decoded):
        raise Invalid("Invalid path")
    return plain


def direct(tools: Tools) -> Direct | None:
    """Where clients reach the store themselves."""
    return tools.blobs.direct if tools.config.presigned else None


def address(tools: Tools, where: str, seconds: int, *, writes: bool) -> str:
    """Where the store itself takes a file, or gives it; empty when it does not. `Invalid` for too long a time."""
    if not 1 <= seconds <= LONGEST_SECONDS:
        raise Invalid(f"expiration must be between 1 and {LONGEST_SECONDS} seconds (got {seconds}).")
    found = direct(tools)
    return found.address(where, seconds, writes=writes) if found else ""


def size(tools: Tools, where: str) -> int:
    try:
        return tools.blobs.head(where).size
    except NotFound as error:
        raise NotFound("No such artifact: there is no file at this path.") from error


def put(tools: Tools, where: str, content: bytes | Iterable[bytes]) -> Blob:
    return tools.blobs.put(where, content)


def small_or_stream(tools: Tools, where: str, small: int) -> bytes | Iterator[bytes]:
    """The bytes of a file of at most `small` bytes, a stream of them else; `NotFound` at once."""
    try:
        if tools.blobs.head(where).size <= small:
            return tools.blobs.get(where)
        return tools.blobs.stream(where)
    except NotFound as error:
        raise NotFound("No such artifact: there is no file at this path.") from error


def delete(tools: Tools, where: str) -> None:
    """A file, or a folder with all that is in it. Nothing happens when nothing is there."""
    inside = list(tools.blobs.list(where))
    for path in [blob.path for blob in inside] or [where]:
        tools.blobs.delete(path)


def files_below(tools: Tools, uri: str, path: str) -> list[dict[str, Any]]:
    """What lies directly in the folder `path` of an artifact URI; names start with `path`."""
    folder = folder_of(uri)
    if not path:
        return children(tools, folder)
    inside = check_path(path)
    return [one | {"path": f"{inside}/{one['path']}"} for one in children(tools, f"{folder}/{inside}")]


def children(tools: Tools, folder: str) -> list[dict[str, Any]]:
    """Files and folders directly in a folder, by name: `{"path": name, "is_dir": ..., "file_size": ...}`."""
    found: dict[str, dict[str, Any]] = {}
    for blob in tools.blobs.list(folder):
        name, slash, _ = blob.path[len(folder) + 1 :].partition("/")
        if name:
            found[name] = (
                {"path": name, "is_dir": True} if slash else {"path": name, "is_dir": False, "file_size": blob.size}
            )
    return [found[name] for name in sorted(found)]
