"""`ondol spool`: logs that have not arrived yet."""

from __future__ import annotations

import click

from ondol.doors.cli.target import Target
from ondol.kernel.errors import Unavailable


@click.group()
def spool() -> None:
    """Logs that scripts have written and no house has taken yet."""


@spool.command()
@click.pass_obj
def deliver(target: Target) -> None:
    """Deliver what scripts that have ended left in the spool; what arrived before is not sent again."""
    from ondol.kernel.server_note import running_url
    from ondol.sdk.runs.delivery import deliver_left
    from ondol.sdk.runs.spool import Destination

    config = target.config
    url = target.url or running_url(config.home_path)
    found = deliver_left(config.spool_path, config.token, instead=Destination(url=url) if url else None)
    for message in found.refusals:
        click.secho(f"refused: {message}", fg="yellow", err=True)
    if found.waiting:
        raise Unavailable(f"{found.waiting} of the scripts' logs still wait: {found.problem}.", hint="ondol up")
    click.echo(f"delivered the logs of {found.folders} scripts" if found.folders else "nothing waits")


def add_commands(root: click.Group) -> None:
    root.add_command(spool)
