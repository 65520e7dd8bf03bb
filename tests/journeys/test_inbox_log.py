"""The inbox log: worked in order and in batches, each activity once, a fault of one harming no other."""

import asyncio
from collections.abc import Callable
from secrets import token_urlsafe

import pytest
from sqlalchemy import insert, select, update

from fedi_cluster.federation.inbox import process
from fedi_cluster.federation.inbox.handlers.table import HANDLERS
from fedi_cluster.federation.inbox.message import Message
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.inside import NeedsNetwork
from fedi_cluster.federation.remote.log import COUNTED_FOR, MOST_ID_BYTES
from fedi_cluster.federation.signatures.verify import sender_from_log
from fedi_cluster.federation.vocab.types import Like
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.posts import hashtag
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


async def test_a_row_that_cannot_be_written_is_the_fault_of_whoever_put_it_off(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is seen when the next one reads, and must neither be blamed on that one nor get lost."""
    there, mia = await _followed(sea, szczecin, "unwritable.example")
    posts = [await szczecin.post("ola", f"Nr {n}") for n in range(3)]
    await szczecin.work()
    original: Callable[..., object] = HANDLERS[Like]
    unwritable = Prepared(insert(hashtag))

    async def like(federation: Federation, message: Message, said: Like) -> Outcome:
        await federation.db.read(lambda reader: reader.connection.execute(select(hashtag.c.tag)).first())
        outcome: Outcome = await original(federation, message, said)  # type: ignore[misc]

        def write(unit: Unit) -> None:
            outcome(unit)
            if said.object_id == posts[1].uri:
                unwritable.later(unit, {"post_id": posts[1].id, "tag": "half \ud800"})

        return write

    monkeypatch.setitem(HANDLERS, Like, like)
    said = [there.activity(mia, "Like", post.uri) for post in posts]
    await _tell(there, szczecin, mia, said)
    await szczecin.work()
    assert [(await verdicts(szczecin, one["id"]))[0][0] for one in said] == ["done", "waiting", "done"]
    assert [(await known(szczecin, post.uri)).likes_count for post in posts] == [1, 0, 1]


async def test_a_fault_that_breaks_whole_batches_is_found_one_by_one(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mia = await _followed(sea, szczecin, "breaks.example")
    posts = [await szczecin.post("ola", f"Nr {n}") for n in range(3)]
    await szczecin.work()
    original = process._work
    said = [there.activity(mia, "Like", post.uri) for post in posts]

    def work(unit: Unit, within: Federation, entry: process._Entry, batch: object, apart: object) -> bool:
        if entry.row.activity_uri == said[0]["id"] and isinstance(entry.read, process._Read):
            raise RecursionError("outside of what a part can catch")
        return original(unit, within, entry, batch, apart)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "_work", work)
    await _tell(there, szczecin, mia, said)
    for _hour in range(8):
        await szczecin.work()
        sea.clock.forward(hours=1)
    assert [(await verdicts(szczecin, one["id"]))[0][0] for one in said] == ["dead", "done", "done"]


async def test_a_third_server_that_takes_too_long_holds_up_no_others(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mia = await _followed(sea, szczecin, "patient.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    original: Callable[..., object] = HANDLERS[Like]

    async def like(federation: Federation, message: Message, said: Like) -> Outcome:
        if federation is not szczecin.house.federation:
            raise NeedsNetwork
        await asyncio.sleep(30)
        return await original(federation, message, said)  # type: ignore[misc, no-any-return]

    monkeypatch.setattr(process, "_READING_IN_ORDER", 0.05)
    monkeypatch.setitem(HANDLERS, Like, like)
    said = [there.activity(mia, kind, post.uri) for kind in ("Like", "Announce")]
    await _tell(there, szczecin, mia, said)
    await szczecin.work()
    (slow, why), (other, _why) = [(await verdicts(szczecin, one["id"]))[0] for one in said]
    assert (slow, other, why) == ("waiting", "done", "Another server takes too long.")
    monkeypatch.setitem(HANDLERS, Like, original)
    sea.clock.forward(minutes=1)
    await szczecin.work()
    assert await verdicts(szczecin, said[0]["id"]) == [("done", None)]


async def test_a_database_that_is_away_puts_nothing_by(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mia = await _followed(sea, szczecin, "busy.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    like = there.activity(mia, "Like", post.uri)
    await _tell(there, szczecin, mia, [like])
    original, away = Database.write, [12]

    async def write(self: Database, fn: object, *args: object) -> object:
        if fn is process._work_batch and away[0]:
            away[0] -= 1
            raise Unavailable("Try again.", detail="somebody else holds a lock")
        return await original(self, fn, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "write", write)
    for _half_day in range(14):
        await szczecin.work()
        sea.clock.forward(hours=12)
    assert away == [0]
    assert await verdicts(szczecin, like["id"]) == [("done", None)]


async def test_ids_that_no_index_takes_are_refused_and_harm_nobody(sea: Towns, szczecin: Town) -> None:
    """PostgreSQL indexes 2,700 bytes: the POST of somebody else in the same moment must not fail with it."""
    there, mia = await _followed(sea, szczecin, "lengthy.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    room = MOST_ID_BYTES - len(mia.uri) - len(there.base + "/")
    long = [
        there.activity(mia, "Like", post.uri) | {"id": f"{there.base}/{token_urlsafe(2000)[:n]}"}
        for n in (room, room + 1)
    ]
    short = there.activity(mia, "Announce", post.uri)
    answers = await asyncio.gather(*(there.post(szczecin, mia, one) for one in (*long, short)))
    assert [answer.status_code for answer in answers] == [202, 400, 202]
    assert "make them shorter" in answers[1].text
    await szczecin.work()
    assert [await verdicts(szczecin, one["id"]) for one in (*long, short)] == [
        [("done", None)], [], [("done", None)]
    ]  # fmt: skip
    inner = {"type": "Like", "actor": mia.uri, "object": f"https://far.example/{'é' * 980}"}
    undo = there.activity(mia, "Undo", inner)
    await there.say(szczecin, mia, undo)
    ((state, why),) = await verdicts(szczecin, undo["id"])
    assert (state, "too long" in (why or "")) == ("refused", True)


async def test_one_that_cannot_be_written_fails_alone(
    sea: Towns, szczecin: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mia = await _followed(sea, szczecin, "beside.example")
    post = await szczecin.post("ola", "Raz")
    await szczecin.work()
    said = [there.activity(mia, "Like", post.uri) for _n in range(4)]
    log = szczecin.house.federation.log
    original = log._gatherer._write

    def write(unit: Unit, together: object) -> None:
        original(unit, together)  # type: ignore[arg-type]
        if any(one.activity_uri == said[1]["id"] for one in together):  # type: ignore[attr-defined]
            raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(log._gatherer, "_write", write)
    ends = await asyncio.gather(*(_append(szczecin, mia.uri, one) for one in said), return_exceptions=True)
    assert [type(end).__name__ for end in ends] == ["NoneType", "ZeroDivisionError", "NoneType", "NoneType"]
    await szczecin.work()
    assert [len(await verdicts(szczecin, one["id"])) for one in said] == [1, 0, 1, 1]


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
    await asyncio.sleep(COUNTED_FOR)
    said = [loud.activity(mia, "Like", post.uri) for _n in range(14)]
    answers = [await loud.post(town, mia, one) for one in said]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 4
    assert int(answers[-1].headers["retry-after"]) > 0
    others = [await quiet.post(town, tom, quiet.activity(tom, "Like", post.uri)) for _n in range(7)]
    assert [answer.status_code for answer in others] == [202] * 5 + [503] * 2
    assert int(others[-1].headers["retry-after"]) > 0
    before = await row_counts(town)
    await town.work()
    await asyncio.sleep(COUNTED_FOR)
    answers = [await loud.post(town, mia, one) for one in said[10:]]
    assert [answer.status_code for answer in answers] == [202] * 4
    await town.work()
    assert (await row_counts(town))["inbox_log"] == before["inbox_log"] + 4
    assert await _states(town) == {"done"}
    assert await deliveries(town, "loud.example") == []


async def test_what_is_tried_again_counts_towards_the_bound_of_its_sender(towns: Towns) -> None:
    town = await towns.found("karlshamn", "sv", FEDI_CLUSTER_LIMITS_INBOX_WAITING_PER_HOST="10")
    loud, mia = await _followed(towns, town, "loud.example")
    quiet, tom = await _followed(towns, town, "quiet.example")
    post = await town.post("ola", "Hej")
    await town.work()
    strangers = [loud.person(f"stranger{n}", keys_of="mia") for n in range(10)]
    towns.network.down("loud.example")
    await asyncio.sleep(COUNTED_FOR)
    said = [loud.activity(who, "Like", post.uri) for who in strangers]
    for who, one in zip(strangers, said, strict=True):
        await _append(town, who.uri, one)
    await town.work()
    assert [(await verdicts(town, one["id"]))[0][0] for one in said] == ["waiting"] * 10
    assert [kind for kind, _state, _error in await jobs(town)].count("federation.retry") == 10
    await asyncio.sleep(COUNTED_FOR)
    assert (await loud.post(town, mia, loud.activity(mia, "Like", post.uri))).status_code == 429
    assert (await quiet.post(town, tom, quiet.activity(tom, "Like", post.uri))).status_code == 202
    towns.network.down("loud.example", False)
    for _try in range(3):
        towns.clock.forward(minutes=10)
        await town.work()
    assert await _states(town) == {"done"}
    assert "federation.retry" not in [kind for kind, _state, _error in await jobs(town)]


async def _append(town: Town, actor: str, said: Json) -> None:
    sender = sender_from_log(actor, f"{actor}#main-key", "cavage", "rsa")
    await town.house.federation.log.append(sender, str(said["id"]), dumps(said))


async def _states(town: Town) -> set[str]:
    def read(reader: Reader) -> set[str]:
        return set(reader.connection.execute(select(inbox_log.c.state)).scalars())

    return await town.house.db.read(read)
