"""`cluster recover`: takes back from the sisters what a database restored from an old copy has lost."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import asynchronous, config_option, is_terminal, the_house
from fedi_cluster.kernel.errors import ClusterError, Invalid

if TYPE_CHECKING:
    from fedi_cluster.community.instances.shapes import Member
    from fedi_cluster.storage.unit import Reader


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.option("--from", "name", metavar="NAME", help="Ask this sister alone.")
@config_option
@asynchronous
async def recover(yes: bool, name: str | None) -> None:
    """Take back what the sisters hold of ours and we lack: posts, edits, deletions, profiles.

    For after a database was restored from an old copy. Only what accounts of this instance signed is taken,
    as it was; nothing is sent again. It is shown first, and nothing is taken without a yes.

    \b
    Example:
      fedi-cluster cluster recover --from rostock
    """
    from fedi_cluster.federation.cluster import recover as recovery

    async with the_house() as house:
        sisters = await house.db.read(_sisters, house.at.host, name)
        found = await recovery.survey(house.federation, sisters)
        for sister in sisters:
            said = found.away.get(sister.host)
            held = found.by_host.get(sister.host, Counter())
            click.echo(f"{sister.host}: {said or _told(held)}")
        if len(found.away) == len(sisters):
            raise ClusterError("No sister could be asked; see “fedi-cluster cluster status”.")
        if not found.lost:
            click.echo("Nothing is missing here.")
            return
        click.echo(f"In all: {_told(found.in_all)}")
        _be_sure(yes)
        taken = await recovery.take_back(house.federation, found.lost)
        await house.db.write(recovery.compare_all, sisters)
    click.echo(f"Taken back: {_told(taken.counts)}")
    for trouble in taken.troubles:
        click.echo(f"Not taken: {trouble}", err=True)
    if taken.troubles:
        raise ClusterError(f"{len(taken.troubles)} could not be taken back.")


def _sisters(reader: "Reader", own_host: str, name: str | None) -> "Sequence[Member]":
    from fedi_cluster.community.instances import queries

    sisters = queries.sisters(reader, own_host)
    if not sisters:
        raise Invalid("This instance has no sisters that could hold anything.")
    if name is None:
        return sisters
    wanted = queries.find_member(reader, name)
    if wanted.host not in {one.host for one in sisters}:
        raise Invalid(f"{wanted.host} is no sister of this instance.")
    return [wanted]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing"


def _be_sure(yes: bool) -> None:
    if yes:
        return
    if not is_terminal():
        raise Invalid("To take it back, run this again with --yes.")
    click.confirm("Take it back?", abort=True)
