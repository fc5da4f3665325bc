"""What an exchange counts, and how it copies files."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from ondol.doors.client import Client
from ondol.exchange.source import Source

FILES = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(kw_only=True)
class Report:
    """What was taken over, what was there before, and what is not as it is in the source."""

    source: str
    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    models: int = 0
    versions: int = 0
    traces: int = 0
    spans: int = 0
    skipped: int = 0
    params: int = 0
    tags: int = 0
    points: int = 0
    files: int = 0
    bytes: int = 0
    left_alone: list[str] = field(default_factory=list)
    """What people decided here, which an import does not undo."""
    problems: list[str] = field(default_factory=list)


def copy_files(
    source: Source, client: Client, artifacts: str, place: str, tally: tuple[dict[str, int], Report]
) -> None:
    """Copy what lies at `artifacts` to `place` behind our proxy, but for files that are here in their size."""
    here, report = tally
    for file in source.files(artifacts):
        if here.get(file.path) == file.size:
            continue
        client.request("PUT", f"{FILES}/{place}/{quote(file.path)}", content=source.read(artifacts, file))
        report.files += 1
        report.bytes += file.size
