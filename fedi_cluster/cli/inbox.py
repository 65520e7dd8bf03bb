"""`inbox`: what other instances said and was not worked yet, or was given up, and again; it works nothing."""

import click

from fedi_cluster.cli.common import asynchronous, config_option, table, the_house
from fedi_cluster.kernel.errors import NotFound

_LONGEST = 100


@click.group()
@config_option
def inbox() -> None:
    """What comes from other instances: what waits to be worked, and what was given up by a fault of ours.

    \b
    Examples:
      fedi-cluster inbox list --dead
      fedi-cluster inbox retry --all
    """


@inbox.command("list")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@click.option("--host", metavar="HOST", help="Only what this instance sent.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many."
)
@config_option
@asynchronous
async def list_all(dead: bool, host: str | None, limit: int) -> None:
    """List what waits and what was given up, in the order in which it came: what, from whom, why not yet.

    What was given up is kept for 30 days, and can be worked again as long.

    \b
    Example:
      fedi-cluster inbox list --dead --host rostock.example
    """
    from fedi_cluster.federation.remote import log

    async with the_house() as house:
        found = await house.db.read(log.listed, host, dead=dead, limit=limit)
    table(
        ("ID", "ACTIVITY", "SENDER", "STATE", "TRIES", "REASON"),
        (
            (
                str(one.id), one.activity_uri, one.sender_actor, one.state, str(one.tries),
                " ".join((one.reason or "").split())[:_LONGEST],
            )
            for one in found
        ),
    )  # fmt: skip


@inbox.command()
@click.argument("log_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="All that was given up.")
@config_option
@asynchronous
async def retry(log_id: int | None, every: bool) -> None:
    """Work again what was given up, or at once what waits: one by its ID, or all that was given up.

    \b
    Examples:
      fedi-cluster inbox retry 117664953139209282
      fedi-cluster inbox retry --all
    """
    from fedi_cluster.federation.remote import log

    if (log_id is not None) == every:
        raise click.UsageError("Name one of: an ID, --all.")
    async with the_house() as house:
        count = await house.db.write_locking(log.bring_back, log_id)
    if not count and not every:
        raise NotFound("Nothing of this ID was given up or waits; see “fedi-cluster inbox list”.")
    click.echo(f"{count} brought back.")
