"""Ledgers of towns as a test looks at them, lost queues, and databases that are put back as they were."""

import os
import shutil
import sqlite3
from pathlib import Path

import httpx
from sqlalchemy import delete

from fedi_cluster.app import build_app
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.shapes import Comparison
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import digests
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.unit import Unit
from fedi_cluster.wiring import open_house
from tests.towns.town import Town, Towns

_QUEUES = ("delivery", "lane", "job")


async def root(town: Town, of: Town) -> str:
    """The digest of all that `town` lists of another town, or of itself."""
    prefix = of.house.at.digest
    period = await town.house.db.write(lambda unit: digests.period(unit, of.host, prefix, ""))
    return period.digest


async def equal(*towns: Town) -> bool:
    """Whether all list the same of each."""
    for of in towns:
        if len({await root(town, of) for town in towns}) > 1:
            return False
    return True


async def comparison(town: Town, sister: Town) -> Comparison:
    """How the last comparison with a sister ended."""
    member = await town.house.db.read(instance_queries.member, sister.host)
    assert member is not None
    return member.comparison


async def empty_queue(town: Town) -> None:
    """Everything that the town still had to do is forgotten, deliveries too."""

    def write(unit: Unit) -> None:
        for name in _QUEUES:
            unit.connection.execute(delete(metadata.tables[name]))

    await town.house.db.write(write)


async def at_once(*towns: Town) -> None:
    """Everybody does what is due at this moment, while no time passes."""
    while sum([await town.work() for town in towns]):
        pass


async def pass_by(towns: Towns, minutes: float = 20) -> None:
    """Time passes, and everybody does what is due meanwhile."""
    towns.clock.forward(minutes=minutes)
    await towns.settle(200)


def copy_of(town: Town, name: str = "copy") -> Path:
    """The database of a town as it is now, taken while it runs (SQLite)."""
    source = Path(town.house.settings.database_url.removeprefix("sqlite:///"))
    target = source.with_name(f"{source.stem}-{name}.sqlite")
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
    return target


async def put_back(towns: Towns, town: Town, copy: Path) -> None:
    """The town is switched off, its database becomes the old copy, and it starts again."""
    await town.client.aclose()
    await town.house.federation.outbound.close()
    town.house.db.close()
    settings = town.house.settings
    file = Path(settings.database_url.removeprefix("sqlite:///"))
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    shutil.copyfile(copy, file)
    os.utime(file)
    town.house = open_house(settings, clock=towns.clock, transport=towns.network)
    app = build_app(town.house)
    towns.network.add(town.host, app)
    town.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{town.host}")
    town.worker = Worker(town.house.db, town.house.handlers, towns.clock, name=town.slug)
    await town.start()


async def lose_a_deletion(towns: Towns, town: Town) -> Post:
    """A post that all sisters know as deleted, while the town's own database is of the time before."""
    post = await town.post("atelier", "Pomyłka", to_region=True)
    await towns.settle()
    copy = copy_of(town)
    await town.erase(post)
    await pass_by(towns, 1)
    await put_back(towns, town, copy)
    return post
