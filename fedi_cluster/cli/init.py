"""`init`: founds an instance in a folder of its own; it refuses a folder that has one already."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import CONFIG_FILE, asynchronous, config_option, is_terminal
from fedi_cluster.kernel.errors import Conflict, Invalid
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

if TYPE_CHECKING:
    from fedi_cluster.community.regions.founding import Founded, Founding
    from fedi_cluster.settings import Settings

_ZONES = {
    "pl": "Europe/Warsaw",
    "de": "Europe/Berlin",
    "lt": "Europe/Vilnius",
    "sv": "Europe/Stockholm",
    "en": "UTC",
}


@click.command()
@click.option(
    "--base-url", metavar="URL", help="Its public address; it can never change: https://szczecin.example"
)
@click.option("--region", metavar="SLUG", help="The region's short name in addresses: szczecin")
@click.option("--name", metavar="TEXT", help="The region's name as people read it: Szczecin")
@click.option("--lang", type=click.Choice(PAGE_LANGUAGES), help="The language of its pages and first texts.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder for settings, database and files; it is made.",
)
@click.option(
    "--handle-domain", metavar="DOMAIN", help="What stands behind the @, if not the host. Never changes."
)
@click.option("--description", metavar="TEXT", help="What the instance is for, in a sentence.")
@click.option(
    "--editorial", metavar="NAME", help="Name of the editorial account (else redakcja, redaktion, …)."
)
@click.option("--time-zone", metavar="ZONE", help="Time zone of dates on pages (else that of the language).")
@click.option("--bind", metavar="HOST:PORT", help="Where the server listens (else 127.0.0.1:8000).")
@click.option("--database-url", metavar="URL", help="PostgreSQL, or a file (else an SQLite file in DIR).")
@click.option(
    "--private-networks",
    metavar="NETWORKS",
    help="For closed networks and tests: networks that may be reached, with commas: 127.0.0.0/8",
)
@config_option
@asynchronous
async def init(**given: str | Path | None) -> None:
    """Found an instance: settings, database, keys, region and editorial account.

    Asks at a terminal for what is missing. Writes DIR/fedi-cluster.toml, readable by you alone, and touches
    nothing that is there.

    \b
    Example:
      fedi-cluster init --base-url https://szczecin.example --region szczecin \\
        --name Szczecin --lang pl --data-dir /var/lib/fedi-cluster
    """
    said = _complete(given)
    file = _new_file(Path(str(said["data_dir"])))
    settings = _write_settings(file, said)
    try:
        founded = await _found(settings, str(said["editorial"] or ""))
    except BaseException:
        file.unlink(missing_ok=True)  # so that a second try is not refused
        raise
    _tell(file, settings, founded)


def _new_file(folder: Path) -> Path:
    """Where the settings go; makes the folder. Raises `Conflict` where an instance is there already."""
    file = folder.absolute() / CONFIG_FILE
    if file.exists():
        raise Conflict(f"There is an instance in {folder} already ({file}); choose another --data-dir.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return file


def _complete(given: Mapping[str, str | Path | None]) -> dict[str, str | Path | None]:
    """What was given or is asked for; raises a usage error where nobody can be asked."""
    said = dict(given)
    missing = [name for name in ("base_url", "region", "name", "lang", "data_dir") if not said[name]]
    if missing and not is_terminal():
        names = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise click.UsageError(f"Missing: {names} (at a terminal, init asks for them).")
    if "base_url" in missing:
        said["base_url"] = click.prompt(
            "Public address, such as https://szczecin.example (it can never change)"
        )
    if "region" in missing:
        said["region"] = click.prompt("Short name of the region in addresses, such as szczecin")
    if "name" in missing:
        said["name"] = click.prompt(
            "Name of the region as people read it", default=str(said["region"]).title()
        )
    if "lang" in missing:
        said["lang"] = click.prompt("Language", type=click.Choice(PAGE_LANGUAGES))
    if "data_dir" in missing:
        said["data_dir"] = click.prompt("Folder for the data", default=f"./{said['region']}")
    return said


def _write_settings(file: Path, said: Mapping[str, str | Path | None]) -> "Settings":
    """A new settings file with what was said, read back; raises SettingsError, and leaves no file then."""
    from fedi_cluster.settings import SettingsError, load, write_file

    lang = str(said["lang"])
    values: dict[str, object] = {
        "base_url": said["base_url"],
        "region": said["region"],
        "region_name": said["name"],
        "language": lang,
        "time_zone": said["time_zone"] or _ZONES[lang],
    }
    for name in ("handle_domain", "description", "bind", "database_url"):
        if said[name]:
            values[name] = said[name]
    if said["private_networks"]:
        values["private_networks"] = [part.strip() for part in str(said["private_networks"]).split(",")]
    write_file(values, file)
    try:
        return load(file, os.environ)
    except SettingsError:
        file.unlink()
        raise


async def _found(settings: "Settings", editorial: str) -> "Founded":
    from fedi_cluster.community.regions.founding import found
    from fedi_cluster.storage import migrate
    from fedi_cluster.wiring import close_house, open_house

    migrate.upgrade(settings.database_url)
    house = open_house(settings)
    try:
        command = founding_of(settings, editorial)
        return await house.db.write(found, house.at, command)
    finally:
        await close_house(house)


def founding_of(settings: "Settings", editorial: str = "") -> "Founding":
    """The founding that the settings describe, with fresh keys; `editorial` is the office's name if not the
    usual one of the language."""
    from fedi_cluster.cli.keys import fresh_keys
    from fedi_cluster.community.regions.founding import EDITORIAL_NAMES, Founding
    from fedi_cluster.kernel.addresses import Addresses

    at = Addresses(settings.base_url, settings.handle_domain)
    name = editorial or EDITORIAL_NAMES[settings.language]
    return Founding(
        region=settings.region,
        region_name=settings.region_name,
        language=settings.language,
        description=settings.description,
        editorial=name,
        instance_keys=fresh_keys(at.instance_actor),
        region_keys=fresh_keys(at.region),
        editorial_keys=fresh_keys(at.actor(name)),
    )


def _tell(file: Path, settings: "Settings", founded: "Founded") -> None:
    click.echo(f"Founded {settings.region_name} at {settings.base_url}.")
    click.echo(f"  Settings           {file}")
    click.echo(f"  Region             @{founded.region.handle}")
    click.echo(f"  Editorial account  @{founded.editorial.handle}")
    click.echo("Now:")
    click.echo(f"  fedi-cluster --config {file} user add NAME --email E --role host")
    click.echo(f"  fedi-cluster --config {file} serve")
