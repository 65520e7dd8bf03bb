"""`migrate`: brings the database to the schema of this version; it makes no copy of it before."""

import click

from fedi_cluster.cli.common import config_option, read_settings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with 1 where something is to be done.")
@config_option
def migrate(check: bool) -> None:
    """Bring the database to the schema of this version.

    Run it after an update, while no server runs, and make a copy of the database before.

    \b
    Example:
      fedi-cluster migrate
    """
    from fedi_cluster.storage import migrate as migrations

    url = read_settings().database_url
    if migrations.is_current(url):
        click.echo("The database is current.")
        return
    if check:
        click.echo("The database has another schema than this version needs; run “fedi-cluster migrate”.")
        click.get_current_context().exit(1)
    migrations.upgrade(url)
    click.echo("The database is current now.")
