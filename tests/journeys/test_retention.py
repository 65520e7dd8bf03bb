"""What has served its time is forgotten, in rounds; what may still be needed is not."""

import pytest
from sqlalchemy import func, select

from fedi_cluster.federation.inbox import retention
from fedi_cluster.storage.tables.federation import delivery, inbox_log
from fedi_cluster.storage.tables.posts import tombstone
from fedi_cluster.storage.unit import Reader
from tests.journeys.following import fan
from tests.towns.looking import jobs, verdicts
from tests.towns.stranger import stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def _counts(town: Town) -> tuple[int, int, int, int]:
    """Entries of the log, those with a body, tombstones, deliveries."""

    def read(reader: Reader) -> tuple[int, int, int, int]:
        def count(table: object, *which: object) -> int:
            statement = select(func.count()).select_from(table).where(*which)  # type: ignore[arg-type]
            return int(reader.connection.execute(statement).scalar_one())

        return (
            count(inbox_log),
            count(inbox_log, inbox_log.c.raw != b""),
            count(tombstone),
            count(delivery),
        )

    return await town.house.db.read(read)


async def test_the_log_loses_its_bodies_then_its_ids(towns: Towns) -> None:
    town = await towns.found("rietavas", "lt")
    there, ona = stranger(towns), await town.person("ona")
    mia = await fan(there, town, "mia", ona.uri)
    post = await town.post("ona", "Labas")
    like = there.activity(mia, "Like", post.uri)
    await there.say(town, mia, like)
    unknown = there.base + "/notes/never"
    gone = there.activity(mia, "Delete", {"type": "Tombstone", "id": unknown})
    await there.say(town, mia, gone)
    early = there.activity(mia, "Like", "https://elsewhere.example/notes/1")
    await there.say(town, mia, early)
    await town.erase(post)
    await town.work()
    towns.network.down(there.host)
    await town.post("ona", "Nepasiekiama")
    await town.work()
    assert await _counts(town) == (4, 4, 2, 1)
    await town.house.db.write(retention.begin)
    await town.work()
    assert await _counts(town) == (4, 4, 2, 1), "all is fresh"
    towns.clock.forward(days=4)
    await town.work()
    assert await _counts(town) == (4, 1, 2, 1), "what waits for its post keeps its body"
    assert (await verdicts(town, like["id"]))[0][0] == "done"
    towns.clock.forward(days=32)
    await town.work()
    assert await _counts(town) == (4, 1, 2, 1), "given up, and listed still"
    towns.clock.forward(days=60)
    await town.work()
    await town.work()
    assert await _counts(town) == (0, 0, 1, 0), "the tombstone of our own post stays"
    assert ("federation.trim", "ready", None) in await jobs(town)
