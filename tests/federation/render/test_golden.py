"""What we publish and sign is the golden documents byte for byte: members, their order, contexts, proofs."""

from dataclasses import replace
from typing import Any

import pytest

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.render import activity, cluster
from fedi_cluster.federation.render.actor import actor
from fedi_cluster.federation.render.post import post, tombstone
from fedi_cluster.kernel.json import Json, dumps
from tests.federation.render.golden_shapes import SZCZECIN, Golden, actor_of, entry_of, moment, post_of

pytestmark = pytest.mark.shared

AUTHORS = {
    "object-note": "actor-person",
    "object-project": "actor-organisation",
    "object-article": "actor-editorial",
    "object-note-event-moved": "actor-organisation",
}


def is_golden(golden: Golden, document: Json, name: str) -> None:
    """Signs the document as the golden one is signed and compares the bytes."""
    expected = golden.read(name)
    made = golden.sign(document, expected)
    assert list(made) == list(expected)
    assert made == expected
    assert dumps(made) == dumps(expected)


def post_named(golden: Golden, name: str) -> Post:
    return post_of(golden.read(name), actor_of(golden.read(AUTHORS[name])))


@pytest.mark.parametrize(
    "name",
    [
        "actor-region",
        "actor-topic-group",
        "actor-editorial",
        "actor-organisation",
        "actor-person",
        "actor-instance",
    ],
)
def test_actors(golden: Golden, name: str) -> None:
    is_golden(golden, actor(SZCZECIN, actor_of(golden.read(name))), name)


def test_an_edited_actor_says_when(golden: Golden) -> None:
    expected = golden.read("activity-update-person")["object"]
    assert dumps(golden.sign(actor(SZCZECIN, actor_of(expected)), expected)) == dumps(expected)


def test_an_update_of_a_profile(golden: Golden) -> None:
    expected = golden.read("activity-update-person")
    followers, published = expected["object"]["followers"], moment(expected["published"])
    made = activity.update_actor(expected["id"], expected["object"], followers, published)
    is_golden(golden, made, "activity-update-person")


@pytest.mark.parametrize("name", AUTHORS)
def test_posts(golden: Golden, name: str) -> None:
    is_golden(golden, post(SZCZECIN, post_named(golden, name)), name)


def test_the_tombstone(golden: Golden) -> None:
    found = golden.read("tombstone")
    is_golden(golden, _tombstone(found), "tombstone")


def _tombstone(found: Any) -> Json:
    return tombstone(found["id"], found["formerType"], moment(found["published"]), moment(found["deleted"]))


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("activity-create-note", "object-note"),
        ("activity-create-project", "object-project"),
        ("activity-create-article", "object-article"),
    ],
)
def test_creates(golden: Golden, name: str, about: str) -> None:
    expected, source = golden.read(name), post_named(golden, about)
    signed = golden.sign(post(SZCZECIN, source), expected["object"])
    is_golden(golden, activity.create(source, expected["id"], signed), name)


def test_a_create_by_reference(golden: Golden) -> None:
    name = "activity-create-article-by-reference"
    source = post_named(golden, "object-article")
    is_golden(golden, activity.create_by_reference(source, golden.read(name)["id"]), name)


def test_an_update(golden: Golden) -> None:
    expected = golden.read("activity-update-note")
    source = post_of(expected["object"], actor_of(golden.read("actor-person")))
    signed = golden.sign(post(SZCZECIN, source), expected["object"])
    is_golden(golden, activity.update(source, expected["id"], signed), "activity-update-note")


def test_a_delete(golden: Golden) -> None:
    expected = golden.read("activity-delete")
    gone = replace(
        post_named(golden, "object-note"),
        uri=expected["object"]["id"],
        to=tuple(expected["to"]),
        cc=tuple(expected["cc"]),
    )
    signed = golden.sign(_tombstone(expected["object"]), expected["object"])
    deleted_at = moment(expected["published"])
    is_golden(golden, activity.delete(gone, expected["id"], signed, deleted_at), "activity-delete")


def test_announces(golden: Golden) -> None:
    region = actor_of(golden.read("actor-region"))
    assert region.followers is not None
    by_id = golden.read("activity-announce-object")
    made = activity.announce_object(
        region.uri, region.followers, by_id["id"], by_id["object"], moment(by_id["published"])
    )
    is_golden(golden, made, "activity-announce-object")
    whole = golden.read("activity-announce-activity")
    inner = golden.read("activity-create-note")
    made = activity.announce_activity(
        region.uri, region.followers, whole["id"], inner, moment(whole["published"])
    )
    is_golden(golden, made, "activity-announce-activity")


def test_follow_and_its_answers(golden: Golden) -> None:
    asked = golden.read("activity-follow")
    is_golden(golden, activity.follow(asked["id"], asked["actor"], asked["object"]), "activity-follow")
    for name, answer in (
        ("activity-accept-follow", activity.accept),
        ("activity-reject-follow", activity.reject),
    ):
        found = golden.read(name)
        inner = found["object"]
        is_golden(
            golden,
            answer(found["id"], found["actor"], inner["id"], inner["actor"], inner["object"]),
            name,
        )


@pytest.mark.parametrize("of", ["follow", "like", "announce", "block"])
def test_undos(golden: Golden, of: str) -> None:
    found = golden.read(f"activity-undo-{of}")
    inner = found["object"]
    made = activity.undo(
        found["id"],
        found["actor"],
        found["to"],
        found["cc"],
        inner_id=inner["id"],
        inner_type=inner["type"],
        inner_actor=inner["actor"],
        inner_object=inner["object"],
    )
    is_golden(golden, made, f"activity-undo-{of}")


def test_like_and_block(golden: Golden) -> None:
    found = golden.read("activity-like")
    made = activity.like(found["id"], found["actor"], found["object"], found["to"], found["context"])
    is_golden(golden, made, "activity-like")
    found = golden.read("activity-block")
    is_golden(golden, activity.block(found["id"], found["actor"], found["object"]), "activity-block")


def test_the_member_list_and_how_it_is_sent(golden: Golden) -> None:
    expected = golden.read("cluster-members")
    entries = [entry_of(one) for one in reversed(expected["items"])]
    urn, version = expected["items"][0]["object"], expected["creative:version"]
    made = cluster.members(SZCZECIN, urn, version, moment(expected["updated"]), entries)
    is_golden(golden, made, "cluster-members")
    sent = golden.read("activity-update-cluster-members")
    signed = golden.sign(made, expected)
    update = activity.update_members(sent["id"], sent["actor"], sent["to"], signed)
    is_golden(golden, update, "activity-update-cluster-members")
