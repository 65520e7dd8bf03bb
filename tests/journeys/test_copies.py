"""Copies of sisters' things: verified as they come or later, and what readers are told while the origin is away."""

import pytest
from sqlalchemy import update

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.listing import listed_post
from fedi_cluster.community.regions.shapes import Held
from fedi_cluster.federation.cluster import verify
from fedi_cluster.federation.remote import copies
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import ask_for_verification
from fedi_cluster.kernel.errors import Unauthenticated
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.tables.cluster import cluster_object
from fedi_cluster.storage.unit import Unit
from tests.towns.ledgers import at_once, comparison, empty_queue, equal, pass_by
from tests.towns.town import Town, Towns
from tests.towns.trouble import SlowTransport

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


async def put_back(town: Town, post: Post, document: bytes | None = None) -> None:
    """The copy is as if its proof had not been judged when it came; with another `document`, if there is one."""
    kept = document or (await held(town, post)).document

    def write(unit: Unit) -> None:
        row = cluster_object.c
        again = update(cluster_object).where(row.uri == post.uri).values(document=kept, verified=None)
        unit.connection.execute(again)
        ask_for_verification(unit)

    await town.house.db.write(write)


async def spoil(town: Town, post: Post) -> None:
    """The copy is changed, so that its proof cannot fit, and that was not judged yet."""
    bad = ((await held(town, post)).document or b"").replace(b"Wystawa", b"Wystawka")
    await put_back(town, post, bad)


async def test_a_proof_is_judged_as_it_comes(towns: Towns) -> None:
    _szczecin, rostock, post = await pair(towns)
    fresh = await held(rostock, post)
    assert (fresh.listed, fresh.verified) == (True, True)


@pytest.mark.parametrize(
    "error",
    [Unauthenticated("The proof does not fit the document."), LookupError("a fault of ours")],
    ids=["unfit", "fault"],
)
async def test_a_proof_that_cannot_be_taken_as_it_comes_is_judged_again_soon(
    towns: Towns, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    szczecin, rostock, _post = await pair(towns)

    def unfit(*_args: object, **_named: object) -> None:
        raise error

    with monkeypatch.context() as bad:
        bad.setattr(copies, "verify_proof", unfit)
        post = await szczecin.post("atelier", "Wystawa w porcie", to_region=True)
        await at_once(szczecin, rostock)
    fresh = await held(rostock, post)
    assert (fresh.listed, fresh.verified) == (True, None)
    assert post.uri in await rostock.cluster_uris()
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


async def test_a_slow_sister_holds_back_no_proof_of_another(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, post = await pair(towns)
    rietavas = await towns.found("rietavas", "lt")
    await towns.join(rietavas, szczecin)
    await pass_by(towns, 1)
    poor = [await szczecin.post("atelier", f"Wystawa {n}", to_region=True) for n in range(2)]
    good = await rietavas.post("dirbtuve", "Paroda", to_region=True)
    await at_once(szczecin, rietavas, rostock)
    for one in poor:
        await spoil(rostock, one)
    monkeypatch.setattr(verify, "_SECONDS", 0.3)
    SlowTransport(towns.network, lambda url: url.startswith(f"https://{szczecin.host}/objects/"), 60)
    await pass_by(towns, 1)
    assert (await held(rostock, good)).verified is True
    await pass_by(towns, 1)
    for one in poor:
        assert (await held(rostock, one)).verified is False
        assert await verify.copy(rostock.house.federation, one.uri) is None
    assert (await held(rostock, post)).verified is True


async def test_who_asks_for_a_copy_does_not_wait_until_it_is_looked_at(towns: Towns) -> None:
    szczecin, rostock, post = await pair(towns)
    other = await szczecin.post("atelier", "Wystawa w porcie", to_region=True)
    await at_once(szczecin, rostock)
    await spoil(rostock, other)
    await put_back(rostock, post)
    szczecin.sleep()
    fresh = await held(rostock, post)
    assert await verify.copy(rostock.house.federation, post.uri) == fresh.document
    assert (await held(rostock, post)).verified is True
    assert await verify.copy(rostock.house.federation, other.uri) is None
    # The job has it read again, so it is not judged before.
    assert (await held(rostock, other)).verified is None


async def test_a_proof_that_cannot_be_looked_at_by_our_fault(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    szczecin, rostock, post = await pair(towns)
    other = await szczecin.post("atelier", "Wystawa w porcie", to_region=True)
    await at_once(szczecin, rostock)
    await put_back(rostock, post)
    await put_back(rostock, other)
    check = verify.check_copy

    async def broken(federation: Federation, one: Held, author: Actor | None, raw: Json) -> None:
        if one.what.uri == post.uri:
            raise LookupError("a fault of ours")
        await check(federation, one, author, raw)

    monkeypatch.setattr(verify, "check_copy", broken)
    await pass_by(towns, 1)
    assert (await held(rostock, other)).verified is True
    bad = await held(rostock, post)
    assert (bad.verified, b"w hali" in (bad.document or b"")) == (False, True)
    monkeypatch.setattr(verify, "check_copy", check)
    assert await verify.copy(rostock.house.federation, post.uri) == bad.document
    assert (await held(rostock, post)).verified is True


async def test_a_copy_whose_author_cannot_be_read_now_is_kept(towns: Towns) -> None:
    szczecin, rostock, _post = await pair(towns)
    post = await szczecin.post("nowa", "Mój pierwszy wpis", to_region=True)
    await empty_queue(szczecin)
    what, document = listed_post(post), dumps(await szczecin.document(post.uri))

    def keep(unit: Unit) -> None:
        ledger.put(unit, what, listed=True, document=document)
        ask_for_verification(unit)

    await rostock.house.db.write(keep)
    szczecin.sleep()
    await pass_by(towns, 1)
    unsure = await held(rostock, post)
    assert (unsure.verified, unsure.document) == (False, document)
    szczecin.sleep(False)
    assert await verify.copy(rostock.house.federation, post.uri) == document
    assert (await held(rostock, post)).verified is True


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
