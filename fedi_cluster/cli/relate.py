"""`follow` and `unfollow`: a local actor and anybody; the running server tells the other side."""

import click

from fedi_cluster.cli.common import asynchronous, author, config_option, the_house
from fedi_cluster.kernel.errors import Forbidden


@click.command()
@click.argument("name")
@click.argument("whom", metavar="ACCOUNT")
@config_option
@asynchronous
async def follow(name: str, whom: str) -> None:
    """Let the local account NAME follow ACCOUNT, a handle or an id.

    An account elsewhere is looked up, then asked; the running server carries question and answer.

    \b
    Example:
      fedi-cluster follow ola region@rostock.example
    """
    from fedi_cluster.cli.finding import find_actor
    from fedi_cluster.community.relationships import actions
    from fedi_cluster.community.relationships.rules import Answer
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:
        target = await find_actor(house, whom)

        def write(unit: Unit) -> Answer:
            return actions.follow(unit, author(unit, name), target, house.at.activity(unit.new_id()))

        answer = await house.db.write(write)
    if answer is Answer.REFUSE:
        raise Forbidden(f"{name} may not follow {target.handle}.")
    click.echo(f"{name} {'follows' if answer is Answer.ACCEPT else 'asked to follow'} {target.handle}.")


@click.command()
@click.argument("name")
@click.argument("whom", metavar="ACCOUNT")
@config_option
@asynchronous
async def unfollow(name: str, whom: str) -> None:
    """Let the local account NAME no longer follow ACCOUNT, a handle or an id.

    \b
    Example:
      fedi-cluster unfollow ola region@rostock.example
    """
    from fedi_cluster.cli.finding import find_actor
    from fedi_cluster.community.relationships import actions
    from fedi_cluster.storage.unit import Unit

    async with the_house() as house:
        target = await find_actor(house, whom)

        def write(unit: Unit) -> None:
            actions.unfollow(unit, author(unit, name), target)

        await house.db.write(write)
    click.echo(f"{name} does not follow {target.handle}.")
