"""What one region has reaches the others although deliveries, queues or databases were lost."""

import random
import time
from collections import Counter

import pytest

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.kernel.text import plain_text
from tests.towns.ledgers import (
    comparison,
    copy_of,
    empty_queue,
    equal,
    lose_a_deletion,
    pass_by,
    put_back,
    root,
)
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio
embedded = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)


async def pair(towns: Towns) -> tuple[Town, Town]:
    """Two sisters."""
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    return szczecin, rostock


async def test_what_joined_is_in_step(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    assert await equal(szczecin, rostock)
    for town, sister in ((szczecin, rostock), (rostock, szczecin)):
        assert (await comparison(town, sister)).state == "in_step"


async def test_a_lost_delivery_is_made_good(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    post = await szczecin.post("atelier", "Nowa wystawa", to_region=True)
    await empty_queue(szczecin)
    await empty_queue(rostock)
    await towns.settle()
    assert await rostock.find(post.uri) is None
    await rostock.start()
    await towns.settle()
    assert await rostock.cluster_uris() == [post.uri]
    assert await equal(szczecin, rostock)


@embedded
async def test_an_emptied_queue_fills_again_when_the_sister_compares(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    post = await rostock.post("hallenbau", "Neue Halle", to_region=True)
    await empty_queue(szczecin)
    await empty_queue(rostock)
    await szczecin.start()
    await pass_by(towns)
    await pass_by(towns)
    assert await szczecin.cluster_uris() == [post.uri]
    after = await szczecin.post("atelier", "Po przerwie", to_region=True)
    await towns.settle()
    await empty_queue(szczecin)
    await pass_by(towns)
    assert after.uri in await rostock.cluster_uris()


async def test_a_sister_that_was_away_for_a_week(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    kept, edited, gone = [await szczecin.post("atelier", f"Wpis {n}", to_region=True) for n in range(3)]
    await towns.settle()
    rostock.sleep()
    towns.clock.forward(days=1)
    fresh = [kept.uri, edited.uri]
    for number in range(10):
        fresh.append((await szczecin.post("atelier", f"Nowy {number}", to_region=True)).uri)
        towns.clock.forward(hours=4)
    answer = await szczecin.post("ola", "Gratulacje!", in_reply_to=kept.uri)
    await szczecin.edit(edited, "Wpis poprawiony")
    await szczecin.erase(gone)
    await towns.settle()
    await empty_queue(szczecin)
    towns.clock.forward(days=5)
    rostock.sleep(False)
    await rostock.start()
    await towns.settle()
    assert await rostock.cluster_uris() == list(reversed(fresh))
    assert await equal(szczecin, rostock)
    there = await rostock.find(edited.uri)
    assert there is not None
    assert plain_text(there.content) == "Wpis poprawiony"
    below, above = await rostock.find(answer.uri), await rostock.find(kept.uri)
    assert below is not None
    assert above is not None
    assert below.parent_id == above.id
    assert (
        await rostock.page(f"/@atelier@szczecin.example/{(await _need(rostock, gone)).id}")
    ).status_code == 410
    assert (await comparison(rostock, szczecin)).missing == 0


@embedded
@pytest.mark.parametrize("lost", [False, True], ids=["queue kept", "queue lost"])
async def test_five_hundred_acts_of_a_week_are_there_within_a_minute(towns: Towns, lost: bool) -> None:
    """Whether the lane of the sister delivers them or only the comparison finds them: equal in order."""
    chance = random.Random(1)
    szczecin, rostock = await pair(towns)
    live = [await szczecin.post("atelier", f"Wpis {n}", to_region=True) for n in range(20)]
    await towns.settle()
    rostock.sleep()
    done = Counter[str]()
    texts = {post.uri: f"Wpis {n}" for n, post in enumerate(live)}
    for number in range(500):
        act = chance.choices(["post", "edit", "delete"], [3, 2, 1])[0]
        done[act] += 1
        if act == "post":
            live.append(await szczecin.post("atelier", f"Nowy {number}", to_region=True))
            texts[live[-1].uri] = f"Nowy {number}"
        elif act == "edit":
            post = chance.choice(live)
            texts[post.uri] = f"Poprawiony {number}"
            await szczecin.edit(post, texts[post.uri])
        else:
            post = live.pop(chance.randrange(len(live)))
            del texts[post.uri]
            await szczecin.erase(post)
        towns.clock.forward(minutes=7 * 24 * 60 / 500)
        if number % 100 == 0:
            await szczecin.work()
    if lost:
        await empty_queue(szczecin)
    rostock.sleep(False)
    began, moment = time.monotonic(), towns.clock.now()
    await rostock.start()
    await towns.settle()
    for _second in range(60):
        if await equal(szczecin, rostock):
            break
        towns.clock.forward(seconds=1)
        await towns.settle()
    # What the machine needed, and what the clock of the towns was moved by meanwhile.
    took = time.monotonic() - began + (towns.clock.now() - moment).total_seconds()
    print(f"{dict(done)}: equal {took:.1f} s after the return")
    assert await equal(szczecin, rostock)
    assert took < 60
    assert await rostock.cluster_uris() == await szczecin.cluster_uris()
    assert sorted(await rostock.cluster_uris()) == sorted(texts)
    assert {post.uri: plain_text((await _need(rostock, post)).content) for post in live} == texts


async def _need(town: Town, post: Post) -> Post:
    found = await town.find(post.uri)
    assert found is not None
    return found


@embedded
async def test_a_sister_restored_from_yesterday(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    old = await szczecin.post("atelier", "Wczoraj", to_region=True)
    await towns.settle()
    copy = copy_of(rostock)
    towns.clock.forward(days=1)
    new = await szczecin.post("atelier", "Dziś", to_region=True)
    await szczecin.erase(old)
    await towns.settle()
    await put_back(towns, rostock, copy)
    assert await rostock.cluster_uris() == [old.uri]
    await towns.settle()
    assert await rostock.cluster_uris() == [new.uri]
    assert await equal(szczecin, rostock)


async def test_a_later_announce_of_what_was_listed_changes_nothing(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    towns.network.answer(rostock.host, 503, 1)
    post = await szczecin.post("atelier", "Dwa razy", to_region=True)
    await szczecin.work()
    await rostock.start()
    await rostock.work()
    assert await rostock.cluster_uris() == [post.uri]
    await pass_by(towns)
    assert await rostock.cluster_uris() == [post.uri]
    assert (await _need(rostock, post)).announces_count == 1
    assert await equal(szczecin, rostock)


@embedded
async def test_a_deletion_is_never_undone(towns: Towns) -> None:
    szczecin, rostock = await pair(towns)
    post = await lose_a_deletion(towns, szczecin)
    assert await szczecin.cluster_uris() == [post.uri]
    await pass_by(towns)
    assert await rostock.cluster_uris() == []
    held = await rostock.house.db.read(ledger.held, post.uri)
    assert held is not None
    assert held.what.deleted
    assert held.offered
    assert (await comparison(rostock, szczecin)).offered == 1
    assert (await comparison(szczecin, rostock)).held_for_us == 1


@embedded
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_all_agree_after_whatever_happened(towns: Towns, seed: int) -> None:
    """Forty acts in a random order, with instances that sleep and queues that are lost in between."""
    chance = random.Random(seed)
    szczecin, rostock = await pair(towns)
    rietavas = await towns.found("rietavas", "lt")
    await towns.join(rietavas, szczecin)
    everybody = [szczecin, rostock, rietavas]
    live: list[tuple[Town, Post]] = []
    for number in range(40):
        town = chance.choice(everybody)
        act = chance.choice(["post", "post", "answer", "edit", "erase", "work", "sleep", "wake", "lose"])
        mine = [one for one in live if one[0] is town]
        if act == "post":
            live.append((town, await town.post("atelier", f"Nr {number}", to_region=True)))
        elif act == "answer" and live:
            known = await town.find(chance.choice(live)[1].uri)
            if known is not None and known.deleted_at is None:
                await town.post("ola", f"Re {number}", in_reply_to=known.uri)
        elif act == "edit" and mine:
            await town.edit(chance.choice(mine)[1], f"Poprawione {number}")
        elif act == "erase" and mine:
            one = chance.choice(mine)
            live.remove(one)
            await town.erase(one[1])
        elif act == "work":
            await towns.settle()
        elif act in ("sleep", "wake"):
            town.sleep(act == "sleep")
        elif act == "lose":
            await empty_queue(town)
        towns.clock.forward(seconds=chance.choice([1, 60, 4000]))
    for town in everybody:
        town.sleep(False)
        await town.start()
    for _round in range(3):
        await pass_by(towns)
    for of in everybody:
        assert {await root(town, of) for town in everybody} == {await root(of, of)}, of.host
    orders = [await town.cluster_uris() for town in everybody]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert sorted(orders[0]) == sorted(post.uri for _town, post in live)
