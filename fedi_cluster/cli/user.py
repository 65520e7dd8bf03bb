"""`user`: people who sign in, and tokens for their programs; it shows no password and no stored token."""

import sys

import click

from fedi_cluster.auth.roles import ROLES
from fedi_cluster.cli.common import asynchronous, config_option, is_terminal, table, the_house
from fedi_cluster.kernel.errors import Invalid, NotFound

_TYPES = {"person": "Person", "organisation": "Organization"}


@click.group()
@config_option
def user() -> None:
    """People who sign in here.

    \b
    Example:
      fedi-cluster user add ola --email ola@szczecin.example --role host
    """


@user.command()
@click.argument("name")
@click.option("--email", metavar="E", required=True, help="Where mail reaches this person.")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What this person may do.")
@click.option("--display-name", metavar="TEXT", help="The name that people read (else NAME).")
@click.option("--type", "kind", type=click.Choice(tuple(_TYPES)), default="person", help="What writes here.")
@config_option
@asynchronous
async def add(name: str, email: str, role: str, display_name: str | None, kind: str) -> None:
    """Add a person (or an organisation) who signs in and writes as NAME.

    NAME is 1 to 30 of a–z, 0–9 and _, and is never given again. The password (10 characters at least) is
    asked for, or read from standard input. If NAME is an account without anybody who signs in, such as the
    editorial one, the person gets that account.

    \b
    Roles:
      host       runs the instance and the membership of its cluster
      moderator  settles reports
      editor     writes for the region
      member     writes for herself
    \b
    Example:
      fedi-cluster user add ola --email ola@szczecin.example --role host
    """
    from fedi_cluster.auth.passwords import hash_password
    from fedi_cluster.auth.users import normal_email
    from fedi_cluster.cli.accounts import add_user, new_actor
    from fedi_cluster.community.actors.rules import check_name

    name = name.removeprefix("@")
    check_name(name)
    normal_email(email)
    async with the_house() as house:
        fresh = new_actor(house, name, _TYPES[kind], display_name)
        hashed = hash_password(_password())
        added = await house.db.write(add_user, house.at, fresh, email=email, role=role, password_hash=hashed)
    click.echo(f"{added.handle} signs in with {email.strip().lower()} as {role}.")
    click.echo(f"  Profile  {added.url}")


def _password() -> str:
    """The password that a person types twice, or the first line of standard input."""
    if is_terminal():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    line = sys.stdin.readline()
    if not line:
        raise Invalid("No password came on standard input; give one, or run this at a terminal.")
    return line.rstrip("\r\n")


@user.command("list")
@config_option
@asynchronous
async def list_all() -> None:
    """List everybody who signs in here.

    \b
    Example:
      fedi-cluster user list
    """
    from fedi_cluster.auth import users
    from fedi_cluster.community.actors import queries as actor_queries
    from fedi_cluster.kernel.clock import to_wire

    async with the_house() as house:
        known = await house.db.read(users.list_users)
        actors = await house.db.read(actor_queries.by_ids, [one.actor_id for one in known])
    if not known:
        click.echo("Nobody signs in here yet; add somebody with “fedi-cluster user add”.")
        return
    table(
        ("NAME", "ROLE", "E-MAIL", "SINCE"),
        ((actors[one.actor_id].username, one.role, one.email, to_wire(one.created_at)[:10]) for one in known),
    )


@user.command()
@click.argument("name")
@click.option(
    "--scopes", required=True, metavar="SCOPES", help='Such as "read write follow push" or "read:statuses".'
)
@config_option
@asynchronous
async def token(name: str, scopes: str) -> None:
    """Print a bearer token, alone, for a program that acts as NAME.

    Whoever has it can do what its scopes say. It is shown this once.

    \b
    Example:
      TOKEN=$(fedi-cluster user token ola --scopes "read write")
    """
    from fedi_cluster.auth import tokens, users
    from fedi_cluster.community.actors.queries import need_local
    from fedi_cluster.storage.unit import Unit

    def issue(unit: Unit) -> str:
        who = users.by_actor(unit, need_local(unit, name.removeprefix("@")).id)
        if who is None:
            raise NotFound(f"Nobody signs in as {name}; add a person with “fedi-cluster user add”.")
        return tokens.issue(unit, who.id, scopes)

    async with the_house() as house:
        click.echo(await house.db.write(issue))
