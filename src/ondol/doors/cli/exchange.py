"""`ondol import mlflow` and `ondol export mlflow`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ondol.doors.cli.show import show
from ondol.doors.cli.target import Target

if TYPE_CHECKING:
    from ondol.exchange.copying import Report

PROBLEMS_SHOWN = 20


def add_commands(root: click.Group) -> None:
    root.add_command(take)
    root.add_command(give)


@click.group("import")
def take() -> None:
    """Take over what another tool holds."""


@take.command("mlflow")
@click.argument("source")
@click.option("--artifacts", default="", help="The folder in which the server of this database kept artifacts.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def take_mlflow(target: Target, source: str, artifacts: str, as_json: bool) -> None:
    """Take over the runs, models and traces of MLflow, with their ids, histories and artifacts.

    SOURCE is a folder mlruns/, a file mlflow.db, sqlite:///..., postgresql://... or http://host:port.
    Broken off, the same command goes on where it was; the counts of both sides are compared.
    """
    from rich.console import Console

    from ondol.exchange.source import open_source
    from ondol.exchange.take_over import take_over

    opened = open_source(source, artifacts)
    try:
        with target.client() as client, Console(stderr=True).status("reading") as bar:
            report = take_over(opened, client, bar.update)
    finally:
        opened.close()
    _print(report, "taken over", "were here", as_json=as_json)


@click.group("export")
def give() -> None:
    """Give what the house holds to another tool."""


@give.command("mlflow")
@click.argument("server")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def give_mlflow(target: Target, server: str, as_json: bool) -> None:
    """Give all runs to the MLflow server at SERVER (http://host:port), with histories and artifacts.

    Broken off, the same command goes on where it was.
    """
    from rich.console import Console

    from ondol.exchange.give_back import give_back
    from ondol.exchange.mlflow_server import MlflowApi, ServerSource

    with target.client() as client, Console(stderr=True).status("reading") as bar:
        source, there = ServerSource(client.url, target.config.token), MlflowApi(server)
        try:
            report = give_back(source, there, bar.update)
        finally:
            source.close()
            there.close()
    _print(report, "given", "were there", as_json=as_json)


def _print(report: Report, done: str, before: str, *, as_json: bool) -> None:
    if as_json:
        show(report, as_json=True)
    else:
        click.echo(
            f"{report.experiments} experiments, {report.runs} runs {done} ({report.skipped} {before}): "
            f"{report.params:,} parameters, {report.tags:,} tags, {report.points:,} points, "
            f"{report.files:,} files of {report.bytes:,} bytes; "
            f"{report.logged_models} logged models, {report.models} models with {report.versions} versions, "
            f"{report.traces} traces with {report.spans} spans"
        )
        for line in report.left_alone[:PROBLEMS_SHOWN]:
            click.secho(f"  left alone: {line}", fg="yellow")
        for problem in report.problems[:PROBLEMS_SHOWN]:
            click.secho(f"  {problem}", fg="red")
        if report.problems:
            click.echo(f"{len(report.problems)} problems: the same command tries those runs again.")
    sys.exit(1 if report.problems else 0)
