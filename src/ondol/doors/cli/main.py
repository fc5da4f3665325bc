"""`ondol`: the root command, and how errors are printed."""

from __future__ import annotations

import sys

import click

from ondol.doors.cli import ask, by_hand, data, exchange, models, spool
from ondol.doors.cli.derive import add_operations
from ondol.doors.cli.target import Target
from ondol.kernel.errors import OndolError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", help="The folder of the house (default .ondol).")
@click.option("--url", envvar="ONDOL_URL", help="A house that serves somewhere else.")
@click.option("--token", envvar="ONDOL_TOKEN", help="The key to show it.")
@click.version_option(package_name="ondol")
@click.pass_context
def root(context: click.Context, home: str | None, url: str | None, token: str | None) -> None:
    """Ondol: one fire, every room warm.

    Data, features, pipelines, registry, serving, drift and retraining in one process.
    Start with `ondol demo`, or `ondol new myproject`.
    """
    context.obj = Target(home, url, token)


add_operations(root)
ask.add_commands(root)
by_hand.add_commands(root)
data.add_commands(root)
exchange.add_commands(root)
models.add_commands(root)
spool.add_commands(root)


def main() -> None:
    """Run the command line; errors of ours become two lines and exit status 1."""
    try:
        root.main(standalone_mode=False)
    except OndolError as error:
        click.secho(f"error: {error.message}", fg="red", err=True)
        if error.hint:
            click.echo(f"  next: {error.hint}", err=True)
        sys.exit(1)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
