"""`deliveries`: the ways to other instances, what waits, what was given up, and again; it sends nothing."""

import json
from dataclasses import asdict

import click

from fedi_cluster.cli.common import asynchronous, config_option, table, the_house
from fedi_cluster.kernel.errors import NotFound

_LONGEST = 60


@click.group()
@config_option
def deliveries() -> None:
    """What goes to other instances: what waits for each, and what was given up.

    \b
    Examples:
      fedi-cluster deliveries lanes
      fedi-cluster deliveries list --dead
      fedi-cluster deliveries retry --host rostock.example
    """


@deliveries.command("lanes")
@click.option("--host", metavar="HOST", help="Only the lane to this instance.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
@asynchronous
async def list_lanes(host: str | None, as_json: bool) -> None:
    """One line for each instance that we ever delivered to: what waits, since when it fails and why.

    \b
    Example:
      fedi-cluster deliveries lanes
    """
    from fedi_cluster.cli.dates import ago
    from fedi_cluster.federation.remote import lanes

    async with the_house() as house:
        found = await house.db.read(lanes.report, host, limit=10_000)
        now = house.clock.now()
    if as_json:
        for lane in found:
            click.echo(json.dumps(asdict(lane), default=str))
        return
    table(
        ("INSTANCE", "WAITING", "GIVEN UP", "REACHED", "FAILURES", "LAST ERROR"),
        (
            (
                lane.host, str(lane.waiting), str(lane.dead), ago(lane.reached_at, now),
                f"{lane.failures}{', cut off' if lane.open else ''}", (lane.error or "")[:_LONGEST],
            )
            for lane in found
        ),
    )  # fmt: skip


@deliveries.command("list")
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@click.option("--host", metavar="HOST", help="Only those to this instance.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many."
)
@config_option
@asynchronous
async def list_all(dead: bool, host: str | None, limit: int) -> None:
    """List what waits and what was given up, in the order in which it goes: what, where to, why not yet.

    \b
    Example:
      fedi-cluster deliveries list --dead
    """
    from fedi_cluster.federation.remote import lanes

    async with the_house() as house:
        found = await house.db.read(lanes.listed, host, dead=dead, limit=limit)
    table(
        ("ID", "ACTIVITY", "INBOX", "STATE", "TRIES", "LAST ERROR"),
        (
            (str(one.id), one.activity or "forwarded", one.inbox, one.state, str(one.tries), one.error or "")
            for one in found
        ),
    )


@deliveries.command()
@click.argument("delivery_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="All that were given up.")
@click.option("--host", metavar="HOST", help="Those to an instance.")
@config_option
@asynchronous
async def retry(delivery_id: int | None, every: bool, host: str | None) -> None:
    """Send again what was given up: one by its ID, those to an instance, or all.

    \b
    Examples:
      fedi-cluster deliveries retry 117664953139209282
      fedi-cluster deliveries retry --host rostock.example
    """
    from fedi_cluster.federation.remote import lanes

    if sum((delivery_id is not None, every, host is not None)) != 1:
        raise click.UsageError("Name one of: an ID, --host HOST, --all.")
    async with the_house() as house:
        count = await house.db.write_locking(lanes.requeue, host=host, delivery_id=delivery_id)
    if not count and not every:
        raise NotFound("No such delivery was given up; see “fedi-cluster deliveries list --dead”.")
    click.echo(f"{count} brought back.")
