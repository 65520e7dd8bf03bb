"""What has served its time is forgotten, in rounds; what may still be needed is not."""

import pytest
from sqlalchemy import func, select, update

from fedi_cluster.federation.inbox import early, retention
from fedi_cluster.federation.remote import log
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.worker import RETRY
from fedi_cluster.storage.tables.federation import delivery, inbox_log
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.tables.posts import tombstone
from fedi_cluster.storage.unit import Reader, Unit
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
            count(inbox_log, inbox_log.c.raw.is_not(None)),
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


async def _stands(town: Town, activity_uri: object, state: str) -> None:
    """As if a fault of ours had left the entry so, with the body that it came with."""

    def write(unit: Unit) -> None:
        one = update(inbox_log).where(inbox_log.c.activity_uri == activity_uri)
        unit.connection.execute(one.values(state=state, reason="a fault of ours", tries=8))

    await town.house.db.write(write)


async def test_what_was_given_up_can_be_worked_again_for_30_days(towns: Towns) -> None:
    town = await towns.found("rietavas", "lt")
    there, ona = stranger(towns), await town.person("ona")
    mia = await fan(there, town, "mia", ona.uri)
    post = await town.post("ona", "Labas")
    likes = [there.activity(mia, "Like", post.uri) for _n in range(2)]
    for like in likes:
        await there.say(town, mia, like)
        await _stands(town, like["id"], log.DEAD)
    await town.house.db.write(retention.begin)
    towns.clock.forward(days=30)
    await town.work()
    [first, second] = await town.house.db.read(log.listed, dead=True)
    assert await town.house.db.write_locking(log.bring_back, first.id) == 1
    await town.work()
    assert await verdicts(town, likes[0]["id"]) == [("done", None)]
    towns.clock.forward(days=4)
    await town.work()
    assert await town.house.db.read(log.listed) == []
    assert await town.house.db.write_locking(log.bring_back, second.id) == 0, "its body is gone"


async def test_what_waits_for_a_job_that_is_gone_is_worked_again(towns: Towns) -> None:
    town = await towns.found("rietavas", "lt")
    there, ona = stranger(towns), await town.person("ona")
    mia = await fan(there, town, "mia", ona.uri)
    post = await town.post("ona", "Labas")
    likes = [there.activity(mia, "Like", post.uri) for _n in range(2)]
    for like in likes:
        await there.say(town, mia, like)
        await _stands(town, like["id"], log.LATER)
    _first, second = await town.house.db.read(log.listed)

    def one_has_a_job(unit: Unit) -> None:
        retry = log.retry_key(second.id)
        later = unit.now + retention.IDS
        standing.stand(unit, "federation.retry", {retry: {"log_id": second.id}}, queue=RETRY, run_at=later)
        assert log.reopen_orphans(unit, 10) == 1

    await town.house.db.write_locking(one_has_a_job)
    await town.work()
    assert await verdicts(town, likes[0]["id"]) == [("done", None)]
    assert await verdicts(town, likes[1]["id"]) == [("waiting", "a fault of ours")]

    def bury(unit: Unit) -> None:
        unit.connection.execute(update(job).where(job.c.queue == RETRY).values(state="dead"))

    await town.house.db.write(bury)
    await town.house.db.write(retention.begin)
    await town.work()
    await town.work()
    assert await verdicts(town, likes[1]["id"]) == [("done", None)]


async def test_little_of_an_instance_waits_for_what_may_never_come(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat: somebody fills the disk with likes of posts that do not exist."""
    monkeypatch.setattr(early, "MOST_OF_A_HOST", 3)
    town = await towns.found("rietavas", "lt")
    ona = await town.person("ona")
    loud, quiet = stranger(towns, "loud.example"), stranger(towns, "quiet.example")
    mia, tom = await fan(loud, town, "mia", ona.uri), await fan(quiet, town, "tom", ona.uri)
    said = [loud.activity(mia, "Like", f"https://elsewhere.example/notes/{n}") for n in range(4)]
    for one in said:
        await loud.say(town, mia, one)
    assert [(await verdicts(town, one["id"]))[0][0] for one in said] == ["done"] * 3 + ["ignored"]
    big = quiet.activity(tom, "Like", "https://elsewhere.example/notes/1", content="x" * early.MOST_BYTES)
    small = quiet.activity(tom, "Like", "https://elsewhere.example/notes/2")
    for one in (big, small):
        await quiet.say(town, tom, one)
    assert [(await verdicts(town, one["id"]))[0][0] for one in (big, small)] == ["ignored", "done"]
