"""`backup`: a whole copy of an instance while it runs; it refuses a place without room, and half copies."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import config_file, config_option, read_settings
from fedi_cluster.kernel.errors import ClusterError, NotFound

if TYPE_CHECKING:
    from fedi_cluster.cli.copies import Manifest
    from fedi_cluster.kernel.clock import Clock
    from fedi_cluster.settings import Settings

_SPARE = 16 << 20  # bytes for what is small: settings, manifest, folders


@click.command()
@click.argument("place", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep",
    "number",
    type=click.IntRange(1),
    metavar="N",
    help="Remove older whole copies of this instance in DIR, so that N are there.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@config_option
def backup(place: Path, number: int | None, as_json: bool) -> None:
    """Copy the instance into a new folder in DIR, also while it runs.

    The copy has the database with its keys, the settings file, the variables that were in force, and the
    files of data_dir. Whoever has it can speak in the instance's name: keep it where only you can read it,
    and on another machine. It is examined before it counts, and its folder gets its name when all is on the
    disk. “fedi-cluster restore” puts it back.

    \b
    Example:
      fedi-cluster backup /var/backups/fedi-cluster --keep 7
    """
    from fedi_cluster.cli.copies import remove_older
    from fedi_cluster.kernel.clock import SystemClock, to_wire
    from fedi_cluster.storage.unfinished import refuse_unfinished

    settings = read_settings()
    refuse_unfinished(settings.data_dir)
    copy, manifest = make_copy(settings, config_file(), os.environ, place, SystemClock())
    removed = remove_older(place, copy, manifest, number) if number else []
    size = sum(file.size for file in manifest.files)
    if as_json:
        said = {
            "copy": str(copy), "host": manifest.host, "made_at": to_wire(manifest.made_at), "size": size,
            "schema": manifest.schema, "counts": manifest.counts, "removed": removed,
        }  # fmt: skip
        click.echo(json.dumps(said, ensure_ascii=False))
        return
    counts = manifest.counts
    gone = f"; removed {len(removed)} older" if removed else ""
    click.echo(
        f"Copied {manifest.host} to {copy}: {counts.get('actor', 0)} actors, {counts.get('post', 0)} posts, "
        f"{size / (1 << 20):.1f} MiB{gone}."
    )


def make_copy(
    settings: "Settings", file: Path | None, environ: Mapping[str, str], place: Path, clock: "Clock"
) -> tuple[Path, "Manifest"]:
    """A new copy in the folder `place`, and what it says of itself.

    `file` is the settings file (None: variables alone). Raises `ClusterError` where the database is missing,
    belongs to another instance or to a newer version, and where `place` has no room or cannot be written.
    """
    from fedi_cluster import __version__
    from fedi_cluster.cli import copies
    from fedi_cluster.storage.copies import place_of

    _check_database(settings)
    moment = clock.now()
    database = place_of(settings.database_url)
    ours = [folder for name in copies.OWN_FOLDERS if (folder := settings.data_dir / name).is_dir()]
    _check_room(place, database.size() + sum(map(_size, ours)))
    with copies.new_copy(place, settings.host, moment) as partial:
        contents = database.take(partial / database.file_name)
        database.examine(partial / database.file_name)
        if file is not None:
            copies.add_text(partial, copies.SETTINGS, file.read_bytes())
        if variables := _variables(environ):
            text = json.dumps(variables, indent=2, ensure_ascii=False) + "\n"
            copies.add_text(partial, copies.ENVIRONMENT, text.encode())
        for folder in ours:
            copies.add_tree(partial, folder)
        manifest = copies.Manifest(
            format=copies.FORMAT,
            version=__version__,
            schema=contents.schema or "",
            engine=database.engine,
            host=settings.host,
            base_url=settings.base_url,
            made_at=moment,
            files=copies.listed(partial),
            counts=dict(contents.counts),
        )
        return copies.keep(partial, manifest), manifest


def _check_database(settings: "Settings") -> None:
    """The database may be of an older version: a copy is wanted before a migration."""
    from fedi_cluster.community.regions.founding import check_identity
    from fedi_cluster.kernel.clock import SystemClock
    from fedi_cluster.kernel.ids import IdSource
    from fedi_cluster.storage import migrate
    from fedi_cluster.storage.database import Database

    path = settings.database_url.removeprefix("sqlite:///")
    if path != settings.database_url and not Path(path).exists():
        raise NotFound(f"There is no database {path} yet; run “fedi-cluster init”.")
    revision = migrate.current(settings.database_url)
    migrate.is_newest(revision)
    if revision is None:
        raise NotFound("This instance is not founded yet; run “fedi-cluster init”.")
    db = Database(settings.database_url, SystemClock(), IdSource())
    try:
        db.read_now(check_identity, settings)
    finally:
        db.close()


def _check_room(place: Path, needed: int) -> None:
    """Makes the folder; raises `ClusterError` where it cannot be written or lacks `needed` bytes and some."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ClusterError(f"The folder {place} cannot be made: {error.strerror}.") from error
    if not os.access(place, os.W_OK | os.X_OK):
        raise ClusterError(f"The folder {place} cannot be written; choose one that this user may write.")
    free = shutil.disk_usage(place).free
    if free < needed + _SPARE:
        raise ClusterError(
            f"There is no room in {place}: the copy may take {(needed + _SPARE) >> 20} MiB, "
            f"{free >> 20} MiB are free."
        )


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of settings that were in force beside the file."""
    from fedi_cluster.settings import all_settings

    names = {setting.variable for setting in all_settings()}
    return {name: text for name, text in sorted(environ.items()) if name in names}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
