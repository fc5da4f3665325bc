"""The hash of a project's code, and the difference between what is declared and what runs."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ondol.kernel.errors import Conflict, Invalid, TooLarge
from ondol.project.types import Change, Declarations, Difference, PlanProject, Project

LARGEST_BYTES = 1_000_000

KINDS = {
    "datasets": "dataset",
    "views": "feature view",
    "services": "feature service",
    "pipelines": "pipeline",
    "models": "model",
    "endpoints": "endpoint",
    "monitors": "monitor",
}
"""The lists of `Declarations`, in the order in which they are applied, and what one entry is called."""


def check(request: PlanProject) -> None:
    """`Invalid` or `TooLarge` says what is wrong with the project's files."""
    if request.entry not in request.files:
        raise Invalid(f"The project file {request.entry!r} is not among the {len(request.files)} files sent.")
    for path in request.files:
        if path.startswith("/") or "\\" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise Invalid(f"{path!r} is not a path below the project's folder.")
    size = sum(len(text.encode()) for text in request.files.values())
    if size > LARGEST_BYTES:
        raise TooLarge(
            f"The project's code is {size:,} bytes; we take {LARGEST_BYTES:,}.", hint="Keep data out of .py files."
        )


def code_hash(entry: str, files: Mapping[str, str]) -> str:
    """SHA-256 over the paths and texts of the files, sorted by path, and the entry."""
    digest = hashlib.sha256(entry.encode())
    for path in sorted(files):
        for part in (path, files[path]):
            raw = part.encode()
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()


def name_of(spec: Any) -> str:
    """A monitor has the name of its endpoint."""
    name: str = getattr(spec, "name", "") or spec.endpoint
    return name


def with_code(declarations: Declarations, code: str, commit: str) -> Declarations:
    """The declarations with their pipelines bound to this code."""
    bound = [msgspec.structs.replace(spec, code=code, commit=commit) for spec in declarations.pipelines]
    return msgspec.structs.replace(declarations, pipelines=bound)


def code_change(name: str, code: str, known: Project | None) -> Change:
    if known is None or known.name != name:
        return Change(action="create", kind="code", name=name)
    if known.code == code:
        return Change(action="keep", kind="code", name=name)
    difference = Difference(field="hash", before=known.code[:12], after=code[:12])
    return Change(action="change", kind="code", name=name, differences=[difference])


def compare(kind: str, declared: Sequence[Any], running: Mapping[str, Any]) -> list[Change]:
    """What applying these specs of one kind would change, given those that run by name."""
    return [_change(kind, spec, running.get(name_of(spec))) for spec in declared]


def _change(kind: str, spec: Any, running: Any) -> Change:
    name = name_of(spec)
    if running is None:
        return Change(action="create", kind=kind, name=name)
    before, after = msgspec.to_builtins(running), msgspec.to_builtins(spec)
    differences = [
        Difference(field=field, before=before.get(field), after=after[field])
        for field in after
        if before.get(field) != after[field]
    ]
    # The same code in a later commit is no change.
    if [difference.field for difference in differences] == ["commit"]:
        differences = []
    return Change(action="change" if differences else "keep", kind=kind, name=name, differences=differences)


def libraries(files: Mapping[str, str]) -> list[str]:
    """The top-level modules that the project's code imports, without its own and Python's, sorted."""
    found: set[str] = set()
    for path, text in files.items():
        if path.endswith(".py"):
            with contextlib.suppress(SyntaxError, ValueError):
                found.update(_imported(ast.parse(text)))
    own = {PurePosixPath(path).parts[0].removesuffix(".py") for path in files}
    return sorted(found - own - sys.stdlib_module_names)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def check_owners(project: str, changes: Sequence[Change], owners: Mapping[tuple[str, str], str]) -> None:
    """Raises `Conflict` when a project changes what another one declares."""
    for change in changes:
        owner = owners.get((change.kind, change.name), project)
        if change.action != "keep" and owner != project:
            fields = ", ".join(difference.field for difference in change.differences)
            word = {"dataset": "dataset", "feature view": "feature_view"}.get(change.kind)
            use = f'od.{word}("{change.name}") uses it as it is. ' if word else ""
            raise Conflict(
                f"The {change.kind} {change.name!r} is declared by the project {owner!r}, in another way ({fields}).",
                hint=f"{use}`ondol apply --take-over` makes it the project {project!r}'s own.",
            )


def undeclared(
    declarations: Declarations,
    running: Mapping[str, Mapping[str, Any]],
    owners: Mapping[tuple[str, str], str],
    project: str,
) -> list[str]:
    """`"dataset flights"` for each thing of this project, or of none, that runs and is not declared."""
    found = []
    for group, kind in KINDS.items():
        declared = {name_of(spec) for spec in getattr(declarations, group)}
        mine = [name for name in running[group] if owners.get((kind, name), project) == project]
        found += [f"{kind} {name}" for name in mine if name not in declared]
    return found
