"""Commands about models that show more than a record: `model show`, `model history`, `reproduce`."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ondol import catalog
from ondol.doors.cli.show import show
from ondol.doors.cli.target import Target
from ondol.kernel.clock import parse_moment
from ondol.kernel.errors import Invalid, Refused, error_from

WIDTH = 60
"""Columns of the picture of the history."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")


def add_commands(root: click.Group) -> None:
    for command in (model, reproduce):
        root.add_command(command)


@click.group()
def model() -> None:
    """Models, for people: show what a version holds, show who answered when."""


@model.command("show")
@click.argument("name")
@click.option("--version", "reference", default="", help="A number or an alias (default: the newest).")
@json_option
@click.pass_obj
def show_model(target: Target, name: str, reference: str, as_json: bool) -> None:
    """Tick off the eight kinds of artefact of a version."""
    found = target.call(catalog.OPERATIONS["models.evidence"], {"model": name, "reference": reference})
    if as_json:
        show(found, as_json=True)
        return
    click.secho(f"{found.model} {found.number}  {found.version}", bold=True)
    for kind in found.kinds:
        mark, colour = ("✓", "green") if kind.present else ("✗", "red")
        lines = textwrap.wrap(kind.summary, 100) or [""]
        click.echo(f"{click.style(mark, fg=colour)} {kind.name:<13} {lines[0]}")
        for line in [*lines[1:], *([f"add it: {kind.add}"] if kind.add else [])]:
            click.echo(f"{'':16}{line}")


@model.command("history")
@click.argument("name")
@click.option("--at", help="A moment: 2013-07-30T10:00 (default: now).")
@click.option("--endpoint", default="", help="Only this endpoint.")
@json_option
@click.pass_obj
def show_history(target: Target, name: str, at: str | None, endpoint: str, as_json: bool) -> None:
    """Say which version answered at a moment, who put it there, on what evidence; and draw the history."""
    fields = {"model": name, "endpoint": endpoint} | ({"at": parse_moment(at).isoformat()} if at else {})
    found = target.call(catalog.OPERATIONS["models.production"], fields)
    if as_json:
        show(found, as_json=True)
        return
    click.secho(f"{name} at {found.at:%Y-%m-%d %H:%M} UTC", bold=True)
    for span in found.answering:
        click.echo(said(span))
    if not found.answering:
        click.echo("no version answered then")
    for line in picture(found.spans, found.at, found.now):
        click.echo(line)


def said(span: Any) -> str:
    """Who answered, put there by whom, on what evidence, in a line."""
    until = f"{span.until:%Y-%m-%d %H:%M}" if span.until else "now"
    evidence = f" [{span.evidence}]" if span.evidence else ""
    return (
        f"version {span.number} answered {span.share:.0%} of {span.endpoint} as {span.role}, "
        f"{span.since:%Y-%m-%d %H:%M} to {until}; put there by {span.by}: {span.reason}{evidence}"
    )


def picture(spans: list[Any], at: datetime, now: datetime) -> list[str]:
    """A bar for each version over time: `█` at least half of the traffic, `▒` less, `│` the moment asked for."""
    if not spans:
        return []
    first = min(span.since for span in spans)
    last = max(at, now)
    width = (last - first).total_seconds() or 1.0

    def column(moment: datetime) -> int:
        return min(WIDTH - 1, max(0, int((moment - first).total_seconds() / width * WIDTH)))

    lines = ["", f"{'':12}{first:%Y-%m-%d}{f'{last:%Y-%m-%d}':>{WIDTH - 10}}"]
    for number in sorted({span.number for span in spans}):
        bar = [" "] * WIDTH
        for span in sorted((each for each in spans if each.number == number), key=lambda each: each.since):
            for place in range(column(span.since), column(span.until or last) + 1):
                bar[place] = "█" if span.share >= 0.5 else "▒"
        if bar[column(at)] == " ":
            bar[column(at)] = "│"
        lines.append(f"{f'version {number}':>11} {''.join(bar).rstrip()}")
    return lines


@click.command()
@click.argument("name")
@click.option("--version", "reference", default="", help="A number or an alias (default: the newest).")
@click.option("--fresh-environment", is_flag=True, help="In a new virtual environment made from the version's lock.")
@json_option
@click.pass_obj
def reproduce(target: Target, name: str, reference: str, fresh_environment: bool, as_json: bool) -> None:
    """Train a version again from the registry alone, and compare. Exit status 0 only if all metrics are equal."""
    if target.url:
        raise Invalid("A version is reproduced where its home is.", hint=f"ondol --home HOME reproduce {name}")
    version = target.call(catalog.OPERATIONS["versions.find"], {"model": name, "reference": reference or "latest"})
    home = target.config.home_path
    python = fresh_python(target, version, home) if fresh_environment else (sys.executable, {})
    found = _again(version.id, home, *python)
    if as_json:
        show(found, as_json=True)
    else:
        _print_again(found)
    if not found["equal"]:
        sys.exit(1)


def _again(version: str, home: Path, python: str, variables: dict[str, str]) -> dict[str, Any]:
    command = [python, "-m", "ondol.runner.reproduce", version, "--home", str(home)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | variables, check=False)
    try:
        found = msgspec.json.decode(ended.stdout.splitlines()[-1], type=dict[str, Any])
    except (IndexError, msgspec.DecodeError) as error:
        raise Refused(f"The process that trained it again ended with {ended.returncode}.") from error
    if "error" in found:
        raise error_from(found["error"]["code"], found["error"]["message"], found["error"]["hint"])
    return found


def _print_again(found: dict[str, Any]) -> None:
    click.secho(f"{found['model']} {found['number']} trained again in {found['seconds']:.1f} s", bold=True)
    for note in found["data"]:
        click.echo(f"  data: {note}")
    for name, value in sorted(found["metrics"].items()):
        again = found["again"].get(name)
        mark = click.style("=", fg="green") if again == value else click.style("≠", fg="red")
        click.echo(f"{mark} {name:<14} {value:<22} {again}")
    click.echo(f"{'=' if found['identical'] else '≠'} the files of the model, byte for byte")
    for line in found["environment"]:
        click.echo(f"  environment: {line['what']} was {line['recorded']}, here it is {line['found']}")
    if not found["environment"]:
        click.echo("  environment: the same Python, platform and packages")
    verdict = ("equal", "green") if found["equal"] else ("NOT equal", "red")
    click.secho(verdict[0], fg=verdict[1], bold=True)


def fresh_python(target: Target, version: Any, home: Path) -> tuple[str, dict[str, str]]:
    """The interpreter of a virtual environment with exactly what the version's lock names, and its variables."""
    import hashlib

    import ondol

    lock = target.call(catalog.OPERATIONS["versions.file"], {"version": version.id, "path": "lock.txt"}).body
    folder = home / "environments" / hashlib.sha256(lock).hexdigest()[:16]
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        click.echo(f"installing the lock of {version.model} {version.number} into {folder}", err=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        (folder / "requirements.txt").write_bytes(lock)
        command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
        _run([*command, "-r", str(folder / "requirements.txt")])
        # Ondol itself as it runs here, and nothing beside it.
        (folder / "own").mkdir()
        (folder / "own" / "ondol").symlink_to(Path(ondol.__file__).parent)
        ready.touch()
    return str(python), {"PYTHONPATH": str(folder / "own"), "PYTHONNOUSERSITE": "1"}


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = "\n".join(ended.stderr.strip().splitlines()[-3:])
        raise Refused(
            f"The environment could not be made: {said}", hint="Without --fresh-environment it is not needed."
        )
