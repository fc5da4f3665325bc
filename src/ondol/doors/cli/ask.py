"""Commands to look for things and to ask the tables: `ondol search TEXT`, `ondol sql "SELECT ..."`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ondol import catalog
from ondol.doors.cli.by_hand import json_option
from ondol.doors.cli.show import show
from ondol.doors.cli.target import Target


class _Asking(click.Group):
    """`ondol sql "SELECT 1"` is `ondol sql ask "SELECT 1"`; its other commands keep their names."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            args = ["ask", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Options of `ask` may stand before the statement: `ondol sql --csv "SELECT 1"`.
        if args and args[0].startswith("--") and args[0] not in ("--help",):
            args = ["ask", *args]
        return super().parse_args(ctx, args)


def add_commands(root: click.Group) -> None:
    derived = root.commands["sql"]
    assert isinstance(derived, click.Group)
    asking = _Asking("sql", commands=derived.commands, help="SQL over everything: ask, tables, query, export.")
    asking.add_command(ask)
    root.add_command(asking)
    root.add_command(search)
    features = root.commands["features"]
    assert isinstance(features, click.Group)
    features.add_command(show_feature, "show")


@click.command("ask")
@click.argument("statement", required=False)
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Read the statement from a file.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--limit", type=int, help="At most so many rows (default 100; with --csv 1,000,000).")
@json_option
@click.pass_obj
def ask(
    target: Target, statement: str | None, file: str | None, *, as_csv: bool, limit: int | None, as_json: bool
) -> None:
    """Run one SELECT over datasets, features, runs and models: `ondol sql "select count(*) from flights@12"`."""
    text = Path(file).read_text() if file else statement
    if text is None or text == "-":
        text = sys.stdin.read()
    if as_csv:
        record = target.call(catalog.OPERATIONS["sql.export"], {"sql": text, "limit": limit or 1_000_000})
        sys.stdout.buffer.write(record.body)
        return
    found = target.call(catalog.OPERATIONS["sql.query"], {"sql": text, "limit": limit or 100})
    if as_json:
        show(found, as_json=True)
        return
    _print(found)


def _print(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in found.columns.items():
        table.add_column(name, justify="right" if kind in ("integer", "double") else "left", overflow="fold")
    for row in found.rows:
        table.add_row(*["[dim]null[/]" if value is None else str(value).replace("[", "\\[") for value in row])
    Console().print(table)
    read = ", ".join(name if "@" in name else f"{name}@{version}" for name, version in found.tables.items())
    more = "more than " if found.truncated else ""
    rows = "row" if len(found.rows) == 1 and not more else "rows"
    click.secho(f"{more}{len(found.rows):,} {rows}  {found.seconds:.3f} s  {found.engine}  {read}", dim=True, err=True)


@click.command("search")
@click.argument("words", nargs=-1)
@click.option(
    "--kind", "kinds", multiple=True, help="dataset, column, feature_view, feature, model ...; several times."
)
@click.option("--owner", help="Only what this owner has.")
@click.option("--tag", help="Only what has this tag.")
@click.option("--project", help="Only what this project declares.")
@click.option("--limit", type=int, default=20, help="At most so many (default 20).")
@json_option
@click.pass_obj
def search(target: Target, /, words: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Find datasets, columns, features, models ...: `ondol search share of late arrivals of the carrier`."""
    fields = {name: list(value) if name == "kinds" else value for name, value in given.items() if value}
    found = target.call(catalog.OPERATIONS["catalogue.search"], {"text": " ".join(words), **fields})
    if as_json:
        show(found, as_json=True)
        return
    for item in found.items:
        thing = item.thing
        name = f"{thing.of}.{thing.name}" if thing.of and thing.kind in ("feature", "column") else thing.name
        facts = [thing.owner, thing.project and f"project {thing.project}", ", ".join(thing.tags)]
        facts += [
            f"used by {thing.used_by}" if thing.used_by else "",
            f"{thing.newest:%Y-%m-%d}" if thing.newest else "",
        ]
        click.secho(f"{thing.kind.replace('_', ' ')} ", dim=True, nl=False)
        click.secho(name, bold=True, nl=False)
        click.secho("  " + " · ".join(fact for fact in facts if fact), dim=True)
        for line in (thing.description, thing.definition):
            if line:
                click.echo(f"    {line}")
    click.secho(f"{len(found.items)} of {found.total}", dim=True, err=True)


@click.command("show")
@click.argument("feature")
@json_option
@click.pass_obj
def show_feature(target: Target, /, feature: str, *, as_json: bool) -> None:
    """The story of a feature view, or of one of its features: `ondol features show carrier_late`."""
    card = target.call(catalog.OPERATIONS["features.show"], {"feature": feature})
    if as_json:
        show(card, as_json=True)
        return
    click.secho(card.name, bold=True, nl=False)
    facts = [
        card.owner,
        card.project and f"project {card.project}",
        f"by {', '.join(card.entity)}",
        f"of {card.dataset}",
    ]
    click.secho("  " + " · ".join(fact for fact in facts if fact), dim=True)
    for each in card.features:
        click.echo(f"\n{each.name} = {each.definition}")
        if each.description:
            click.echo(f"    {each.description}")
        found = each.profile
        if found and found.mean is not None:
            quantiles = " ".join(f"{value:.4g}" for value in found.quantiles)
            nulls = f"{found.nulls:,} of {found.rows:,} null"
            click.echo(
                f"    {nulls} · mean {found.mean:.4g} · {found.low:.4g} to {found.high:.4g} · 5-95 % {quantiles}"
            )
    newest = f"{card.newest:%Y-%m-%d %H:%M}" if card.newest else "no rows yet"
    click.echo(f"\nfreshness   newest row {newest}; online version {card.online_version} of {card.dataset_version}")
    click.echo(f"computed    {card.computed} times for online, {card.computed_for_training} for training sets")
    for use in card.used_by:
        click.echo(f"used by     {use.kind.replace('_', ' ')} {use.name}  {' → '.join(use.via)}".rstrip())
    for entry in card.history:
        since = f"{entry.since:%Y-%m-%d %H:%M}" if entry.since else ""
        click.echo(f"defined     {entry.hash} {since} {'in force' if entry.current else ''}".rstrip())
