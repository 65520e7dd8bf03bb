"""The inbox log: worked in order and in batches, each activity once, a fault of one harming no other."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from fedi_cluster.federation.inbox import process
from fedi_cluster.federation.inbox.handlers.table import HANDLERS
from fedi_cluster.federation.inbox.message import Message
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Like
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Reader, Unit
from tests.journeys.following import fan, known
from tests.towns.looking import deliveries, jobs, row_counts, verdicts
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def _followed(sea: Towns, town: Town, host: str) -> tuple[Stranger, Guest]:
    """A stranger whose person somebody here follows, and who follows her."""
    there, ola = stranger(sea, host), await town.person("ola")
    return there, await fan(there, town, "mia", ola.uri)


async def _tell(there: Stranger, town: Town, who: Guest, said: list[Json]) -> None:
    for one in said:
        assert (await there.post(town, who, one)).status_code == 202


async def test_a_batch_is_one_transaction_and_keeps_the_order(sea: Towns, szczecin: Town) -> None:
    there, mia = await _followed(sea, szczecin, "batch.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    likes = [there.activity(mia, "Like", post.uri) for _n in range(3)]
    undo = there.activity(mia, "Undo", {**likes[2], "object": post.uri})
    note = there.note(mia, "Odpowiedź", inReplyTo=post.uri)
    changed = {**note, "content": "<p>Lepiej</p>", "updated": "2027-01-01T00:00:00Z"}
    said = [*likes, undo, there.create(mia, note), there.activity(mia, "Update", changed)]
    await _tell(there, szczecin, mia, said)
    assert [kind for kind, _s, _w in await jobs(szczecin)].count("federation.process") == 1
    before = szczecin.house.db.commits
    await szczecin.house.handlers["federation.process"](await _lane_job(szczecin, there.host))
    assert szczecin.house.db.commits == before + 1
    assert (await known(szczecin, note["id"])).content == "<p>Lepiej</p>"
    for one in said:
        assert (await verdicts(szczecin, one["id"]))[0][0] == "done"
    assert (await known(szczecin, post.uri)).likes_count == 0, "the Undo takes back all of the same two sides"


async def _lane_job(town: Town, host: str):  # type: ignore[no-untyped-def]
    from fedi_cluster.jobs import reports

    found = await town.house.db.read(reports.list_jobs, limit=10_000)
    [job] = [one for one in found if one.key == f"in:{host}"]
    return job


async def test_the_same_activity_three_times_counts_once(sea: Towns, szczecin: Town) -> None:
    there, mia = await _followed(sea, szczecin, "thrice.example")
    post = await szczecin.post("ola", "Dwa")
    await szczecin.work()
    note = there.note(mia, "Trzy razy", inReplyTo=post.uri)
    create = there.create(mia, note)
    for _n in range(3):
        await _tell(there, szczecin, mia, [create])
    answers = await asyncio.gather(*(there.post(szczecin, mia, create) for _n in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    await szczecin.work()
    await _tell(there, szczecin, mia, [create])
    await szczecin.work()
    assert len(await verdicts(szczecin, create["id"])) == 1
    assert (await known(szczecin, post.uri)).replies_count == 1


async def test_what_needs_the_network_waits_for_nobody_and_keeps_its_place(
    sea: Towns, szczecin: Town
) -> None:
    there, mia = await _followed(sea, szczecin, "mixed.example")
    post = await szczecin.post("ola", "Trzy")
    await szczecin.work()
    tom = there.person("tom")
    said = [
        there.activity(mia, "Like", post.uri),
        there.activity(tom, "Like", post.uri),  # not known here: his server is asked
        there.activity(mia, "Announce", post.uri),
    ]
    for one, who in zip(said, (mia, tom, mia), strict=True):
        await _tell(there, szczecin, who, [one])
    await szczecin.work()
    assert [(await verdicts(szczecin, one["id"]))[0] for one in said] == [("done", None)] * 3
    found = await known(szczecin, post.uri)
    assert (found.likes_count, found.announces_count) == (2, 1)


async def test_a_fault_of_ours_puts_one_by_and_not_the_others(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat REL-011: a poisoned activity."""
    there, mia = await _followed(sea, szczecin, "poison.example")
    posts = [await szczecin.post("ola", f"Nr {n}") for n in range(3)]
    await szczecin.work()
    original: Callable[..., object] = HANDLERS[Like]
    poisoned = posts[1].uri

    async def like(federation: Federation, message: Message, said: Like) -> Outcome:
        outcome: Outcome = await original(federation, message, said)  # type: ignore[misc]

        def write(unit: Unit) -> None:
            outcome(unit)
            if said.object_id == poisoned:
                raise ZeroDivisionError("a fault of ours")

        return write

    monkeypatch.setitem(HANDLERS, Like, like)
    said = [there.activity(mia, "Like", post.uri) for post in posts]
    await _tell(there, szczecin, mia, said)
    await szczecin.work()
    assert [(await verdicts(szczecin, one["id"]))[0][0] for one in said] == ["done", "waiting", "done"]
    assert [(await known(szczecin, post.uri)).likes_count for post in posts] == [1, 0, 1]
    for _day in range(12):
        sea.clock.forward(days=1)
        await szczecin.work()
    ((state, why),) = await verdicts(szczecin, said[1]["id"])
    assert state == "dead"
    assert why == "ZeroDivisionError: a fault of ours"
    assert (await known(szczecin, poisoned)).likes_count == 0


async def test_a_fault_that_breaks_whole_batches_is_found_one_by_one(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mia = await _followed(sea, szczecin, "breaks.example")
    posts = [await szczecin.post("ola", f"Nr {n}") for n in range(3)]
    await szczecin.work()
    original = process._work
    said = [there.activity(mia, "Like", post.uri) for post in posts]

    def work(unit: Unit, within: Federation, row: object, batch: object) -> bool:
        if row.activity_uri == said[0]["id"]:  # type: ignore[attr-defined]
            raise RecursionError("outside of what a part can catch")
        return original(unit, within, row, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "_work", work)
    await _tell(there, szczecin, mia, said)
    for _hour in range(8):
        await szczecin.work()
        sea.clock.forward(hours=1)
    assert [(await verdicts(szczecin, one["id"]))[0][0] for one in said] == ["dead", "done", "done"]


async def test_what_cannot_be_read_any_more_is_put_by_with_its_reason(sea: Towns, szczecin: Town) -> None:
    there, mia = await _followed(sea, szczecin, "damaged.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    said = [there.activity(mia, "Like", post.uri), there.activity(mia, "Announce", post.uri)]
    await _tell(there, szczecin, mia, said)

    def damage(unit: Unit) -> None:
        one = update(inbox_log).where(inbox_log.c.activity_uri == said[0]["id"])
        unit.connection.execute(one.values(raw=b'{"half'))

    await szczecin.house.db.write(damage)
    await szczecin.work()
    (state, why), (other, _why) = [(await verdicts(szczecin, one["id"]))[0] for one in said]
    assert (state, other) == ("dead", "done")
    assert "JSON" in (why or "")


async def test_too_much_is_refused_before_it_is_accepted(towns: Towns) -> None:
    """Threats DOS-045 and REL-025: first the one who floods, then everybody, and nothing is dropped."""
    bounds = {"FEDI_CLUSTER_LIMITS_INBOX_WAITING": "15", "FEDI_CLUSTER_LIMITS_INBOX_WAITING_PER_HOST": "10"}
    town = await towns.found("karlshamn", "sv", **bounds)
    loud, mia = await _followed(towns, town, "loud.example")
    quiet, tom = await _followed(towns, town, "quiet.example")
    post = await town.post("ola", "Hej")
    await town.work()
    towns.clock.forward(seconds=1)
    said = [loud.activity(mia, "Like", post.uri) for _n in range(14)]
    answers = [await loud.post(town, mia, one) for one in said]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 4
    assert int(answers[-1].headers["retry-after"]) > 0
    others = [await quiet.post(town, tom, quiet.activity(tom, "Like", post.uri)) for _n in range(7)]
    assert [answer.status_code for answer in others] == [202] * 5 + [503] * 2
    assert int(others[-1].headers["retry-after"]) > 0
    before = await row_counts(town)
    await town.work()
    towns.clock.forward(seconds=1)
    answers = [await loud.post(town, mia, one) for one in said[10:]]
    assert [answer.status_code for answer in answers] == [202] * 4
    await town.work()
    assert (await row_counts(town))["inbox_log"] == before["inbox_log"] + 4
    assert await _states(town) == {"done"}
    assert await deliveries(town, "loud.example") == []


async def _states(town: Town) -> set[str]:
    def read(reader: Reader) -> set[str]:
        return set(reader.connection.execute(select(inbox_log.c.state)).scalars())

    return await town.house.db.read(read)
