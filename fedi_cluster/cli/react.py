"""`like` and `boost`: a local actor and a post, from wherever; the running server tells the others."""

import click

from fedi_cluster.cli.common import asynchronous, author, config_option, the_house


@click.command()
@click.argument("meant", metavar="POST")
@click.option("--as", "name", metavar="NAME", help="The local account (else the editorial one).")
@click.option("--undo", is_flag=True, help="Take it back.")
@config_option
@asynchronous
async def like(meant: str, name: str | None, undo: bool) -> None:
    """Like POST, an id or address, as a local account.

    \b
    Example:
      fedi-cluster like https://rostock.example/objects/117664953139209282 --as ola
    """
    from fedi_cluster.cli.finding import find_post
    from fedi_cluster.community.posts import actions
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:
        found = await find_post(house, meant)

        def write(unit: Unit) -> str:
            who = author(unit, name)
            if undo:
                actions.unlike(unit, who, found)
            else:
                actions.like(unit, who, found, house.at.activity(unit.new_id()))
            return who.username

        who = await house.db.write(write)
    click.echo(f"{who} {'does not like' if undo else 'likes'} {found.uri}.")


@click.command()
@click.argument("meant", metavar="POST")
@click.option("--as", "name", metavar="NAME", help="The local account (else the editorial one).")
@click.option("--undo", is_flag=True, help="Take it back.")
@config_option
@asynchronous
async def boost(meant: str, name: str | None, undo: bool) -> None:
    """Pass POST, an id or address, on to the followers of a local account.

    \b
    Example:
      fedi-cluster boost https://rostock.example/objects/117664953139209282
    """
    from fedi_cluster.cli.finding import find_post
    from fedi_cluster.community.posts import actions
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:
        found = await find_post(house, meant)

        def write(unit: Unit) -> str:
            who = author(unit, name)
            if undo:
                actions.unannounce(unit, who, found)
            else:
                actions.announce(unit, who, found, house.at.activity(unit.new_id()))
            return who.username

        who = await house.db.write(write)
    click.echo(f"{who} {'does not pass on' if undo else 'passes on'} {found.uri}.")
