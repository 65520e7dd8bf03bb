"""A region comes back from a copy: the same actors, posts and keys, believed by others, and no id twice."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedi_cluster.app import build_app
from fedi_cluster.cli import restoring
from fedi_cluster.cli.backup import make_copy
from fedi_cluster.cli.copies import Manifest
from fedi_cluster.federation.remote import lanes
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.settings import load
from fedi_cluster.storage.tables.actors import actor, actor_key
from fedi_cluster.storage.tables.federation import delivery
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.tables.posts import post
from fedi_cluster.storage.unit import Reader
from fedi_cluster.wiring import House, close_house, open_house
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


def _environ(town: Town, database_url: str, folder: Path) -> dict[str, str]:
    settings = town.house.settings
    return {
        "FEDI_CLUSTER_BASE_URL": settings.base_url,
        "FEDI_CLUSTER_REGION": settings.region,
        "FEDI_CLUSTER_REGION_NAME": settings.region_name,
        "FEDI_CLUSTER_DATABASE_URL": database_url,
        "FEDI_CLUSTER_DATA_DIR": str(folder),
    }


@dataclass
class Later:
    """A copy of a town, and its way back into another database."""

    sea: Towns
    town: Town
    folder: Path
    database_url: str
    copy: Path
    manifest: Manifest

    def restore(self, *, send: bool = False) -> tuple[House, restoring.Restored]:
        """The town as it was, in the place of the one that is lost."""
        settings = load(None, _environ(self.town, self.database_url, self.folder / "restored"))
        with ExitStack() as mark:
            done = restoring.put_back(
                self.copy, self.manifest, settings, self.sea.clock,
                replace=True, send=send, mark=mark, again="restore",
            )  # fmt: skip
        return open_house(settings, clock=self.sea.clock, transport=self.sea.network), done

    def worker(self, house: House) -> Worker:
        """Works its jobs, and answers in the network from now on."""
        self.sea.network.add(self.town.host, build_app(house))
        return Worker(house.db, house.handlers, self.sea.clock, name="restored")


def _copied(sea: Towns, town: Town, new_database: Callable[[str], str], tmp_path: Path) -> Later:
    settings = town.house.settings
    environ = _environ(town, settings.database_url, tmp_path)
    copy, manifest = make_copy(settings, None, environ, tmp_path / "copies", sea.clock)
    return Later(sea, town, tmp_path, new_database("restored"), copy, manifest)


def _known(reader: Reader) -> list[object]:
    return [
        reader.connection.execute(table.select().order_by(table.primary_key.columns[0])).all()
        for table in (actor, actor_key, post)
    ]


async def test_a_town_comes_back_and_is_believed(
    towns: Towns, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    kept = await szczecin.post("ola", "Przed kopią", to_region=True)
    await towns.settle()
    before = await szczecin.house.db.read(_known)
    later = _copied(towns, szczecin, new_database, tmp_path)
    towns.clock.forward(hours=24)
    lost = await szczecin.post("ola", "Po kopii", to_region=True)
    await towns.settle()
    house, done = later.restore()
    assert (done.migrated, done.held) == (False, 0)
    assert await house.db.read(_known) == before
    later.worker(house)
    again = Town(
        "szczecin", szczecin.host, house, towns.network, later.worker(house), towns.clock, szczecin.client
    )
    towns.towns["szczecin"] = again
    again.people = dict(szczecin.people)
    fresh = await again.post("ola", "Po powrocie", to_region=True)
    await towns.settle()
    assert fresh.uri not in {kept.uri, lost.uri}
    found = await rostock.find(fresh.uri)
    assert found is not None, "what the restored keys signed was not believed"
    assert found.content == fresh.content
    szczecin.house.db.close()


async def test_ids_go_on_where_the_clock_went_back(
    towns: Towns, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    szczecin = await towns.found("szczecin", "pl")
    later = _copied(towns, szczecin, new_database, tmp_path)
    towns.clock.forward(hours=1)
    lost = await szczecin.house.db.write(lambda unit: [unit.new_id() for _ in range(100)])
    house, _ = later.restore()
    towns.clock.forward(hours=-1)
    reopened = open_house(house.settings, clock=towns.clock, transport=towns.network)
    made = [
        number
        for one in (house, reopened)
        for number in await one.db.write(lambda unit: [unit.new_id() for _ in range(100)])
    ]
    assert min(made) > max(lost)
    assert len(set(made)) == 200, "two processes gave the same id"
    await close_house(house)
    await close_house(reopened)


@pytest.mark.parametrize("send", [False, True], ids=["held", "sent"])
async def test_what_waited_goes_out_when_the_host_says_so(
    towns: Towns, new_database: Callable[[str], str], tmp_path: Path, send: bool
) -> None:
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    waiting = await szczecin.post("ola", "Czeka", to_region=True)
    towns.network.down(rostock.host)
    await szczecin.work()
    towns.network.down(rostock.host, False)
    await szczecin.post("ola", "Czeka też", to_region=True)
    later = _copied(towns, szczecin, new_database, tmp_path)
    szczecin.house.db.close()
    house, done = later.restore(send=send)
    worker = later.worker(house)
    towns.clock.forward(minutes=10)
    await worker.drain()
    await rostock.work()
    assert (done.held > 0) is not send
    assert (await rostock.find(waiting.uri) is not None) is send
    if not send:
        reasons = await house.db.read(_reasons)
        assert any(one.startswith("Held: restored from a copy of 2026-11-25T09:00:") for one in reasons)
        await house.db.write(lambda unit: (queue.requeue(unit), lanes.requeue(unit)))
        await worker.drain()
        await rostock.work()
        assert await rostock.find(waiting.uri) is not None
    await close_house(house)


def _reasons(reader: Reader) -> set[str]:
    """Why jobs and deliveries wait for somebody's word."""
    both = (
        job.select().with_only_columns(job.c.error),
        delivery.select().with_only_columns(delivery.c.error),
    )
    return {error for query in both for error in reader.connection.scalars(query) if error}
