"""Commands that are more than one operation: up, new, plan, apply, run, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ondol import catalog
from ondol.doors.cli.show import show
from ondol.doors.cli.target import Target
from ondol.kernel.config import load_config
from ondol.kernel.errors import Refused

file_option = click.option("--file", "file", help="The project file (default project.py).")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")


def add_commands(root: click.Group) -> None:
    for command in (up, new, plan, apply, run, demo, openapi):
        root.add_command(command)


@click.command()
@click.option("--home", help="The folder of the house (default .ondol).")
@click.option("--host", help="The address to listen on (default 127.0.0.1).")
@click.option("--port", type=int, help="The port (default 7878; 0 takes a free one).")
@click.option("--database", help="postgresql://... (default: SQLite in the home).")
@click.option("--artifact-root", help="Where files and tables go: a folder, s3://..., gs://..., az://...")
@click.option("--clock", help="Replay history: the moment at which the clock of the house stands.")
@click.pass_obj
def up(target: Target, /, home: str | None, artifact_root: str | None, **settings: Any) -> None:
    """Serve a home in the foreground: the web app, REST, inference and the loop."""
    from ondol.doors.server import serve

    known = target.config
    serve(load_config(home=home or known.home, token=known.token or None, artifacts=artifact_root, **settings))


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a small project that runs."""
    from ondol.sdk.template import new_project

    for file in new_project(Path(name)):
        click.echo(f"wrote {file}")
    click.echo(f"\nnext: cd {name} && ondol up     then, in a second terminal: ondol apply && ondol run")


@click.command()
@file_option
@json_option
@click.pass_obj
def plan(target: Target, file: str | None, as_json: bool) -> None:
    """Show what applying the project file would change."""
    found = target.call(catalog.OPERATIONS["project.plan"], _read(target, file))
    if as_json:
        show(found, as_json=True)
    else:
        print_plan(found)


@click.command()
@file_option
@click.option("--take-over", is_flag=True, help="Also change, and own, what another project declares.")
@json_option
@click.pass_obj
def apply(target: Target, file: str | None, *, take_over: bool, as_json: bool) -> None:
    """Make the house what the project file says."""
    found = target.call(catalog.OPERATIONS["project.apply"], _read(target, file) | {"take_over": take_over})
    if as_json:
        show(found, as_json=True)
    else:
        print_plan(found)
        click.secho("applied", fg="green")


def _read(target: Target, file: str | None) -> dict[str, Any]:
    import msgspec

    from ondol.sdk.collector import asking
    from ondol.sdk.project_file import read_project

    with asking(lambda name, fields: target.call(catalog.OPERATIONS[name], fields)):
        found = read_project(target.project_file(file))
    return {name: getattr(found, name) for name in msgspec.structs.asdict(found)}


def print_plan(found: Any) -> None:
    marks = {"create": ("+", "green"), "change": ("~", "yellow"), "keep": (" ", "white")}
    for change in found.changes:
        mark, colour = marks[change.action]
        click.secho(f"{mark} {change.kind} {change.name}", fg=colour)
        for difference in change.differences:
            click.echo(f"    {difference.field}: {difference.before!r} -> {difference.after!r}")
    for thing in found.undeclared:
        click.echo(f"? {thing} runs, but no project file declares it; it is left alone")


@click.command()
@click.argument("pipeline", required=False)
@click.option("--param", "parameters", multiple=True, help="name=value, as often as needed.")
@click.option("--no-wait", is_flag=True, help="Only start it.")
@json_option
@click.pass_obj
def run(target: Target, pipeline: str | None, parameters: tuple[str, ...], no_wait: bool, as_json: bool) -> None:
    """Run a pipeline of the applied project and follow its steps."""
    given = dict(part.partition("=")[::2] for part in parameters)
    with target.client() as client:
        if pipeline is None:
            pipeline = _only(client.pipelines.list())
        started = client.pipelines.run(pipeline=pipeline, parameters=given)
        found = started if no_wait else follow(client, started.id, quiet=as_json)
    if as_json:
        show(found, as_json=True)
    elif found.status == "failed":
        raise Refused(f"{found.id} failed: {found.error}", hint=f"ondol pipeline_runs get {found.id}")


def _only(pipelines: list[Any]) -> str:
    if len(pipelines) == 1:
        return str(pipelines[0].name)
    names = ", ".join(found.name for found in pipelines) or "none; ondol apply declares them"
    raise click.UsageError(f"Which pipeline? There are: {names}.")


def follow(client: Any, run_id: str, *, quiet: bool) -> Any:
    """Print the steps of a run as they end; returns the run when it has ended."""
    printed: set[str] = set()
    while True:
        found = client.pipeline_runs.get(run=run_id)
        for step in found.steps:
            if step.status != "running" and step.id not in printed and not quiet:
                printed.add(step.id)
                mark = {"finished": "✓", "cached": "=", "failed": "✗"}[step.status]
                summary = step.output.summary if step.output else step.error.strip().rpartition("\n")[2]
                click.echo(f"{mark} {step.name:<12} {step.seconds:6.1f} s  {summary}")
        if found.status in ("finished", "failed", "cancelled"):
            return found
        time.sleep(0.3)


@click.command()
@click.option("--headless", is_flag=True, help="Open no browser, and stop when the story is over.")
@click.option("--check", is_flag=True, help="Exit 0 only if every step of the story really happened.")
@click.option("--home", help="Where to play it (default: a fresh folder .ondol-demo).")
@click.option("--port", type=int, default=7878, help="The port (default 7878; 0 takes a free one).")
@click.option("--until", default="2014-01-01", help="How far into 2013 to replay.")
def demo(**settings: Any) -> None:
    """Play the story: a year of flights, drift, retraining, canary, promotion."""
    from ondol.demo.play import play

    raise SystemExit(play(**settings))


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the house."""
    import json

    from ondol.doors.openapi import document

    click.echo(json.dumps(document(), indent=1))
