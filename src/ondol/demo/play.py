"""`ondol demo`: start a house, play the story, show what it was worth, keep serving."""

from __future__ import annotations

import shutil
import time
import webbrowser
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ondol.demo.check import Finding, look
from ondol.demo.feed import Feed
from ondol.demo.replay import ENDPOINT, Replay
from ondol.demo.server import DemoServer, fresh_home
from ondol.doors.cli.by_hand import follow
from ondol.doors.client import Client
from ondol.kernel.errors import NotFound, Refused, Unavailable
from ondol.project.types import Plan
from ondol.sdk.project_file import read_project

START = date(2013, 4, 1)


def play(*, headless: bool, check: bool, home: str | None, port: int, until: str) -> int:
    """Play the story in `home`. Returns the exit status: 1 when `check` finds a step that did not happen."""
    console = Console()
    folder = fresh_home(Path(home or ".ondol-demo").resolve())
    begun = time.perf_counter()
    feed = Feed(START)
    project = write_project(folder, feed)
    with DemoServer(folder, port, START.isoformat()) as server, Client(server.url, timeout=600) as client:
        console.print(f"Ondol is up: [bold]{server.url}[/]  (home {folder})")
        if not headless:
            webbrowser.open(server.url)
        _prepare(client, project, console)
        replay = _replay(client, feed, date.fromisoformat(until), console)
        console.print(
            f"replayed {replay.rows:,} predictions in {replay.requests:,} requests: "
            f"{replay.rows / replay.predict_seconds:,.0f} rows a second over HTTP"
        )
        findings = look(folder, client)
        _print_story(console, client, findings, time.perf_counter() - begun)
        missing = [finding for finding in findings if not finding.happened]
        if not headless:
            _keep_serving(server, console)
    return 1 if check and missing else 0


def example_folder() -> Path:
    """`examples/flights`, in the wheel or in a checkout."""
    package = Path(__file__).parent.parent
    for folder in (package / "examples" / "flights", package.parent.parent / "examples" / "flights"):
        if (folder / "project.py").is_file():
            return folder
    raise NotFound("The example of the flights is not installed.", hint='pip install "ondol[demo]"')


def write_project(home: Path, feed: Feed) -> Path:
    """A copy of the example beside its data, as a user's folder would look."""
    folder = home / "flights"
    folder.mkdir()
    shutil.copy(example_folder() / "project.py", folder / "project.py")
    feed.write_history(folder / "data")
    return folder / "project.py"


def _prepare(client: Client, project: Path, console: Console) -> None:
    """Apply the project file and train the first champion on January to March."""
    plan = apply_project(client, project)
    console.print(f"applied {project.name}: {', '.join(f'{c.kind} {c.name}' for c in plan.changes)}")
    run = client.call("pipelines.run", pipeline="training", reason="the first model")
    ended = follow(client, run.id, quiet=False)
    if ended.status != "finished":
        raise Refused(f"The first training failed: {ended.error}", hint=f"ondol pipeline-runs get {ended.id}")
    wait_until_ready(client)


def wait_until_ready(client: Client, seconds: float = 60) -> None:
    """Until the endpoint answers: its first model is loaded in the background."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.request("GET", f"/v2/models/{ENDPOINT}/ready")
            return
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def apply_project(client: Client, project: Path) -> Plan:
    """Apply a project file; returns what that changed."""
    found = read_project(project)
    return client.call("project.apply", **{name: getattr(found, name) for name in found.__struct_fields__})  # type: ignore[no-any-return]


def _replay(client: Client, feed: Feed, until: date, console: Console) -> Replay:
    replay = Replay(client, feed, console.print)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("2013", total=(until - START).days, rows=0)
        replay.play(until, lambda day: bar.update(task, advance=1, description=str(day), rows=replay.rows))
    return replay


def _print_story(console: Console, client: Client, findings: list[Finding], seconds: float) -> None:
    from rich.table import Table

    story = Table(title=f"The story, told in {seconds:.0f} s", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "step", "what happened"):
        story.add_column(heading, overflow="fold")
    for finding in findings:
        story.add_row("[green]✓[/]" if finding.happened else "[red]✗[/]", finding.step, finding.words)
    console.print(story)
    worth = client.call("loops.worth", endpoint="flight-delay")
    table = Table(title="What the loop was worth (AUC, log loss)", title_justify="left", box=None, pad_edge=False)
    for heading in ("month", "rows", "late", "frozen", "with the loop", "log loss frozen", "with the loop", "versions"):
        table.add_column(heading, justify="right")
    for month in [*worth.months, *([worth.total] if worth.total else [])]:
        table.add_row(
            month.month, f"{month.rows:,}", f"{month.positive_share:.1%}", f"{month.auc_frozen:.4f}",
            f"{month.auc_served:.4f}", f"{month.log_loss_frozen:.4f}", f"{month.log_loss_served:.4f}",
            ", ".join(map(str, month.versions)),
        )  # fmt: skip
    console.print(table)


def _keep_serving(server: DemoServer, console: Console) -> None:
    console.print(f"The house stays open at [bold]{server.url}[/] until Ctrl-C. Its home is {server.home}.")
    try:
        server.wait()
    except KeyboardInterrupt:
        console.print("bye")
