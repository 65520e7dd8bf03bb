"""`migrate`: brings the database to the schema of this version, after a copy of it; or changes nothing."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import config_option, read_settings
from fedi_cluster.kernel.errors import ClusterError

if TYPE_CHECKING:
    from fedi_cluster.storage.sqlite_copies import SqlitePlace

_ROOM = 2  # times the database: the copy, and what the migration writes before it counts


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with 1 where something is to be done.")
@config_option
def migrate(check: bool) -> None:
    """Bring the database to the schema of this version.

    Run it after an update, while no server runs. All of it happens or nothing: a command that is ended in
    the middle leaves the database as it was. It first makes a copy of an SQLite database beside it; of
    PostgreSQL make one yourself: fedi-cluster backup.

    \b
    Example:
      fedi-cluster migrate
    """
    from fedi_cluster.kernel.clock import SystemClock
    from fedi_cluster.storage import migrate as migrations
    from fedi_cluster.storage.copies import place_of
    from fedi_cluster.storage.serving_lock import serving_lock
    from fedi_cluster.storage.sqlite_copies import SqlitePlace

    url = read_settings().database_url
    if migrations.is_current(url):
        click.echo("The database is current.")
        return
    if check:
        click.echo("The database has another schema than this version needs; run “fedi-cluster migrate”.")
        click.get_current_context().exit(1)
    before, place = migrations.current(url), place_of(url)
    with serving_lock(url):
        if before is not None and isinstance(place, SqlitePlace):
            copy = _copy_before(place, before, SystemClock().now())
            click.echo(f"A copy of the database as it was: {copy}")
        elif before is not None:
            click.echo("No copy is made of PostgreSQL; for a way back make one before: fedi-cluster backup")
        migrations.upgrade(url)
    click.echo("The database is current now.")


def _copy_before(place: "SqlitePlace", revision: str, moment: datetime) -> Path:
    """The database as it is, beside it; raises `ClusterError` where there is no room to go on."""
    from fedi_cluster.cli.copies import stamp_of
    from fedi_cluster.storage.disk import sync

    needed, free = _ROOM * place.size(), shutil.disk_usage(place.file.parent).free
    if free < needed:
        raise ClusterError(
            f"There is no room for a migration: {needed >> 20} MiB are needed in {place.file.parent}, "
            f"{free >> 20} MiB are free; free some, and nothing was changed."
        )
    copy = place.file.with_name(f"{place.file.name}.before-{revision}-{stamp_of(moment)}")
    partial = copy.with_name(f"{copy.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        place.take(partial)
        partial.rename(copy)
    finally:
        partial.unlink(missing_ok=True)
    sync(copy.parent)
    return copy
