"""Collections and well-known documents are the golden ones, members in their order."""

import pytest

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.render import activity, collection, wellknown
from fedi_cluster.federation.render.post import post
from fedi_cluster.kernel.json import Json, dumps
from tests.federation.render.golden_shapes import SZCZECIN, Golden, actor_of, moment, post_of

pytestmark = pytest.mark.shared

EVENT = "https://szczecin.example/objects/117664992460847329"
REPLIES = (
    "https://szczecin.example/objects/117665169473586791",
    "https://szczecin.example/objects/117670359924757132",
)


def is_golden(golden: Golden, document: Json, name: str) -> None:
    expected = golden.read(name)
    assert document == expected
    assert dumps(document) == dumps(expected)


def note_of(golden: Golden) -> Post:
    return post_of(golden.read("object-note"), actor_of(golden.read("actor-person")))


def answered(golden: Golden) -> Post:
    """A post where the golden folder has an event: the collections about it are the same."""
    found = golden.read("object-note-event-moved") | {"id": EVENT}
    return post_of(found, actor_of(golden.read("actor-organisation")))


def test_outboxes(golden: Golden) -> None:
    note = note_of(golden)
    is_golden(golden, collection.outbox(note.author, 1), "collection-outbox")
    create = golden.read("activity-create-note")
    made = activity.create(note, create["id"], golden.sign(post(SZCZECIN, note), create["object"]))
    page = collection.outbox_page(
        note.author, [golden.sign(made, create)], None, int(create["id"].rsplit("/", 1)[1])
    )
    is_golden(golden, page, "collection-outbox-page")
    region = actor_of(golden.read("actor-region"))
    assert region.followers is not None
    said = golden.read("activity-announce-object")
    announce = activity.announce_object(
        region.uri, region.followers, said["id"], note.uri, moment(said["published"])
    )
    is_golden(golden, collection.outbox_page(region, [announce]), "collection-outbox-page-region")


def test_collections_of_actors(golden: Golden) -> None:
    person, region = actor_of(golden.read("actor-person")), actor_of(golden.read("actor-region"))
    is_golden(golden, collection.followers(region, 128), "collection-followers")
    assert collection.following(region, 3)["id"] == region.following
    pins = golden.read("collection-featured")["orderedItems"]
    is_golden(golden, collection.featured(person, pins), "collection-featured")
    is_golden(golden, collection.tags(SZCZECIN, person), "collection-featured-tags")
    editors = golden.read("collection-moderators")["orderedItems"]
    is_golden(golden, collection.moderators(region, editors), "collection-moderators")


def test_collections_of_posts(golden: Golden) -> None:
    is_golden(golden, collection.likes(SZCZECIN, note_of(golden)), "collection-likes")
    shares = collection.shares(SZCZECIN, note_of(golden))
    assert shares["id"] == golden.read("object-note")["shares"]["id"]
    event = answered(golden)
    is_golden(golden, collection.replies(SZCZECIN, event, REPLIES, 2), "collection-replies")
    is_golden(golden, collection.context(SZCZECIN, event, [EVENT, *REPLIES], 3), "collection-context")


def test_webfinger(golden: Golden) -> None:
    person, region = actor_of(golden.read("actor-person")), actor_of(golden.read("actor-region"))
    is_golden(golden, wellknown.webfinger(SZCZECIN, person), "webfinger-acct")
    is_golden(golden, wellknown.webfinger(SZCZECIN, region), "webfinger-url")
    is_golden(golden, wellknown.webfinger_server(SZCZECIN), "webfinger-server")


def test_host_meta(golden: Golden) -> None:
    is_golden(golden, wellknown.host_meta(SZCZECIN), "host-meta")
    assert wellknown.host_meta_xml(SZCZECIN) == (golden.folder / "host-meta.xml").read_text("utf-8")


def test_nodeinfo(golden: Golden) -> None:
    found = golden.read("nodeinfo-2.1")
    users, metadata = found["usage"]["users"], found["metadata"]
    facts = wellknown.NodeFacts(
        version=found["software"]["version"],
        repository=found["software"]["repository"],
        homepage=found["software"]["homepage"],
        name=metadata["nodeName"],
        description=metadata["nodeDescription"],
        staff=tuple(metadata["staffAccounts"]),
        users=users["total"],
        active_month=users["activeMonth"],
        active_halfyear=users["activeHalfyear"],
        posts=found["usage"]["localPosts"],
        comments=found["usage"]["localComments"],
    )
    is_golden(golden, wellknown.nodeinfo_discovery(SZCZECIN), "nodeinfo-discovery")
    is_golden(golden, wellknown.nodeinfo_2_0(facts), "nodeinfo-2.0")
    is_golden(golden, wellknown.nodeinfo_2_1(facts), "nodeinfo-2.1")
