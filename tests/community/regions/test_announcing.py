"""What a region announces: a member's public post that names it, once, and no answer."""

from itertools import product

import pytest

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import Announced, PostPublished
from fedi_cluster.community.posts.shapes import Tag
from fedi_cluster.community.regions.actions import consider
from fedi_cluster.community.regions.rules import announces, is_addressed
from fedi_cluster.kernel.addresses import PUBLIC
from tests.builders import AT, START, Hands, actor_shape, post_shape

OLA = actor_shape(1)
MENTION, OTHER = Tag("Mention", "@region", AT.region), Tag("Hashtag", "#region", AT.region)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"audience": AT.region}, True),
        ({"to": (PUBLIC, AT.region)}, True),
        ({"cc": (AT.region,)}, True),
        ({"tags": (MENTION,)}, True),
        ({"tags": (OTHER,)}, False),
        ({"audience": AT.actor("region2")}, False),
        ({}, False),
    ],
)
def test_the_ways_to_name_a_region(changes: dict[str, object], named: bool) -> None:
    assert is_addressed(post_shape(OLA, **changes), AT.region) is named


CASES = list(product(*[(False, True)] * 5, ("public", "unlisted", "followers", "direct")))


def test_what_is_announced() -> None:
    """Every case, none left out."""
    for local, deleted, answer, own, named, visibility in CASES:
        post = post_shape(
            actor_shape(2, uri=AT.region) if own else OLA,
            local=local,
            deleted_at=START if deleted else None,
            in_reply_to="https://rostock.example/notes/1" if answer else None,
            audience=AT.region if named else None,
            visibility=visibility,
        )
        expected = local and named and visibility == "public" and not (deleted or answer or own)
        assert announces(post, AT.region) is expected, post


def test_a_fresh_post_is_announced_in_the_same_transaction(hands: Hands) -> None:
    ola = hands.local("ola")
    before = hands.write(ola, to_region=True)
    hands.do(consider, AT, PostPublished(before.id, local=True))
    assert hands.told() == []
    region = hands.local("region", type="Group", kind="Region", founding=True)
    post, quiet = hands.write(ola, to_region=True), hands.write(ola)
    far = hands.receive(hands.remote("hanne"), audience=AT.region)
    for one in (post, quiet, far, post):
        hands.do(consider, AT, PostPublished(one.id, local=one.local))
    said = hands.see(post_queries.announce_between, region.id, post.id)
    assert said is not None
    assert said.uri.startswith(f"{AT.base}/activities/")
    assert hands.told() == [Announced(said.id, post.id, local=True)]
