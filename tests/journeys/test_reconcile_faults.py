"""A comparison where something goes wrong: what cannot be stored, sisters that are slow, faults of our own."""

import pytest
from sqlalchemy import update

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.cluster import compare
from fedi_cluster.storage.tables.cluster import cluster_day
from tests.towns.ledgers import comparison, empty_queue, equal, lose_a_deletion, pass_by
from tests.towns.town import Town, Towns
from tests.towns.trouble import SlowTransport, refuse_rows, take_rows

pytestmark = pytest.mark.anyio
embedded = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)


async def missed(towns: Towns, number: int) -> tuple[Town, Town, list[Post]]:
    """Two sisters, and posts of the first that never came to the second."""
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    posts = [await szczecin.post("atelier", f"Wpis {n}", to_region=True) for n in range(number)]
    await empty_queue(szczecin)
    await empty_queue(rostock)
    return szczecin, rostock, posts


async def test_one_that_cannot_be_stored_holds_back_no_other(towns: Towns) -> None:
    szczecin, rostock, posts = await missed(towns, 3)
    # The post itself is stored by then: nothing of it may stay.
    await refuse_rows(rostock, "INSERT ON cluster_object", f"NEW.uri = '{posts[1].uri}'")
    await rostock.start()
    await pass_by(towns, 1)
    assert await rostock.cluster_uris() == [posts[2].uri, posts[0].uri]
    assert await rostock.find(posts[1].uri) is None
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing) == ("behind", 1)
    assert how.error is not None
    assert how.error.startswith(f"1 cannot be stored here, the first is {posts[1].uri}: ")
    assert "a fault of ours" in how.error
    await take_rows(rostock, "cluster_object")
    await pass_by(towns)
    assert await rostock.cluster_uris() == [post.uri for post in reversed(posts)]
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing, how.error) == ("in_step", 0, None)


@embedded
async def test_a_comparison_that_breaks_off_is_not_in_step(towns: Towns) -> None:
    szczecin, rostock, _posts = await missed(towns, 0)
    assert (await comparison(rostock, szczecin)).state == "in_step"
    stale = update(cluster_day).values(digest=None)
    await rostock.house.db.write(lambda unit: unit.connection.execute(stale))
    await refuse_rows(rostock, "UPDATE ON cluster_day", "NEW.digest IS NOT NULL")
    await rostock.start()
    await rostock.work()
    how = await comparison(rostock, szczecin)
    assert (how.state, how.away_since) == ("behind", None)
    assert how.error is not None
    assert "a fault of ours" in how.error
    await take_rows(rostock, "cluster_day")
    await pass_by(towns)
    how = await comparison(rostock, szczecin)
    assert (how.state, how.error) == ("in_step", None)


@embedded
async def test_finding_what_is_missing_takes_no_time_from_fetching_it(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, posts = await missed(towns, 9)
    monkeypatch.setattr(compare, "_SECONDS", 0.03)
    SlowTransport(towns.network, lambda url: szczecin.host in url, 0.05)
    await rostock.start()
    await pass_by(towns, 1)
    assert await rostock.cluster_uris() == [post.uri for post in reversed(posts)]
    assert (await comparison(rostock, szczecin)).state == "in_step"


@embedded
async def test_what_came_in_time_is_kept_and_the_rest_is_fetched_later(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, posts = await missed(towns, 9)
    monkeypatch.setattr(compare, "_LONGEST", 1.0)
    quick = [post.uri for post in posts[:5]]
    slow = SlowTransport(towns.network, lambda url: "/objects/" in url and url not in quick, 60)
    await rostock.start()
    await pass_by(towns, 1)
    assert await rostock.cluster_uris() == quick[::-1]
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing, how.error) == ("behind", 4, "it takes too long to answer")
    slow.is_slow = lambda _url: False
    await pass_by(towns)
    assert len(await rostock.cluster_uris()) == 9
    assert await equal(szczecin, rostock)


@embedded
async def test_a_day_that_is_not_told_in_time_is_behind(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, posts = await missed(towns, 1)
    monkeypatch.setattr(compare, "_LONGEST", 0.5)
    slow = SlowTransport(towns.network, lambda url: "/cluster/digest/" in url, 60)
    await rostock.start()
    await pass_by(towns, 1)
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing, how.error) == ("behind", 1, "it takes too long to answer")
    slow.is_slow = lambda _url: False
    await pass_by(towns)
    assert await rostock.cluster_uris() == [posts[0].uri]


@embedded
async def test_each_run_comes_further_where_one_has_no_time_for_all(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, posts = await missed(towns, 1)
    # Time for two answers, where all time, the month, the day and the post are four.
    monkeypatch.setattr(compare, "_LONGEST", 0.85)
    SlowTransport(towns.network, lambda url: szczecin.host in url, 0.3)
    before = len(towns.network.log)
    await rostock.start()
    await pass_by(towns, 1)
    assert await rostock.cluster_uris() == [posts[0].uri]
    asked = [sent.url.removeprefix(szczecin.house.at.digest) for sent in towns.network.log[before:]]
    assert asked.count("/2026-11") == asked.count("/2026-11-25") == 1


@embedded
async def test_a_day_at_a_time_where_the_sister_is_slow(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, _posts = await missed(towns, 0)
    for number in range(3):
        await szczecin.post("atelier", f"Dzień {number}", to_region=True)
        towns.clock.forward(days=1)
    await empty_queue(szczecin)
    monkeypatch.setattr(compare, "_SECONDS", 0.0)
    before = len(towns.network.log)
    await rostock.start()
    await pass_by(towns, 1)
    assert len(await rostock.cluster_uris()) == 3
    asked = [sent.url for sent in towns.network.log[before:] if sent.method == "GET"]
    read = [url for url in asked if "/cluster/digest/2026-11-" in url or "/objects/" in url]
    assert ["objects" in url for url in read] == [False, True] * 3


@embedded
async def test_a_day_that_cannot_be_read_holds_back_no_other(towns: Towns) -> None:
    szczecin, rostock, _posts = await missed(towns, 0)
    old = await szczecin.post("atelier", "Wczoraj", to_region=True)
    towns.clock.forward(days=1)
    new = await szczecin.post("atelier", "Dziś", to_region=True)
    await empty_queue(szczecin)
    month = f"{szczecin.house.at.digest}/2026-11"
    towns.network.refuse(f"{month}-25", 500)
    before = len(towns.network.log)
    await rostock.start()
    await pass_by(towns, 1)
    assert await rostock.cluster_uris() == [new.uri]
    how = await comparison(rostock, szczecin)
    assert (how.state, how.missing) == ("behind", 1)
    assert how.away_since is not None
    towns.network.refuse(f"{month}-25", None)
    await pass_by(towns)
    assert await rostock.cluster_uris() == [new.uri, old.uri]
    assert (await comparison(rostock, szczecin)).state == "in_step"
    # What was read before it broke off is not read again.
    assert [sent.url for sent in towns.network.log[before:]].count(month) == 1


@embedded
async def test_what_she_holds_for_us_stays_known_while_it_cannot_be_read(towns: Towns) -> None:
    szczecin, rostock, _posts = await missed(towns, 0)
    await lose_a_deletion(towns, szczecin)
    await pass_by(towns)
    assert (await comparison(szczecin, rostock)).held_for_us == 1
    address = rostock.house.at.digest_of(szczecin.host)
    towns.network.refuse(address, 500)
    before = await comparison(szczecin, rostock)
    await pass_by(towns)
    after = await comparison(szczecin, rostock)
    assert after.checked_at != before.checked_at
    assert (after.state, after.held_for_us) == ("in_step", 1)
