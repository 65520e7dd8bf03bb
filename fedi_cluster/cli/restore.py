"""`restore`: an instance from a copy, whole and checked, or nothing; it deletes no database that is there."""

import json
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import config_file, config_option, read_settings

if TYPE_CHECKING:
    from fedi_cluster.cli.copies import Manifest
    from fedi_cluster.cli.restoring import Restored


@click.command()
@click.argument("copy", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data-dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Take the settings of the copy, too, into this folder; it is made.",
)
@click.option("--bind", metavar="HOST:PORT", help="With --data-dir: where the server listens from now on.")
@click.option("--database-url", metavar="URL", help="With --data-dir: another database of the same engine.")
@click.option("--replace", is_flag=True, help="Move what is there aside; nothing is deleted.")
@click.option("--send", is_flag=True, help="Let deliveries that waited in the copy go out at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def restore(  # noqa: PLR0917 - click names them all
    copy: Path,
    folder: Path | None,
    bind: str | None,
    database_url: str | None,
    replace: bool,
    send: bool,
    as_json: bool,
) -> None:
    """Put a copy of “fedi-cluster backup” back: with the settings that are here, or with those of the copy.

    Without --data-dir the present settings say where the database goes (SQLite to SQLite, PostgreSQL to
    PostgreSQL). With it, DIR gets a settings file made of the copy's file and variables. The copy is checked
    from end to end before anything is changed.

    Deliveries that waited in the copy are held back: since then some of it may have been edited or deleted.
    When “cluster recover” has brought that back, “jobs retry --all” sends them; who has them already knows
    them by their ids. With --send they go out at once.

    \b
    Examples:
      fedi-cluster restore /var/backups/fedi-cluster/szczecin.example-20261126T061357Z --replace
      fedi-cluster restore szczecin.example-20261126T061357Z --data-dir /var/lib/fedi-cluster
    """
    from fedi_cluster.cli import restoring
    from fedi_cluster.cli.copies import check_files, read_manifest
    from fedi_cluster.kernel.clock import SystemClock

    if (bind or database_url) and folder is None:
        raise click.UsageError("--bind and --database-url go with --data-dir: they change its settings file.")
    manifest = read_manifest(copy)
    check_files(copy, manifest)
    clock = SystemClock()
    changes = {"bind": bind, "database_url": database_url}
    with ExitStack() as mark:  # which ends when the settings are in their place, too
        put_back = partial(
            restoring.put_back, copy, manifest, clock=clock, replace=replace, send=send, mark=mark,
            again=_again(copy, folder, changes, send=send),
        )  # fmt: skip
        if folder is None:
            restored = put_back(read_settings())
        else:
            with restoring.settings_from(copy, manifest, folder, changes, clock, replace=replace) as settings:
                restored = put_back(settings)
    _tell(manifest, restored, as_json)


def _again(copy: Path, folder: Path | None, changes: Mapping[str, str | None], *, send: bool) -> str:
    """The command that does the same once more; an address of a database, which may hold a password, is left
    to the host."""
    words = ["fedi-cluster", "restore", str(copy.absolute()), "--replace"]
    if folder is not None:
        words += ["--data-dir", str(folder.absolute())]
    elif file := config_file():
        words += ["--config", str(file.absolute())]
    if changes["bind"]:
        words += ["--bind", changes["bind"]]
    if changes["database_url"]:
        words += ["--database-url", "URL"]
    return shlex.join([*words, "--send"] if send else words)


def _tell(manifest: "Manifest", restored: "Restored", as_json: bool) -> None:
    """What was done, and what the host does next."""
    from fedi_cluster.kernel.clock import to_wire

    if as_json:
        said = {
            "host": manifest.host, "made_at": to_wire(manifest.made_at), "schema": manifest.schema,
            "migrated": restored.migrated, "aside": restored.aside, "held": restored.held,
            "due_again": restored.due_again,
        }  # fmt: skip
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    counts = manifest.counts
    click.echo(
        f"Restored {manifest.host} as it was at {to_wire(manifest.made_at)}: "
        f"{counts.get('actor', 0)} actors, {counts.get('post', 0)} posts."
    )
    for place in restored.aside:
        click.echo(f"What was there before is kept: {place}")
    click.echo("Next: start it (fedi-cluster serve). See what the sisters have that the copy has not:")
    click.echo("  fedi-cluster cluster status")
    click.echo("and take back from them what was published, edited and deleted since the copy:")
    click.echo("  fedi-cluster cluster recover")
    if restored.held:
        click.echo(f"Then send what waited in the copy, {restored.held} in all, or leave it:")
        click.echo("  fedi-cluster jobs retry --all")
