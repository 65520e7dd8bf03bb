"""Lanes to other instances: in order, each by itself, cut off and taken up again, given up and brought back."""

import asyncio
from datetime import timedelta

import pytest

from fedi_cluster.federation.remote import lanes, reach
from fedi_cluster.jobs import reports
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.storage.unit import Unit
from tests.journeys.following import fan
from tests.towns.looking import deliveries, jobs
from tests.towns.stranger import Served, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def lane(town: Town, host: str) -> lanes.LaneReport:
    [found] = await town.house.db.read(lanes.report, host)
    return found


def tries(sea: Towns, there: Stranger) -> int:
    """How often somebody knocked there."""
    return len(sea.network.sent_to(there.host, "POST"))


async def test_what_goes_to_one_instance_arrives_in_its_order(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "order.example"), await szczecin.person("ania")
    await fan(there, szczecin, "mia", ola.uri)
    there.received.clear()
    sea.network.down(there.host)
    posts = [await szczecin.post("ania", f"Nr {n}") for n in range(120)]
    await szczecin.work()
    listed = await szczecin.house.db.read(lanes.listed, there.host, limit=1000)
    waiting = [str(one.activity) for one in listed]
    assert len(waiting) == 120
    assert [kind for kind, _state, _why in await jobs(szczecin)].count("federation.deliver") == 1
    sea.network.down(there.host, False)
    sea.clock.forward(seconds=30)
    await szczecin.work()
    # The order of the lane is that of its deliveries; several workers tell of different posts at once.
    assert [str(one["id"]) for one in there.heard("Create")] == waiting
    sent = [one["object"] for one in there.heard("Create")]
    assert {one["id"] for one in sent if isinstance(one, dict)} == {post.uri for post in posts}
    assert await deliveries(szczecin, there.host) == []
    after = await lane(szczecin, there.host)
    assert (after.waiting, after.failures, after.failing_since, after.error) == (0, 0, None, None)
    assert after.reached_at == sea.clock.now()
    assert await jobs(szczecin) == [] or "federation.deliver" not in {k for k, _, _ in await jobs(szczecin)}


async def test_a_lane_that_fails_knocks_once_and_holds_nobody_else(sea: Towns, szczecin: Town) -> None:
    dead, alive = stranger(sea, "dead.example"), stranger(sea, "alive.example")
    ola = await szczecin.person("bela")
    for there in (dead, alive):
        await fan(there, szczecin, "mia", ola.uri)
    sea.network.down(dead.host)
    before = tries(sea, dead)
    for n in range(3):
        await szczecin.post("bela", f"Raz {n}")
    await szczecin.work()
    assert len(alive.heard("Create")) == 3
    assert tries(sea, dead) == before + 1
    # New posts do not make it knock sooner.
    await szczecin.post("bela", "Cztery")
    await szczecin.work()
    assert tries(sea, dead) == before + 1
    found = await lane(szczecin, dead.host)
    assert (found.waiting, found.failures, found.open) == (4, 1, False)
    assert found.error is not None


async def test_the_way_of_retries(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "steps.example"), await szczecin.person("cela")
    await fan(there, szczecin, "mia", ola.uri)
    sea.network.down(there.host)
    await szczecin.post("cela", "Raz")
    await szczecin.work()
    for wait in (30, 120, 480, 1800, 7200, 21600):
        before = tries(sea, there)
        sea.clock.forward(seconds=wait - 1)
        await szczecin.work()
        assert tries(sea, there) == before, wait
        sea.clock.forward(seconds=1)
        await szczecin.work()
        assert tries(sea, there) == before + 1, wait


async def test_who_speaks_but_is_out_of_reach_is_probed_ever_less(sea: Towns, szczecin: Town) -> None:
    """Threat REL-035: what comes in says nothing of the way out."""
    there, ola = stranger(sea, "deaf.example"), await szczecin.person("dela")
    mia = await fan(there, szczecin, "mia", ola.uri)
    post = await szczecin.post("dela", "Raz")
    await szczecin.work()
    sea.network.refuse(f"{there.base}/inbox", 500)
    await szczecin.post("dela", "Dwa")
    await szczecin.work()
    before = tries(sea, there)
    for _minute in range(120):
        sea.clock.forward(seconds=5)
        await there.post(szczecin, mia, there.activity(mia, "Like", post.uri))
        await szczecin.work()
    assert tries(sea, there) - before < 12
    found = await lane(szczecin, there.host)
    assert found.failures > 1
    assert found.open, "five failures within ten minutes cut the lane off"
    sea.network.refuse(f"{there.base}/inbox", None)
    sea.clock.forward(minutes=31)
    await szczecin.work()
    assert len(there.heard("Create")) == 2
    assert not (await lane(szczecin, there.host)).open


async def test_what_was_given_up_is_listed_and_goes_when_it_is_brought_back(
    sea: Towns, szczecin: Town
) -> None:
    there, ola = stranger(sea, "again.example"), await szczecin.person("ela")
    await fan(there, szczecin, "mia", ola.uri)
    there.received.clear()
    sea.network.answer(there.host, 422)
    first = await szczecin.post("ela", "Nie rozumiem")
    second = await szczecin.post("ela", "Rozumiem")
    await szczecin.work()
    ((_inbox, state, why),) = await deliveries(szczecin, there.host)
    assert state == "dead"
    assert "422" in (why or "")
    [listed] = await szczecin.house.db.read(lanes.listed, there.host, dead=True)
    document = await szczecin.document(str(listed.activity))
    assert document["type"] == "Create"
    assert await szczecin.house.db.write_locking(lanes.requeue, host="nobody.example") == 0
    assert await szczecin.house.db.write_locking(lanes.requeue, host=there.host) == 1
    await szczecin.work()
    sent = [one["object"] for one in there.heard("Create")]
    assert {one["id"] for one in sent if isinstance(one, dict)} == {second.uri, first.uri}


async def test_nothing_goes_to_a_closed_inbox_until_its_instance_speaks(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "closed.example"), await szczecin.person("fela")
    mia = await fan(there, szczecin, "mia", ola.uri)
    sea.network.answer(there.host, 410)
    post = await szczecin.post("fela", "Raz")
    await szczecin.work()
    before = tries(sea, there)
    await szczecin.post("fela", "Dwa")
    await szczecin.work()
    assert tries(sea, there) == before
    assert [state for _inbox, state, _why in await deliveries(szczecin, there.host)] == ["dead"]
    sea.clock.forward(minutes=2)
    await there.say(szczecin, mia, there.activity(mia, "Like", post.uri))
    await szczecin.post("fela", "Trzy")
    await szczecin.work()
    assert tries(sea, there) == before + 1


async def test_an_inbox_that_cannot_be_one_harms_nobody(sea: Towns, szczecin: Town) -> None:
    """Threat DOS-048: one follower of many with an address that was stored before it was checked."""
    there, ola = stranger(sea, "sound.example"), await szczecin.person("gala")
    await fan(there, szczecin, "mia", ola.uri)
    await szczecin.post("gala", "Raz")
    await szczecin.work()

    def spoil(unit: Unit) -> None:
        known = unit.connection.exec_driver_sql("SELECT max(id) FROM activity").scalar_one()
        signer = unit.connection.exec_driver_sql("SELECT max(actor_id) FROM activity").scalar_one()
        for inbox in ("https://[half", "http://10.0.0.1:99999/inbox", "ftp://x/inbox", f"{there.base}/inbox"):
            lanes.add(unit, [inbox], signer, activity_id=known)

    before = tries(sea, there)
    await szczecin.house.db.write_locking(spoil)
    await szczecin.work()
    assert tries(sea, there) == before + 1
    odd = {inbox: state for inbox, state, _why in await deliveries(szczecin) if there.base not in inbox}
    assert [
        state for inbox, state in odd.items() if "half" in inbox or "ftp" in inbox or "10.0" in inbox
    ] == ["dead"] * 3


async def test_a_worker_that_dies_in_the_middle_loses_nothing(sea: Towns, szczecin: Town) -> None:
    """What arrived but was not written down is sent again under the same id; all else once."""
    there, ola = stranger(sea, "killed.example"), await szczecin.person("hela")
    await fan(there, szczecin, "mia", ola.uri)
    there.received.clear()
    posts = [await szczecin.post("hela", f"Nr {n}") for n in range(30)]
    town = szczecin.house
    reached = asyncio.Event()
    original = there._inbox

    async def counted(request: object) -> object:
        answer = await original(request)  # type: ignore[arg-type]
        if len(there.received) >= 12:
            reached.set()
        return answer

    there._inbox = counted  # type: ignore[method-assign, assignment]
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(town.db, town.handlers, sea.clock, name="dies").run(stop))
    await asyncio.wait_for(reached.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    there._inbox = original  # type: ignore[method-assign]
    sea.clock.forward(minutes=3)
    await szczecin.work()
    sent = [str(one["id"]) for one in there.heard("Create")]
    objects = [one["object"] for one in there.heard("Create")]
    seen = dict.fromkeys(str(one["id"]) for one in objects if isinstance(one, dict))
    assert set(seen) == {post.uri for post in posts}
    assert len(set(sent)) == 30


async def test_a_breaker_counts_only_within_its_window() -> None:
    from tests.towns.town import TownClock

    clock = TownClock()
    way = reach.Way("x.example", 0, None, 0, None)
    for _n in range(4):
        way = way.after_failure(clock.now())
        clock.forward(minutes=2)
    assert (way.failures, way.is_open) == (4, False)
    clock.forward(minutes=3)
    way = way.after_failure(clock.now())
    assert (way.failures, way.burst, way.is_open) == (5, 1, False)
    for _n in range(4):
        way = way.after_failure(clock.now() + timedelta(seconds=1))
    assert way.is_open


async def test_a_post_to_many_costs_one_delivery_for_each_instance(sea: Towns, szczecin: Town) -> None:
    ola = await szczecin.person("iwka")
    here = [stranger(sea, f"many{n}.example") for n in range(4)]
    for there in here:
        for name in ("mia", "tom", "eva"):
            await fan(there, szczecin, name, ola.uri)
        there.received.clear()
    post = await szczecin.post("iwka", "Do wszystkich")
    [told] = [
        job
        for job in await szczecin.house.db.read(reports.list_jobs, limit=10_000)
        if job.kind == "federation.send_post" and job.payload["post_id"] == post.id
    ]
    outcome = await szczecin.house.handlers["federation.send_post"](told)
    before = szczecin.house.db.commits
    await szczecin.house.db.write_locking(outcome)
    assert szczecin.house.db.commits == before + 1
    for there in here:
        assert len(await deliveries(szczecin, there.host)) == 1
    await szczecin.work()
    for there in here:  # the job itself did it again, which changes nothing: the activity is the same
        assert len({str(one["id"]) for one in there.heard("Create")}) == 1


async def test_who_asked_for_patience_is_not_probed_at_each_word(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "patient.example"), await szczecin.person("jola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    post = await szczecin.post("jola", "Raz")
    await szczecin.work()
    there.answers.append(Served(b"", 429, (("Retry-After", "3600"),)))
    await szczecin.post("jola", "Dwa")
    await szczecin.work()
    before = tries(sea, there)
    for _minute in range(9):
        sea.clock.forward(minutes=6)
        await there.say(szczecin, mia, there.activity(mia, "Like", post.uri))
    assert tries(sea, there) == before
    sea.clock.forward(minutes=7)
    await szczecin.work()
    assert tries(sea, there) == before + 1
