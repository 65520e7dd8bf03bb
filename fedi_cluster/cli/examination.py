"""Examines an instance, from its settings up to its sisters, and tells what it finds; it changes nothing."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from fedi_cluster.cli.findings import Finding, fine, mind, wrong
from fedi_cluster.cli.reaching import examine_self, examine_sisters
from fedi_cluster.community.regions.founding import check_identity
from fedi_cluster.federation.remote import lanes
from fedi_cluster.jobs import reports
from fedi_cluster.jobs.worker import CAPACITY
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.outbound.guard import is_public
from fedi_cluster.settings import Settings, SettingsError, load
from fedi_cluster.storage import migrate
from fedi_cluster.storage.unit import Reader
from fedi_cluster.wiring import close_house, open_house

LITTLE_DISK = 1 << 30
NO_DISK = 100 << 20
"""Bytes that are free where the data is."""

STUCK_AFTER = timedelta(minutes=10)


async def examine(file: Path | None) -> list[Finding]:
    """All findings, in the order in which one rests on the other; what rests on a fault is not examined."""
    try:
        settings = load(file, os.environ)
    except SettingsError as error:
        return [wrong(fault, "Correct this line or variable.") for fault in error.faults]
    found = [fine(f"The settings are right ({file or 'variables alone'}).")]
    found += [_private_networks(settings), *_disk(settings)]
    database = _database(settings)
    if database is not None:
        return [*found, database]
    house = open_house(settings)
    try:
        try:
            house.db.read_now(check_identity, settings)
        except ClusterError as error:
            return [*found, wrong(error.public, "A server refuses to start like this.")]
        found.append(fine("The database is there, current, and belongs to this instance."))
        found += await examine_self(house)
        found += await examine_sisters(house)
        found += house.db.read_now(_queue)
    finally:
        await close_house(house)
    return found


def _private_networks(settings: Settings) -> Finding:
    networks = ", ".join(str(network) for network in settings.private_networks)
    if not networks:
        return fine("Only public addresses are reached.")
    inner = [one for one in settings.private_networks if not is_public(one.network_address)]
    where = "your inner network" if inner else "these networks"
    if settings.secure:
        return mind(
            f"private_networks ({networks}) opens {where} to requests that strangers cause.",
            "Empty it, unless this instance lives in a closed network.",
        )
    return mind(
        f"This instance speaks plain http within {networks}: right for a test, wrong for the public.",
        "A public instance has an https base_url and no private_networks; found it anew.",
    )


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        yield wrong(f"The data folder {folder} is missing.", "Make it, or correct data_dir.")
        return
    if not os.access(folder, os.W_OK):
        yield wrong(
            f"The data folder {folder} cannot be written by this user.",
            "Run this as the server's user, or give it the folder: chown -R USER FOLDER.",
        )
    free = shutil.disk_usage(folder).free
    said = f"{free / (1 << 30):.1f} GiB are free where the data is."
    if free < NO_DISK:
        yield wrong(said, "Free some at once: without room nothing can be stored.")
    elif free < LITTLE_DISK:
        yield mind(said, "Free some, or move data_dir to a larger disk.")
    else:
        yield fine(said)


def _database(settings: Settings) -> Finding | None:
    """What is wrong with the database; None where it can be opened."""
    path = settings.database_url.removeprefix("sqlite:///")
    if path != settings.database_url and not Path(path).exists():
        return wrong(f"There is no database {path}.", "Found the instance: fedi-cluster init.")
    try:
        current = migrate.is_current(settings.database_url)
    except migrate.NewerSchema as error:
        return wrong(error.public, "A server refuses to start like this; nothing in the database is lost.")
    except ClusterError as error:
        return wrong(error.public, error.detail if error.detail != error.public else "See database_url.")
    except Exception as error:  # whatever a driver raises: this command is for when things are broken
        cause = " ".join(str(getattr(error, "orig", error)).split())
        return wrong(f"The database cannot be reached: {cause}", "Start it, or correct database_url.")
    if not current:
        return wrong(
            "The database has another schema than this version needs.",
            "Make a copy of it, then run: fedi-cluster migrate.",
        )
    return None


def _queue(reader: Reader) -> list[Finding]:
    found: list[Finding] = []
    due = min(reports.next_runs(reader, CAPACITY).values(), default=None)
    if due is not None and reader.now - due > STUCK_AFTER:
        found.append(
            wrong(
                f"Work has been due since {to_wire(due)}, and nobody does it.",
                "Start the server, or “fedi-cluster work” where it runs with --no-jobs.",
            )
        )
    found += [
        mind(
            f"{lane.waiting} deliveries wait for {lane.host}; {lane.failures} tries failed: {lane.error}",
            "They are tried again by themselves, and at once when the other side speaks to us.",
        )
        for lane in lanes.report(reader)
        if lane.failing_since is not None and reader.now - lane.failing_since > STUCK_AFTER
    ]
    given_up = sum(lane.dead for lane in lanes.report(reader))
    if given_up:
        found.append(
            mind(
                f"{given_up} deliveries were given up.",
                "See “fedi-cluster deliveries list --dead”; again: fedi-cluster deliveries retry --all.",
            )
        )
    counts = reports.counts(reader)
    if counts.dead:
        found.append(
            mind(
                f"{counts.dead} jobs were given up.",
                "See “fedi-cluster jobs list --dead”; when the cause is gone: fedi-cluster jobs retry --all.",
            )
        )
    return found or [fine("The queue flows.")]
