"""Deliveries to strangers: merged, put off, given up, and tried again at a sign of life."""

from datetime import timedelta

import pytest

from tests.journeys.following import fan, region_of
from tests.towns.looking import deliveries
from tests.towns.stranger import Served, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def test_two_followers_of_a_server_are_one_delivery(sea: Towns, szczecin: Town) -> None:
    there, alone = stranger(sea, "many.example"), stranger(sea, "alone.example")
    ola = await szczecin.person("ola")
    for name in ("mia", "tom"):
        await fan(there, szczecin, name, ola.uri)
    for name in ("mia", "tom"):
        await fan(alone, szczecin, name, ola.uri, shared=False)
    there.received.clear()
    alone.received.clear()
    await szczecin.post("ola", "Raz")
    await szczecin.work()
    assert [one.path for one in there.received] == ["/inbox"]
    assert sorted(one.path for one in alone.received) == ["/users/mia/inbox", "/users/tom/inbox"]


async def test_a_direct_post_goes_only_where_it_is_meant(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "secret.example"), await szczecin.person("ola")
    mia = await fan(there, szczecin, "mia", ola.uri)
    await fan(there, szczecin, "tom", ola.uri)
    region = await fan(stranger(sea, "curious.example"), szczecin, "eva", await region_of(szczecin))
    assert region.name == "eva"
    there.received.clear()
    before = len(sea.network.log)
    post = await szczecin.post("ola", "Tylko ty @mia@secret.example", visibility="direct")
    await szczecin.work()
    assert [(sent.url, sent.status) for sent in sea.network.log[before:] if sent.method == "POST"] == [
        (f"{mia.uri}/inbox", 202)
    ]
    (create,) = there.heard("Create")
    assert (create["to"], create["cc"]) == ([mia.uri], [])
    await szczecin.document(post.uri, 404)
    await szczecin.document(str(create["id"]), 404)
    assert (await szczecin.page(post.uri.removeprefix(szczecin.house.at.base))).status_code == 404


async def test_a_gone_inbox_is_given_up_and_does_not_hold_others(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "gone.example"), await szczecin.person("kasia")
    await fan(there, szczecin, "mia", ola.uri, shared=False)
    await fan(there, szczecin, "tom", ola.uri, shared=False)
    there.received.clear()
    sea.network.answer(there.host, 410)
    await szczecin.post("kasia", "Wiadomość")
    await szczecin.work()
    assert [one.path for one in there.received] == ["/users/tom/inbox"]
    assert [state for _kind, state, _why in await deliveries(szczecin, there.host)] == ["dead"]


async def test_a_refused_inbox_waits_longer_and_ends_after_a_week(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "refused.example"), await szczecin.person("basia")
    await fan(there, szczecin, "mia", ola.uri, shared=False)
    await fan(there, szczecin, "tom", ola.uri, shared=False)
    there.received.clear()
    sea.network.answer(there.host, 404)
    first = await szczecin.post("basia", "Jeden")
    await szczecin.work()
    # Who is refused must not hold back the others of its server.
    assert [one.path for one in there.received] == ["/users/tom/inbox"]
    second = await szczecin.post("basia", "Dwa")
    await szczecin.work()
    assert [one.path for one in there.received] == ["/users/tom/inbox"] * 2
    # What was refused keeps its order, and comes after its pause.
    sea.clock.forward(minutes=1)
    await sea.settle()
    to_mia = [one.document["object"] for one in there.received if one.path == "/users/mia/inbox"]
    assert [one["id"] for one in to_mia if isinstance(one, dict)] == [first.uri, second.uri]

    await szczecin.post("basia", "Trzy")
    sea.network.answer(there.host, 403, 200)
    for _day in range(9):
        await szczecin.work()
        sea.clock.forward(days=1)
    await szczecin.work()
    left = [state for _inbox, state, why in await deliveries(szczecin, there.host) if "403" in (why or "")]
    assert left
    assert set(left) == {"dead"}
    sea.network.add(there.host, there)


async def test_who_asks_for_patience_gets_it(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "busy.example"), await szczecin.person("ewa")
    await fan(there, szczecin, "mia", ola.uri)
    there.received.clear()
    for status, seconds in ((429, "600"), (503, "1200")):
        there.answers.append(_busy(status, seconds))
    await szczecin.post("ewa", "Cierpliwie")
    await szczecin.work()
    for minutes, tries in ((9, 1), (2, 2), (15, 2), (6, 3)):
        sea.clock.forward(minutes=minutes)
        await szczecin.work()
        assert len(there.received) == tries
    assert len(there.heard("Create")) == 1


def _busy(status: int, seconds: str) -> Served:
    return Served(b"", status, (("Retry-After", seconds),))


async def test_a_sign_of_life_ends_the_outage(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "asleep.example"), await szczecin.person("iza")
    mia = await fan(there, szczecin, "mia", ola.uri)
    there.received.clear()
    sea.network.down(there.host)
    posts = []
    for number in range(3):
        posts.append(await szczecin.post("iza", f"Numer {number}"))
        await szczecin.work()
        sea.clock.forward(hours=5)
        await szczecin.work()
    sea.network.down(there.host, False)
    await szczecin.work()
    assert there.heard("Create") == []
    await there.say(szczecin, mia, there.activity(mia, "Like", posts[0].uri))
    sea.clock.forward(seconds=1)
    await szczecin.work()
    found = [one["object"] for one in there.heard("Create")]
    assert [one["id"] for one in found if isinstance(one, dict)] == [post.uri for post in posts]


async def test_a_stale_wait_ends_after_thirty_days(sea: Towns, szczecin: Town) -> None:
    there, ola = stranger(sea, "never.example"), await szczecin.person("ula")
    await fan(there, szczecin, "mia", ola.uri)
    sea.network.down(there.host)
    await szczecin.post("ula", "Na wieki")
    for _step in range(12):
        await szczecin.work()
        sea.clock.moment += timedelta(days=3)
    await szczecin.work()
    assert [state for _kind, state, _why in await deliveries(szczecin, there.host)] == ["dead"]
