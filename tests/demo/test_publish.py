"""The facts in a whole instance: everything once, labelled, dated, sourced; twice changes nothing."""

import datetime as dt

import pytest
from sqlalchemy import select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts.queries import posts_of
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions.founding import KeyPair
from fedi_cluster.demo.facts import DEMO_LABEL, DemoItem, DemoRegion, load
from fedi_cluster.demo.pages import read_list, read_post
from fedi_cluster.demo.publish import Part, PublishedItem, command_of, part_of, publish_facts
from fedi_cluster.demo.texts import as_read, text_of
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.kernel.text import plain_text
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader
from tests.towns.looking import row_counts
from tests.towns.town import Town, Towns, keys_for

pytestmark = pytest.mark.anyio

HOMES = {slug: f"https://{slug}.example" for slug in ("szczecin", "rostock", "rietavas", "karlshamn")}


def same_keys(_actor_uri: str) -> KeyPair:
    """One pair for all organisations: making keys takes longer than the whole test."""
    return KeyPair(*keys_for("https://szczecin.example/actors/demo"))


def szczecin_part() -> Part:
    return part_of(load(with_fifth=False), "szczecin", HOMES)


@pytest.fixture
async def filled(towns: Towns) -> tuple[Town, DemoRegion, dict[str, PublishedItem]]:
    """Szczecin with its facts, told to nobody yet."""
    part = szczecin_part()
    town = await towns.found("szczecin", "pl")
    return town, part.region, await publish_facts(town.house, part, same_keys)


async def organisations(town: Town) -> dict[str, Actor]:
    found = await town.house.db.read(actor_queries.locals_of_type, "Organization")
    return {one.username: one for one in found if one.username != "office"}


async def posts(town: Town) -> list[Post]:
    def read(reader: Reader) -> list[Post]:
        return posts_of(reader, select(post_table).order_by(post_table.c.id))

    return await town.house.db.read(read)


async def test_everything_is_there_once(filled: tuple[Town, DemoRegion, dict[str, PublishedItem]]) -> None:
    town, region, items = filled
    assert set(await organisations(town)) == {own.handle for own in region.organisations}
    there = await posts(town)
    assert sorted(post.uri for post in there) == sorted(found.uri for found in items.values())
    assert set(items) == {item.id for item in region.items}
    by_uri = {post.uri: post for post in there}
    for item in region.items:
        post = by_uri[items[item.id].uri]
        assert (post.type, post.kind, post.title) == (item.object_type, item.kind, item.title)
        assert list(post.content_map) == list(item.summaries)
        assert post.audience == town.house.at.region
        assert post.author.username == "office"
        for source in item.sources:
            assert source.replace("&", "&amp;") in post.content
    assert len(await town.cluster_uris()) == len(region.items)


async def test_a_second_time_changes_nothing(
    filled: tuple[Town, DemoRegion, dict[str, PublishedItem]],
) -> None:
    town, _region, items = filled
    before = await row_counts(town)
    assert await publish_facts(town.house, szczecin_part(), same_keys) == items
    assert await row_counts(town) == before


async def test_profiles_say_that_they_are_demo_profiles(
    filled: tuple[Town, DemoRegion, dict[str, PublishedItem]],
) -> None:
    town, region, _items = filled
    there = await organisations(town)
    for own in region.organisations:
        actor = there[own.handle]
        assert actor.demo
        assert actor.name == own.name
        assert list(actor.summary_map) == list(own.descriptions)
        for tag, text in actor.summary_map.items():
            assert plain_text(text).endswith(DEMO_LABEL[tag])
        assert own.link.replace("&", "&amp;") in actor.fields[0].value
    office = await town.house.db.read(actor_queries.need_local, "office")
    assert office.name == region.editorial_names["pl"]
    assert not office.demo


async def test_projects_name_partners_where_they_live(
    filled: tuple[Town, DemoRegion, dict[str, PublishedItem]],
) -> None:
    town, _region, items = filled
    document = await town.document(items["sbcc"].uri)
    assert document["type"] == "Note"
    assert "summary" not in document
    assert document["creative:state"] == "finished"
    assert document["creative:partners"] == [
        "https://szczecin.example/actors/media_dizajn",
        "https://szczecin.example/actors/erb",
        "https://rostock.example/actors/rostock_stadt",
        "https://rietavas.example/actors/rtvic",
        "https://rietavas.example/actors/rmuc",
        "https://karlshamn.example/actors/kreativum",
    ]
    assert "creative:confirmedPartners" not in document
    assert document["startTime"] == "2020-01-01T00:00:00+01:00"
    assert document["endTime"] == "2022-06-30T23:59:59+02:00"


async def test_pages_show_what_was_written(
    filled: tuple[Town, DemoRegion, dict[str, PublishedItem]],
) -> None:
    town, region, items = filled
    listed = read_list((await town.page("/public/cluster")).text)
    assert len(listed.posts) == len(region.items)
    assert listed.older is None
    seen = {}
    for path, _text in listed.posts:
        page = read_post((await town.page(path, {"Accept-Language": "sv"})).text)
        assert page is not None
        seen[page.uri] = page
    for item in region.items:
        page = seen[items[item.id].uri]
        assert page.text == as_read(text_of(item, "pl"), item.tags)
        assert (page.title, page.language, page.author) == (item.title, "pl", "office@szczecin.example")
        assert page.lede == (item.summaries["pl"] if item.kind == "news" else None)
        assert set(item.sources) <= page.links
        assert page.origin is None


def _item(part: Part, *, dated: bool) -> DemoItem:
    return next(item for item in part.region.items if (item.date is not None) is dated)


async def test_dates_are_the_facts_and_never_ahead() -> None:
    part = szczecin_part()
    item = _item(part, dated=True)
    assert item.date is not None
    noon = dt.datetime.combine(item.date, dt.time(11), dt.UTC)
    later, earlier = noon + dt.timedelta(days=1), noon - dt.timedelta(days=1)
    assert command_of(item, part, later).published_at in (noon, noon - dt.timedelta(hours=1))
    assert command_of(item, part, earlier).published_at is None
    assert command_of(_item(part, dated=False), part, later).published_at is None


async def test_who_takes_no_part_cannot_publish() -> None:
    facts = load(with_fifth=False)
    with pytest.raises(Invalid, match="elblag"):
        part_of(facts, "elblag", HOMES)
    with pytest.raises(Invalid, match="rostock"):
        part_of(facts, "szczecin", {"szczecin": HOMES["szczecin"]})
