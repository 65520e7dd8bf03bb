"""The cluster's stories: join, publish, edit, delete, outage, leave; each post once."""

import pytest

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.regions.queries import own_entry
from fedi_cluster.kernel.text import plain_text
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio


async def four(towns: Towns) -> tuple[Town, Town, Town, Town]:
    """Four instances that form a cluster."""
    szczecin = await towns.found("szczecin", "pl")
    rostock = await towns.found("rostock", "de")
    rietavas = await towns.found("rietavas", "lt")
    karlshamn = await towns.found("karlshamn", "sv")
    for newcomer in (rostock, rietavas, karlshamn):
        await towns.join(newcomer, szczecin)
    return szczecin, rostock, rietavas, karlshamn


async def test_every_pair_knows_each_other(towns: Towns) -> None:
    found = await four(towns)
    for town in found:
        assert sorted(await town.sisters()) == sorted(other.host for other in found if other is not town)
    lists = [await town.document("/cluster/members") for town in found]
    assert len({(str(one["items"]).replace(str(one["id"]), "")) for one in lists}) == 1
    assert {one["creative:version"] for one in lists} == {lists[0]["creative:version"]}


async def test_a_post_to_the_region_stands_on_all_sisters_once(towns: Towns) -> None:
    found = await four(towns)
    rostock = found[1]
    post = await rostock.post("hallenbau", "Tag der offenen Halle #Rostock", to_region=True)
    private = await rostock.post("hallenbau", "Nur für die, die uns folgen")
    await towns.settle()
    for town in found:
        assert await town.cluster_uris() == [post.uri]
        there = await town.find(post.uri)
        assert there is not None
        assert (plain_text(there.content), there.language, there.author.handle) == (
            "Tag der offenen Halle #Rostock",
            "de",
            "hallenbau@rostock.example",
        )
    assert await found[0].find(private.uri) is None


async def test_edits_and_deletions_reach_all_sisters(towns: Towns) -> None:
    found = await four(towns)
    szczecin = found[0]
    post = await szczecin.post("atelier", "Pracownia otwarta do 20:00", to_region=True)
    gone = await szczecin.post("atelier", "Pomyłka", to_region=True)
    await towns.settle()
    towns.clock.forward(minutes=1)
    await szczecin.edit(post, "Pracownia otwarta do 21:00")
    await szczecin.erase(gone)
    await towns.settle()
    for town in found:
        assert await town.cluster_uris() == [post.uri]
        there = await town.find(post.uri)
        assert there is not None
        assert "21:00" in there.content
        assert there.updated_at is not None
    assert (await szczecin.document(gone.uri, 410))["type"] == "Tombstone"


async def test_an_outage_ends_when_it_ends(towns: Towns) -> None:
    found = await four(towns)
    _szczecin, rostock, _rietavas, karlshamn = found
    karlshamn.sleep()
    first = await rostock.post("hallenbau", "Eins", to_region=True)
    await towns.settle()
    towns.clock.forward(hours=3)
    second = await rostock.post("hallenbau", "Zwei", to_region=True)
    await towns.settle()
    assert await karlshamn.cluster_uris() == []
    karlshamn.sleep(False)
    await karlshamn.start()
    await towns.settle()
    assert await karlshamn.cluster_uris() == [second.uri, first.uri]


async def test_a_newcomer_starts_full(towns: Towns) -> None:
    szczecin = await towns.found("szczecin", "pl")
    posts = []
    for number in range(25):
        posts.append(await szczecin.post("atelier", f"Wpis {number}", to_region=True))
        towns.clock.forward(minutes=1)
    rostock = await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    assert await rostock.cluster_uris() == [post.uri for post in reversed(posts)]
    member = await rostock.house.db.read(instance_queries.member, szczecin.host)
    assert member is not None
    assert (member.comparison.state, member.comparison.missing, member.slug) == ("in_step", 0, "szczecin")


async def test_what_a_newcomer_fetched_is_edited_and_deleted_there_too(towns: Towns) -> None:
    szczecin = await towns.found("szczecin", "pl")
    post = await szczecin.post("atelier", "Pracownia otwarta do 20:00", to_region=True)
    gone = await szczecin.post("atelier", "Pomyłka", to_region=True)
    elblag = await towns.found("elblag", "pl")
    await towns.join(elblag, szczecin)
    assert sorted(await elblag.cluster_uris()) == sorted([post.uri, gone.uri])
    towns.clock.forward(minutes=1)
    await szczecin.edit(post, "Pracownia otwarta do 21:00")
    await szczecin.erase(gone)
    await towns.settle()
    assert await elblag.cluster_uris() == [post.uri]
    there = await elblag.find(post.uri)
    assert there is not None
    assert "21:00" in there.content


async def test_answers_reach_all_sisters(towns: Towns) -> None:
    found = await four(towns)
    szczecin, rostock, _, karlshamn = found
    post = await rostock.post("hallenbau", "Wer macht mit?", to_region=True)
    await towns.settle()
    answer = await szczecin.post("ala", "Ja chętnie!", in_reply_to=post.uri)
    await towns.settle()
    below = await karlshamn.post("maja", "Vi också", in_reply_to=answer.uri)
    await towns.settle()
    for town in found:
        there = await town.find(answer.uri)
        deeper = await town.find(below.uri)
        assert there is not None, town.host
        assert deeper is not None, town.host
        assert deeper.parent_id == there.id
        assert await town.cluster_uris() == [post.uri]


async def test_who_leaves_gets_no_more_and_keeps_what_it_has(towns: Towns) -> None:
    found = await four(towns)
    szczecin, rostock, rietavas, karlshamn = found
    before = await rostock.post("hallenbau", "Vorher", to_region=True)
    await towns.settle()
    await karlshamn.house.db.write(membership.leave, karlshamn.host)
    await towns.settle()
    after = await rostock.post("hallenbau", "Nachher", to_region=True)
    await towns.settle()
    assert await karlshamn.cluster_uris() == [before.uri]
    assert await karlshamn.sisters() == []
    assert await szczecin.cluster_uris() == [after.uri, before.uri]
    assert sorted(await rietavas.sisters()) == ["rostock.example", "szczecin.example"]


async def test_who_is_removed_hears_of_it(towns: Towns) -> None:
    found = await four(towns)
    szczecin, _rostock, rietavas, karlshamn = found
    await szczecin.house.db.write(lambda unit: membership.remove(unit, "rietavas", own_entry(unit)))
    await towns.settle()
    assert await rietavas.sisters() == []
    assert sorted(await karlshamn.sisters()) == ["rostock.example", "szczecin.example"]


async def test_two_hosts_who_confirm_at_once_need_no_referee(towns: Towns) -> None:
    szczecin = await towns.found("szczecin", "pl")
    rostock = await towns.found("rostock", "de")
    await towns.join(rostock, szczecin)
    rietavas = await towns.found("rietavas", "lt")
    karlshamn = await towns.found("karlshamn", "sv")
    await towns.ask(rietavas, szczecin)
    await towns.ask(karlshamn, rostock)
    await szczecin.house.db.write(lambda unit: membership.confirm(unit, "rietavas", own_entry(unit)))
    await rostock.house.db.write(lambda unit: membership.confirm(unit, "karlshamn", own_entry(unit)))
    await towns.settle()
    for town in (szczecin, rostock, rietavas, karlshamn):
        assert len(await town.sisters()) == 3, town.host


async def test_a_careful_host_admits_by_itself(towns: Towns) -> None:
    szczecin = await towns.found("szczecin", "pl")
    rostock = await towns.found("rostock", "de", FEDI_CLUSTER_CLUSTER_ADMISSION="each")
    rietavas = await towns.found("rietavas", "lt")
    await towns.join(rostock, szczecin)
    await towns.join(rietavas, szczecin)
    assert await rostock.sisters() == ["szczecin.example"]
    await rostock.house.db.write(lambda unit: membership.confirm(unit, "rietavas", own_entry(unit)))
    await towns.settle()
    assert await rostock.sisters() == ["rietavas.example", "szczecin.example"]


async def test_a_used_or_invented_invitation_opens_nothing(towns: Towns) -> None:
    szczecin = await towns.found("szczecin", "pl")
    rostock = await towns.found("rostock", "de")
    rietavas = await towns.found("rietavas", "lt")
    link = await towns.invite(szczecin)
    await towns.ask(rostock, szczecin, link)
    await towns.ask(rietavas, szczecin, link)
    known = await szczecin.house.db.read(instance_queries.members)
    assert sorted((one.host, one.entry.state) for one in known) == [
        ("rostock.example", "asking"),
        ("szczecin.example", "member"),
    ]
