"""`cluster`: the membership of sister instances; hosts decide here, the running server carries it."""

import json
import os
from pathlib import Path

import click

from fedi_cluster.cli.common import asynchronous, config_option, is_terminal, table, the_house
from fedi_cluster.cli.recover import recover
from fedi_cluster.kernel.errors import ClusterError, Conflict, Invalid


@click.group()
@config_option
def cluster() -> None:
    """The cluster of sister instances.

    \b
    How a new instance joins:
      1. a member:      fedi-cluster cluster invite
      2. the newcomer:  fedi-cluster cluster join LINK --wait
      3. the member:    fedi-cluster cluster confirm NAME

    Servers of both must run meanwhile: they tell each other, and all other members.
    """


@cluster.command()
@click.option(
    "--file", "-f", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Where the same goes as a file (else the data folder).",
)  # fmt: skip
@config_option
@asynchronous
async def invite(file: Path | None) -> None:
    """Print a one-time link that invites an instance, and write the same as a file.

    Give either to the host of the newcomer, on a way that nobody else reads. It ends after seven days. The
    first invitation founds the cluster.

    \b
    Example:
      fedi-cluster cluster invite --file for-elblag.json
    """
    from fedi_cluster.community.instances.actions import membership
    from fedi_cluster.community.regions.queries import own_entry
    from fedi_cluster.federation.cluster.documents import invitation_document
    from fedi_cluster.kernel.clock import to_wire
    from fedi_cluster.kernel.json import Json
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:

        def write(unit: Unit) -> Json:
            token, expires = membership.invite(unit, own_entry(unit))
            return invitation_document(unit, house.at, token, to_wire(expires))

        document = await house.db.write(write)
        link = str(document["link"])
        where = file or house.settings.data_dir / f"invitation-{link[-8:]}.json"
    _keep(where, document)
    click.echo(link)
    click.echo(f"The same as a file: {where}", err=True)


def _keep(where: Path, document: dict[str, object]) -> None:
    """Writes a new file that its owner alone reads: who has it may ask to join."""
    try:
        with os.fdopen(
            os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as out:
            json.dump(document, out, ensure_ascii=False, indent=2)
            out.write("\n")
    except FileExistsError as error:
        raise Conflict(f"{where} exists already; name another --file.") from error
    except OSError as error:
        raise Invalid(f"{where} cannot be written: {error.strerror}.") from error


@cluster.command()
@click.argument("invitation", metavar="LINK|FILE")
@click.option("--wait", is_flag=True, help="Stay until it is confirmed and in step with all.")
@click.option(
    "--timeout",
    "seconds",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait stays.",
)
@config_option
@asynchronous
async def join(invitation: str, wait: bool, seconds: int) -> None:
    """Ask to join the cluster of an invitation, a link or a file.

    A host there confirms it; then every member and this instance know each other, and their posts of before
    are fetched. The server of this instance must run, because the others read our keys from it.

    \b
    Example:
      fedi-cluster cluster join https://rostock.example/cluster/invitations/… --wait
    """
    from fedi_cluster.cli.invitation import read_invitation
    from fedi_cluster.cli.waiting import wait_until_in_step
    from fedi_cluster.community.instances.actions import membership
    from fedi_cluster.jobs import queue
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:
        found = await read_invitation(house, invitation)
        if found.host == house.at.host:
            raise Invalid("This is an invitation of your own instance; the newcomer joins with it.")

        def write(unit: Unit) -> int:
            membership.await_confirmation(unit, found.cluster, found.inviter, house.at.host)
            payload = {"link": found.link, "actor": found.inviter.actor}
            return queue.enqueue(unit, "cluster.ask", payload, lane=f"ask:{found.host}")

        asked = await house.db.write(write)
        click.echo(f"Asked {found.inviter.name} ({found.host}); a host there confirms it with:")
        click.echo(f"  fedi-cluster cluster confirm {house.at.host}")
        if wait:
            await wait_until_in_step(house, found.host, asked, seconds)


@cluster.command()
@click.argument("name")
@config_option
@asynchronous
async def confirm(name: str) -> None:
    """Confirm the instance NAME: one that asks to join, or (admission “each”) one that others confirmed.

    NAME is its host, the first word of it, or the region's name.

    \b
    Example:
      fedi-cluster cluster confirm elblag
    """
    from fedi_cluster.community.instances.actions import membership
    from fedi_cluster.community.instances.shapes import Member
    from fedi_cluster.community.regions.queries import own_entry
    from fedi_cluster.storage.unit import Unit

    def write(unit: Unit) -> Member:
        return membership.confirm(unit, name, own_entry(unit))

    async with the_house() as house:
        member = await house.db.write(write)
    click.echo(f"{member.entry.name} ({member.host}) is a member of the cluster.")


@cluster.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@config_option
@asynchronous
async def remove(name: str, yes: bool) -> None:
    """End the membership of NAME, or refuse one that asks. What it sent stays; deliveries stop.

    \b
    Example:
      fedi-cluster cluster remove elblag
    """
    from fedi_cluster.community.instances.actions import membership
    from fedi_cluster.community.instances.shapes import Member
    from fedi_cluster.community.regions.queries import own_entry
    from fedi_cluster.storage.unit import Unit

    _be_sure(yes, f"End the membership of {name} in all instances of the cluster?")

    def write(unit: Unit) -> Member:
        return membership.remove(unit, name, own_entry(unit))

    async with the_house() as house:
        member = await house.db.write(write)
    click.echo(f"{member.entry.name} ({member.host}) is no member any more.")


@cluster.command()
@click.option("--yes", is_flag=True, help="Do not ask again.")
@config_option
@asynchronous
async def leave(yes: bool) -> None:
    """Leave the cluster. What was received stays; deliveries stop.

    \b
    Example:
      fedi-cluster cluster leave
    """
    from fedi_cluster.community.instances.actions import membership

    _be_sure(yes, "Leave the cluster?")
    async with the_house() as house:
        await house.db.write(membership.leave, house.at.host)
    click.echo("This instance left the cluster.")


def _be_sure(yes: bool, question: str) -> None:
    if not yes and is_terminal():
        click.confirm(question, abort=True)


@cluster.command("list")
@config_option
@asynchronous
async def list_all() -> None:
    """List all instances that are, were or ask to be members.

    \b
    Example:
      fedi-cluster cluster list
    """
    from fedi_cluster.community.instances import queries

    async with the_house() as house:
        members = await house.db.read(queries.members)
    if not members:
        click.echo("This instance is in no cluster; “fedi-cluster cluster invite” begins one.")
        return
    table(
        ("HOST", "NAME", "STATE", "SINCE"),
        (
            (
                one.host,
                one.entry.name,
                "waits for you" if one.entry.state == "member" and not one.admitted else one.entry.state,
                one.entry.updated_at.date().isoformat(),
            )
            for one in members
        ),
    )


@cluster.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@config_option
@asynchronous
async def status(as_json: bool) -> None:
    """Show how it stands with each sister: membership, copies, what waits for it, when it was heard.

    \b
    Example:
      fedi-cluster cluster status
    """
    from fedi_cluster.cli.standing import read_standing

    async with the_house() as house:
        standing = await house.db.read(read_standing, house.at.host)
    if as_json:
        click.echo(json.dumps(standing.as_json(), ensure_ascii=False, indent=2))
        return
    if standing.urn is None:
        raise ClusterError("This instance is in no cluster; “fedi-cluster cluster invite” begins one.")
    click.echo(f"Cluster {standing.urn}, list of members version {standing.version}")
    if not standing.sisters:
        click.echo("No other instance is in it yet.")
        return
    table(
        ("HOST", "STATE", "COPIES", "WAITING", "HEARD", "LAST ERROR"),
        (
            (
                one.host, one.state if one.admitted else "waits for you", one.copies, str(one.waiting),
                one.heard, (one.error or "")[:60],
            )
            for one in standing.sisters
        ),
    )  # fmt: skip


cluster.add_command(recover)
