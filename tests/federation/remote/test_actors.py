"""Remote actors as we keep them: cleaned, at their own address, one read for many who ask."""

import asyncio
from datetime import timedelta

import pytest

from fedi_cluster.community.actors import queries
from fedi_cluster.community.actors.shapes import Field, Place
from fedi_cluster.federation.remote.actors import FRESH_FOR, to_remote_actor
from fedi_cluster.federation.vocab.documents import ActorDocument, Hashtag, KeyDocument
from fedi_cluster.federation.vocab.documents import Place as PlaceDocument
from fedi_cluster.kernel.errors import NotFound, Unreachable
from tests.builders import FAR, START
from tests.towns.stranger import stranger
from tests.towns.town import Town, Towns

URI = f"https://{FAR}/users/hanne"


def test_a_document_becomes_what_we_keep() -> None:
    seen = ActorDocument(
        URI, "Person", "hanne", f"{URI}/inbox",
        name="<b>Hanne</b> &amp; \u202eCo", name_map={"de": "<i>Hanne</i>"},
        summary_html="<p onclick=x>Moin<script>x</script></p>", summary_map={"de": "<img src=x>Moin"},
        fields=(("<b>Web</b>", "<a href='javascript:x'>x</a>"),), icon_url=f"https://{FAR}/1.png",
        keys=(KeyDocument(f"{URI}#main-key", URI, "rsa", "pem"),), hashtags=(Hashtag("Wind"),),
        location=PlaceDocument("Port", 54.1, 12.1), published=START, language=None,
    )  # fmt: skip
    kept = to_remote_actor(seen, FAR)
    assert (kept.uri, kept.host, kept.handle_host, kept.url) == (URI, FAR, FAR, URI)
    assert (kept.name, kept.name_map) == ("Hanne & Co", {"de": "Hanne"})
    assert (kept.summary, kept.summary_map) == ("<p>Moin</p>", {"de": "Moin"})
    assert kept.fields == (Field("Web", '<a rel="nofollow ugc noopener">x</a>'),)
    assert kept.icon is not None
    assert (kept.icon.url, kept.image, kept.tags) == (f"https://{FAR}/1.png", None, ("Wind",))
    assert (kept.language, kept.location, kept.published_at) == ("de", Place("Port", 54.1, 12.1), START)
    assert [key.id for key in kept.keys] == [f"{URI}#main-key"]


@pytest.mark.parametrize("name", [None, "", "<br>", "\u202e"])
def test_who_has_no_name_is_called_by_her_handle(name: str | None) -> None:
    kept = to_remote_actor(ActorDocument(URI, "Person", "hanne", f"{URI}/inbox", name=name), FAR)
    assert (kept.name, kept.language, kept.summary) == ("hanne", None, "")


@pytest.mark.anyio
async def test_many_ask_and_one_reads(sea: Towns, town: Town) -> None:
    there = stranger(sea, "many.example")
    mia, actors = there.person("mia"), town.house.federation.actors
    found = await asyncio.gather(*(actors.document(mia.uri) for _ in range(20)))
    assert {one.username for one in found} == {"mia"}
    assert len(sea.network.sent_to(there.host)) == 1


@pytest.mark.anyio
async def test_a_known_actor_is_read_anew_after_a_day(sea: Towns, town: Town) -> None:
    there = stranger(sea, "daily.example")
    mia, actors = there.person("mia"), town.house.federation.actors
    first = await actors.ensure(mia.uri)
    there.person("mia", name="Mia M.")
    sea.clock.moment += FRESH_FOR - timedelta(seconds=1)
    assert await actors.ensure(mia.uri) == first
    sea.clock.forward(seconds=1)
    assert (await actors.ensure(mia.uri)).name == "Mia M."
    # A server that is away costs nobody her name, but who asks for news hears that there are none.
    sea.network.down(there.host)
    sea.clock.moment += FRESH_FOR
    assert (await actors.ensure(mia.uri)).name == "Mia M."
    with pytest.raises(Unreachable):
        await actors.ensure(mia.uri, fresh=True)


@pytest.mark.anyio
async def test_another_who_stands_there_is_not_she(sea: Towns, town: Town) -> None:
    there = stranger(sea, "two.example")
    mia, noa = there.person("mia"), there.person("noa")
    there.serve("/users/mia", there.served["/users/noa"].body)
    with pytest.raises(Unreachable):
        await town.house.federation.actors.ensure(mia.uri)
    assert await town.house.db.read(queries.by_uri, mia.uri) is None
    assert (await town.house.federation.actors.at_address(noa.uri)).uri == noa.uri


@pytest.mark.anyio
async def test_ours_are_never_read_from_outside(sea: Towns, town: Town) -> None:
    actors = town.house.federation.actors
    region = await town.region()
    assert await actors.ensure(region.uri) == region
    assert await actors.by_handle(f"@{region.handle}") == region
    for reference in (town.house.at.actor("nobody"), f"{town.house.at.base}/x"):
        with pytest.raises(NotFound):
            await actors.ensure(reference)
    with pytest.raises(NotFound):
        await actors.by_handle("nobody")
    assert sea.network.sent_to(town.host) == []
