"""`cluster recover`: an origin that was restored from an old copy takes back what its sisters hold of it."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import Profile
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.federation.cluster import recover
from fedi_cluster.federation.cluster.recover import Survey, Taken
from fedi_cluster.kernel.text import plain_text
from fedi_cluster.storage.tables.cluster import cluster_object
from fedi_cluster.storage.unit import Unit
from tests.towns.ledgers import comparison, copy_of, equal, pass_by, put_back
from tests.towns.town import Town, Towns
from tests.towns.trouble import refuse_rows, take_rows

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("new_database", ["sqlite"], indirect=True),
]


async def three(towns: Towns) -> tuple[Town, Town, Town]:
    """Three sisters."""
    szczecin, rostock = await towns.found("szczecin", "pl"), await towns.found("rostock", "de")
    rietavas = await towns.found("rietavas", "lt")
    for newcomer in (rostock, rietavas):
        await towns.join(newcomer, szczecin)
    return szczecin, rostock, rietavas


async def verified(towns: Towns) -> None:
    """All is delivered, and the proofs of copies are looked at."""
    await towns.settle()
    await pass_by(towns, 1)


async def survey(town: Town) -> Survey:
    """What the sisters hold of a town and it lacks."""
    sisters = await town.house.db.read(instance_queries.sisters, town.host)
    return await recover.survey(town.house.federation, sisters)


async def take_back(town: Town) -> Taken:
    """All of it is taken."""
    found = await survey(town)
    return await recover.take_back(town.house.federation, found.lost)


async def test_a_restored_origin_gets_everything_back(towns: Towns) -> None:
    szczecin, rostock, rietavas = await three(towns)
    edited = await szczecin.post("atelier", "Otwarte do 20", to_region=True, tags=("sitodruk",))
    gone = await szczecin.post("atelier", "Pomyłka", to_region=True)
    await towns.settle()
    copy = copy_of(szczecin)
    towns.clock.forward(hours=5)
    news = await szczecin.post(
        "atelier", "Wystawa #grafika", kind="news", title="Nowa wystawa", to_region=True
    )
    answer = await szczecin.post("atelier", "Zapraszamy", in_reply_to=news.uri)
    short = await szczecin.post("atelier", "Na chwilę", to_region=True)
    await towns.settle()
    await szczecin.edit(edited, "Otwarte do 22")
    await szczecin.erase(gone)
    await szczecin.erase(short)
    await _rename(szczecin, "Nowy szyld")
    await verified(towns)
    await put_back(towns, szczecin, copy)
    await pass_by(towns)
    assert (await comparison(szczecin, rostock)).held_for_us == 6
    found = await survey(szczecin)
    assert found.in_all == {"posts": 2, "edits": 1, "deletions": 2, "profiles": 1}
    assert {host: counts.total() for host, counts in found.by_host.items()} == {
        rostock.host: 6,
        rietavas.host: 6,
    }

    before = len(towns.network.log)
    taken = await take_back(szczecin)
    assert (taken.counts, taken.troubles) == (found.in_all, [])
    await towns.settle()
    assert not [sent for sent in towns.network.log[before:] if sent.method == "POST"]
    back = await szczecin.find(news.uri)
    assert back is not None
    assert back == replace(news, author=back.author, replies_count=1, announces_count=1)
    below, now = await szczecin.find(answer.uri), await szczecin.find(edited.uri)
    assert below is not None
    assert (below.id, below.parent_id) == (answer.id, news.id)
    assert now is not None
    assert plain_text(now.content).startswith("Otwarte do 22")
    outbox = str(await szczecin.document(f"{szczecin.house.at.region}/outbox?page=true"))
    assert outbox.count(f"'{news.uri}'") == 1
    assert await szczecin.document(szczecin.house.at.activity(news.id))
    assert await szczecin.cluster_uris() == [news.uri, edited.uri] == await rostock.cluster_uris()
    assert (await szczecin.document(short.uri, 410))["type"] == "Tombstone"
    assert (await szczecin.document(gone.uri, 410))["type"] == "Tombstone"
    await pass_by(towns)
    assert await equal(szczecin, rostock, rietavas)
    assert (await comparison(szczecin, rostock)).held_for_us == 0
    assert (await comparison(rostock, szczecin)).offered == 0
    assert (await survey(szczecin)).lost == []


async def _rename(town: Town, name: str) -> None:
    def write(unit: Unit) -> None:
        who = actor_queries.need_local(unit, "atelier")
        actor_actions.change(unit, who, replace(Profile.of(who), name=name, name_map={"pl": name}))

    await town.house.db.write(write)


async def test_what_is_back_is_read_by_a_newcomer_as_if_never_lost(towns: Towns) -> None:
    szczecin, _rostock, _rietavas = await three(towns)
    await szczecin.person("atelier")
    copy = copy_of(szczecin)
    post = await szczecin.post("atelier", "Wróci", to_region=True)
    gone = await szczecin.post("atelier", "Nie wróci", to_region=True)
    await towns.settle()
    await szczecin.erase(gone)
    await verified(towns)
    await put_back(towns, szczecin, copy)
    await take_back(szczecin)
    karlshamn = await towns.found("karlshamn", "sv")
    await towns.join(karlshamn, szczecin)
    assert await karlshamn.cluster_uris() == [post.uri]
    assert await equal(szczecin, karlshamn)
    assert (await comparison(karlshamn, szczecin)).state == "in_step"


async def test_a_post_whose_account_is_lost_is_told(towns: Towns) -> None:
    szczecin, rostock, _rietavas = await three(towns)
    copy = copy_of(szczecin)
    post = await szczecin.post("nowa", "Mój pierwszy wpis", to_region=True)
    await verified(towns)
    await put_back(towns, szczecin, copy)
    taken = await take_back(szczecin)
    assert taken.counts.total() == 0
    assert sorted(trouble.partition(": ")[0] for trouble in taken.troubles) == sorted(
        [post.uri, szczecin.house.at.actor("nowa")]
    )
    assert all("does not exist here any more" in trouble for trouble in taken.troubles), taken.troubles
    assert await rostock.cluster_uris() == [post.uri]


async def test_one_that_cannot_be_stored_is_told_and_the_others_come_back(towns: Towns) -> None:
    szczecin, _rostock, _rietavas = await three(towns)
    await szczecin.person("atelier")
    await towns.settle()
    copy = copy_of(szczecin)
    posts = [await szczecin.post("atelier", f"Wpis {n}", to_region=True) for n in range(3)]
    await verified(towns)
    await put_back(towns, szczecin, copy)
    # The post itself is stored by then: nothing of it may stay.
    await refuse_rows(szczecin, "INSERT ON announce", f"NEW.post_id = {posts[1].id}")
    taken = await take_back(szczecin)
    assert taken.counts == {"posts": 2}
    (trouble,) = taken.troubles
    assert trouble.startswith(f"{posts[1].uri}: it cannot be stored here (")
    assert await szczecin.find(posts[1].uri) is None
    assert await szczecin.cluster_uris() == [posts[2].uri, posts[0].uri]
    await take_rows(szczecin, "announce")
    assert (await take_back(szczecin)).counts == {"posts": 1}
    assert await szczecin.cluster_uris() == [post.uri for post in reversed(posts)]


async def test_a_forged_copy_is_not_taken(towns: Towns) -> None:
    szczecin, rostock, rietavas = await three(towns)
    await szczecin.person("atelier")
    await towns.settle()
    copy = copy_of(szczecin)
    post = await szczecin.post("atelier", "Prawda", to_region=True)
    await verified(towns)
    await put_back(towns, szczecin, copy)
    rietavas.sleep()

    def forge(unit: Unit) -> None:
        unit.connection.execute(
            update(cluster_object)
            .where(cluster_object.c.uri == post.uri)
            .values(document=_document_of(unit, post.uri).replace(b"Prawda", b"Klamstwo"))
        )

    await rostock.house.db.write(forge)
    found = await survey(szczecin)
    assert found.away == {rietavas.host: "The other server cannot be reached."}
    taken = await recover.take_back(szczecin.house.federation, found.lost)
    assert taken.troubles == [f"{post.uri}: The proof does not fit the document."]
    assert await szczecin.find(post.uri) is None


def _document_of(unit: Unit, uri: str) -> bytes:
    found = unit.connection.scalar(
        cluster_object.select()
        .with_only_columns(cluster_object.c.document)
        .where(cluster_object.c.uri == uri)
    )
    assert found is not None
    return bytes(found)
