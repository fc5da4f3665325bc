"""`ondol data suggest`: from a file on this machine, or from a dataset of the house."""

from __future__ import annotations

from pathlib import Path

import click

from ondol import catalog
from ondol.doors.cli.target import Target


def add_commands(root: click.Group) -> None:
    root.add_command(data)


@click.group()
def data() -> None:
    """Data: suggest."""


@data.command()
@click.argument("table")
@click.pass_obj
def suggest(target: Target, table: str) -> None:
    """Write a first declaration as lines of a project file: columns, key, time and contract, from the rows.

    TABLE is a file (CSV, JSON, Parquet) or a dataset of the house.
    """
    path = Path(table)
    if path.exists() or path.suffix:
        from ondol.sdk.suggest import suggest_file

        click.echo(suggest_file(path), nl=False)
    else:
        found = target.call(catalog.OPERATIONS["datasets.suggest"], {"dataset": table})
        click.echo(found.python, nl=False)
