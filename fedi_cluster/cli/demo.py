"""`demo`: four or five regions on this machine, to look at or to be checked; it holds no facts."""

import json
import sys
from pathlib import Path

import click

from fedi_cluster.cli.common import asynchronous, config_option, the_house

_LAST_FIRST_PORT = 65_531


@click.group(invoke_without_command=True, subcommand_metavar="")
@click.option("--check", is_flag=True, help="Publish, edit, delete, fail, compare; end with 0 or 1.")
@click.option("--join-fifth", is_flag=True, help="Elbląg joins the four while they run.")
@click.option("--keep", is_flag=True, help="Keep the folders when it ends.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the instances live, an empty folder (else a temporary one).",
)
@click.option(
    "--ports",
    "first_port",
    type=click.IntRange(1, _LAST_FIRST_PORT),
    metavar="FIRST",
    help="The first of five ports on 127.0.0.1 (else 8001; with --check free ones).",
)
@click.pass_context
def demo(
    ctx: click.Context,
    *,
    check: bool,
    join_fifth: bool,
    keep: bool,
    folder: Path | None,
    first_port: int | None,
) -> None:
    """Run four regions on this machine that federate, with public facts of real places.

    Real servers on 127.0.0.1 under szczecin.localhost, rostock.localhost, rietavas.localhost and
    karlshamn.localhost, made, joined and filled by the commands that hosts use. Browsers find these names by
    themselves. Ctrl-C ends it, and nothing stays behind.

    \b
    Examples:
      fedi-cluster demo
      fedi-cluster demo --join-fifth --keep --dir ./demo
      fedi-cluster demo --check
    """
    ctx.obj = join_fifth
    if ctx.invoked_subcommand is not None:
        return
    from fedi_cluster.demo import run
    from fedi_cluster.demo.check import run_check
    from fedi_cluster.demo.facts import FIFTH

    facts = run.facts_for(with_fifth=join_fifth)
    port = first_port if first_port or check else run.FIRST_PORT
    well = True
    try:
        with run.signals(), run.the_servers(port, folder, facts, keep=keep) as servers:
            if check:
                fifth = next((one for one in servers if one.slug == FIFTH), None)
                four = [one for one in servers if one is not fifth]
                well = run_check(four, fifth, facts, click.echo)
            else:
                run.run_demo(servers, facts, click.echo, keep=keep)
    except run.Interrupted:
        click.echo("\nEnded." if not check else "\nInterrupted.", err=True)
        well = not check
    if keep:
        click.echo(f"Kept: {servers[0].folder.parent}")
    sys.exit(0 if well else 1)


@demo.command(hidden=True)
@click.argument("slug")
@click.option("--home", "homes", multiple=True, metavar="SLUG=URL", help="Where a region lives; repeatable.")
@config_option
@click.pass_obj
@asynchronous
async def publish(with_fifth: bool, slug: str, homes: tuple[str, ...]) -> None:
    """Publish the demo's facts of the region SLUG here, in one process; prints their ids as JSON.

    \b
    Example:
      fedi-cluster demo publish rostock --home rostock=http://rostock.localhost:8002
    """
    from dataclasses import asdict

    from fedi_cluster.cli.keys import fresh_keys
    from fedi_cluster.demo.facts import load
    from fedi_cluster.demo.publish import part_of, publish_facts

    places = {name: url for name, _, url in (text.partition("=") for text in homes)}
    part = part_of(load(with_fifth), slug, places)
    async with the_house() as house:
        found = await publish_facts(house, part, fresh_keys)
    click.echo(json.dumps({item: asdict(one) for item, one in found.items()}))
