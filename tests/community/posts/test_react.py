"""Likes and announces: once each, by whom may read the post, and counted right."""

from collections.abc import Callable

import pytest

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.actions import announce, erase, like, unannounce, unlike
from fedi_cluster.community.posts.actions.publish import count
from fedi_cluster.community.posts.facts import Announced, Liked, Unannounced, Unliked
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.relationships import actions as relationships
from fedi_cluster.kernel.errors import Forbidden
from tests.builders import Hands


def counts(hands: Hands, post: Post) -> tuple[int, int, int]:
    """Answers, likes and announces as the post tells them."""
    found = hands.see(queries.by_id, post.id)
    assert found is not None
    return found.replies_count, found.likes_count, found.announces_count


def test_a_like_is_given_and_taken_once(hands: Hands) -> None:
    hanne, post = hands.remote("hanne"), hands.write(hands.local("ola"))
    hands.do(like, hanne, post, "l:1")
    given = hands.see(queries.like_between, hanne.id, post.id)
    assert given is not None
    assert hands.told() == [Liked(given.id, post.id, local=False)]
    assert hands.see(queries.reaction_by_uri, "l:1") == ("like", given)
    hands.do(like, hanne, post, "l:2")
    assert (hands.told(), counts(hands, post)) == ([], (0, 1, 0))
    hands.do(unlike, hanne, post)
    assert hands.told() == [Unliked("l:1", hanne.id, post.id, local=False)]
    hands.do(unlike, hanne, post)
    assert (hands.told(), counts(hands, post)) == ([], (0, 0, 0))
    assert hands.see(queries.like_by_id, given.id) is None


def test_an_announce_is_given_and_taken_once(hands: Hands) -> None:
    ola, post = hands.local("ola"), hands.receive(hands.remote("hanne"))
    hands.do(announce, ola, post, "a:1")
    given = hands.see(queries.announce_between, ola.id, post.id)
    assert given is not None
    assert hands.told() == [Announced(given.id, post.id, local=True)]
    assert hands.see(queries.reaction_by_uri, "a:1") == ("announce", given)
    hands.do(announce, ola, post, "a:2")
    assert (hands.told(), counts(hands, post)) == ([], (0, 0, 1))
    hands.do(unannounce, ola, post)
    assert hands.told() == [Unannounced("a:1", ola.id, post.id, local=True)]
    hands.do(unannounce, ola, post)
    assert (hands.told(), counts(hands, post)) == ([], (0, 0, 0))
    assert hands.see(queries.reaction_by_uri, "a:1") is None


@pytest.mark.parametrize("act", [like, announce])
@pytest.mark.parametrize("blocker", ["author", "reader"])
@pytest.mark.parametrize("local", ["author", "reader"])
def test_whoever_blocked_there_is_no_reaction(
    hands: Hands, act: Callable[..., None], blocker: str, local: str
) -> None:
    """A local reader could like and announce a remote author who had blocked her."""
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    author, reader = (ola, hanne) if local == "author" else (hanne, ola)
    post = hands.write(author) if author is ola else hands.receive(author)
    sides = (author, reader) if blocker == "author" else (reader, author)
    hands.do(relationships.block, *sides, "b:1")
    hands.told()
    with pytest.raises(Forbidden):
        hands.do(act, reader, post, "r:1")
    assert (hands.told(), counts(hands, post)) == ([], (0, 0, 0))


def hidden_post(hands: Hands, author: Actor, visibility: str) -> Post:
    to = (author.followers,) if visibility == "followers" else ()
    return hands.receive(author, visibility=visibility, to=to)


@pytest.mark.parametrize("visibility", ["followers", "direct"])
def test_who_cannot_read_a_post_has_nothing_to_say(hands: Hands, visibility: str) -> None:
    hanne, ola, lotte = hands.remote("hanne"), hands.local("ola"), hands.local("lotte")
    post = hidden_post(hands, hanne, visibility)
    named = hands.receive(hanne, visibility="direct", to=(lotte.uri,))
    asked = hands.do(relationships.follow, ola, hanne, "f:1")
    assert asked.value == "ask"
    hands.told()
    for act in (like, announce):
        with pytest.raises(Forbidden):
            hands.do(act, ola, post, "r:1")
    assert hands.told() == []
    hands.do(like, lotte, named, "r:2")
    hands.do(like, hanne, post, "r:3")


def test_a_follower_likes_but_passes_nothing_on(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    post = hands.write(ola, visibility="followers")
    with pytest.raises(Forbidden):
        hands.do(like, hanne, post, "l:1")
    hands.do(relationships.follow, hanne, ola, "f:1")
    hands.do(like, hanne, post, "l:1")
    with pytest.raises(Forbidden):
        hands.do(announce, hanne, post, "a:1")
    hands.do(announce, ola, post, "a:2")
    assert counts(hands, post) == (0, 1, 1)


@pytest.mark.parametrize("act", [like, announce])
def test_nothing_is_said_to_a_deleted_post(hands: Hands, act: Callable[..., None]) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    post = hands.write(ola)
    hands.do(act, hanne, post, "r:1")
    hands.do(erase, ola, post)
    gone = hands.see(queries.by_id, post.id)
    assert gone is not None
    with pytest.raises(Forbidden):
        hands.do(act, hanne, gone, "r:2")
    for undo in (unlike, unannounce):
        hands.do(undo, hanne, gone)
    assert min(counts(hands, post)) >= 0


@pytest.mark.parametrize("column", ["replies_count", "likes_count", "announces_count"])
def test_a_counter_never_falls_below_nothing(hands: Hands, column: str) -> None:
    post = hands.write(hands.local("ola"))
    for step, expected in ((-1, 0), (2, 2), (-3, 2), (-2, 0)):
        hands.do(count, post.id, column, step)
        found = hands.see(queries.by_id, post.id)
        assert getattr(found, column) == expected
