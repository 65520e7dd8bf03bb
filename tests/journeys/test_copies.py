"""Copies of sisters' things: verified in the background, and what readers are told while the origin is away."""

import pytest
from sqlalchemy import update

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Held
from fedi_cluster.storage.tables.cluster import cluster_object
from fedi_cluster.storage.unit import Unit
from tests.towns.ledgers import at_once, comparison, equal, pass_by
from tests.towns.town import Town, Towns

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("new_database", ["sqlite"], indirect=True),
]


async def pair(towns: Towns) -> tuple[Town, Town, Post]:
    """Two sisters, and a post of the first that is fresh at the second."""
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    await pass_by(towns, 1)
    post = await szczecin.post("atelier", "Wystawa w hali", to_region=True)
    await at_once(szczecin, rostock)
    return szczecin, rostock, post


async def held(town: Town, post: Post) -> Held:
    """The row of a post in the ledger of a town."""
    found = await town.house.db.read(ledger.held, post.uri)
    assert found is not None
    return found


async def spoil(town: Town, post: Post) -> None:
    """The copy is changed, so that its proof cannot fit."""
    bad = ((await held(town, post)).document or b"").replace(b"Wystawa", b"Wystawka")

    def write(unit: Unit) -> None:
        row = cluster_object.c
        unit.connection.execute(update(cluster_object).where(row.uri == post.uri).values(document=bad))

    await town.house.db.write(write)


async def test_proofs_are_looked_at_in_the_background(towns: Towns) -> None:
    _szczecin, rostock, post = await pair(towns)
    fresh = await held(rostock, post)
    assert (fresh.listed, fresh.verified) == (True, None)
    await pass_by(towns, 1)
    assert (await held(rostock, post)).verified is True


async def test_a_copy_that_does_not_fit_is_read_again(towns: Towns) -> None:
    szczecin, rostock, post = await pair(towns)
    await spoil(rostock, post)
    await pass_by(towns, 1)
    good = await held(rostock, post)
    assert (good.verified, b"Wystawka" in (good.document or b"")) == (True, False)
    assert await equal(szczecin, rostock)


async def test_a_copy_that_nobody_can_prove_is_not_kept_but_the_post_is(towns: Towns) -> None:
    szczecin, rostock, post = await pair(towns)
    await spoil(rostock, post)
    szczecin.sleep()
    await pass_by(towns, 1)
    bad = await held(rostock, post)
    assert (bad.verified, bad.document) == (False, None)
    assert await rostock.cluster_uris() == [post.uri]
    there = await rostock.find(post.uri)
    assert there is not None
    await pass_by(towns)
    page = await rostock.page(f"/@atelier@szczecin.example/{there.id}", {"Accept-Language": "en"})
    assert "You read a copy; last checked" in page.text
    szczecin.sleep(False)
    await pass_by(towns)
    assert await equal(szczecin, rostock)


async def test_pages_say_since_when_the_origin_is_away(towns: Towns) -> None:
    szczecin, rostock, post = await pair(towns)
    await pass_by(towns)
    there = await rostock.find(post.uri)
    assert there is not None
    paths = (f"/@atelier@szczecin.example/{there.id}", "/r/szczecin")
    for path in paths:
        assert "antwortet seit" not in (await rostock.page(path)).text
    szczecin.sleep()
    checked = (await comparison(rostock, szczecin)).checked_at
    await pass_by(towns)
    how = await comparison(rostock, szczecin)
    assert how.away_since is not None
    assert how.checked_at == checked
    for path in paths:
        text = (await rostock.page(path)).text
        assert f"Szczecin antwortet seit 25. November 2026, {how.away_since:%H:%M} nicht." in text
        assert "Du liest eine geprüfte Kopie; zuletzt abgeglichen: 25. November 2026, 09:" in text
        assert "You read a verified copy" in (await rostock.page(path, {"Accept-Language": "en"})).text
    assert "antwortet seit" not in (await rostock.page("/r/rostock")).text
    szczecin.sleep(False)
    await szczecin.erase(post)
    await pass_by(towns)
    assert (await comparison(rostock, szczecin)).away_since is None
    assert (await rostock.page(paths[0])).status_code == 410
    assert "antwortet seit" not in (await rostock.page(paths[1])).text
    gone = await held(rostock, post)
    assert b"Wystawa" not in (gone.document or b"")
