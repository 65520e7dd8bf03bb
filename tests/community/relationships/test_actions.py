"""Follows and blocks: asked, answered, ended, and what each of them records."""

import pytest

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.relationships import actions, queries
from fedi_cluster.community.relationships.facts import (
    Blocked,
    Followed,
    FollowRefused,
    FollowRequested,
    Unblocked,
    Unfollowed,
)
from fedi_cluster.community.relationships.rules import Answer
from fedi_cluster.community.relationships.shapes import Follow
from tests.builders import Hands


def between(hands: Hands, follower: Actor, target: Actor) -> Follow | None:
    return hands.see(queries.follow_between, follower.id, target.id)


def follow(hands: Hands, follower: Actor, target: Actor, uri: str = "https://x.example/1") -> Follow:
    hands.do(actions.follow, follower, target, uri)
    found = between(hands, follower, target)
    assert found is not None
    return found


def test_a_local_target_accepts_at_once(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    assert hands.do(actions.follow, hanne, ola, "u:1") is Answer.ACCEPT
    made = between(hands, hanne, ola)
    assert made is not None
    assert (made.state, made.uri) == ("accepted", "u:1")
    assert hands.told() == [Followed(made.id, local=True)]
    assert hands.see(queries.count_followers, ola.id) == hands.see(queries.count_following, hanne.id) == 1
    assert hands.see(queries.follower_inboxes, ola.id) == {hanne.delivery_inbox}
    assert not hands.see(queries.has_local_follower, ola.id)


def test_a_repeated_wish_is_answered_again_under_its_newer_id(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    first = follow(hands, hanne, ola, "u:1")
    hands.told()
    assert hands.do(actions.follow, hanne, ola, "u:2") is Answer.ACCEPT
    assert hands.told() == [Followed(first.id, local=True)]
    assert hands.see(queries.follow_by_uri, "u:1") is None
    again = hands.see(queries.follow_by_uri, "u:2")
    assert again is not None
    assert again.id == first.id
    assert hands.see(queries.count_followers, ola.id) == 1


def test_a_remote_target_is_asked(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    assert hands.do(actions.follow, ola, hanne, "u:1") is Answer.ASK
    asked = between(hands, ola, hanne)
    assert asked is not None
    assert (asked.state, hands.told()) == ("pending", [FollowRequested(asked.id, local=True)])
    assert hands.see(queries.count_following, ola.id) == 0
    assert hands.see(queries.has_local_follower, hanne.id), "a post may overtake the answer"
    hands.do(actions.accept, asked, hanne)
    assert hands.told() == [Followed(asked.id, local=False)]
    assert hands.see(queries.has_local_follower, hanne.id)
    accepted = between(hands, ola, hanne)
    assert accepted is not None
    hands.do(actions.accept, accepted, hanne)
    assert (accepted.state, hands.told()) == ("accepted", [])


def test_a_second_click_does_not_cut_what_a_remote_target_accepted(hands: Hands) -> None:
    """It went back to pending, and nothing of the target was taken until its server answered again."""
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    hands.do(actions.accept, follow(hands, ola, hanne, "u:1"), hanne)
    hands.told()
    assert hands.do(actions.follow, ola, hanne, "u:2") is Answer.ASK
    again = between(hands, ola, hanne)
    assert again is not None
    assert (again.state, again.uri) == ("accepted", "u:2")
    assert hands.told() == [FollowRequested(again.id, local=True)]


def test_who_decides_herself_is_asked_and_keeps_whom_she_took(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    careful = hands.remote("lotte", manually_approves=True)
    assert hands.do(actions.follow, hanne, careful, "u:1") is Answer.ASK
    asked = between(hands, hanne, careful)
    assert asked is not None
    assert hands.told() == [FollowRequested(asked.id, local=False)]
    hands.do(actions.refuse, asked, careful)
    assert hands.told() == [FollowRefused("u:1", hanne.id, careful.id, local=False)]
    assert between(hands, hanne, careful) is None
    assert hands.see(queries.follow_by_id, asked.id) is None
    # Ending a follow that was accepted is the same act.
    hands.do(actions.refuse, follow(hands, hanne, ola, "u:2"), ola)
    assert hands.told()[-1] == FollowRefused("u:2", hanne.id, ola.id, local=True)
    assert hands.see(queries.count_followers, ola.id) == 0


@pytest.mark.parametrize("case", ["self", "deleted", "blocked", "blocks"])
def test_a_wish_that_is_refused_leaves_nothing(hands: Hands, case: str) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    follower = ola if case == "self" else hanne
    if case == "deleted":
        hands.do(actor_actions.delete_actor, ola)
        ola = hands.see(actor_queries.by_id, ola.id)
    if case == "blocked":
        hands.do(actions.block, ola, hanne, "b:1")
    if case == "blocks":
        hands.do(actions.block, hanne, ola, "b:1")
    hands.told()
    assert hands.do(actions.follow, follower, ola, "u:1") is Answer.REFUSE
    assert hands.told() == [FollowRefused("u:1", follower.id, ola.id, local=True)]
    assert between(hands, follower, ola) is None


def test_unfollowing(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    follow(hands, hanne, ola, "u:1")
    hands.told()
    hands.do(actions.unfollow, hanne, ola)
    assert hands.told() == [Unfollowed("u:1", hanne.id, ola.id, local=False)]
    hands.do(actions.unfollow, hanne, ola)
    assert (hands.told(), between(hands, hanne, ola)) == ([], None)


def test_a_block_ends_follows_in_both_directions(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    follow(hands, hanne, ola, "u:1")
    hands.do(actions.accept, follow(hands, ola, hanne, "u:2"), hanne)
    hands.told()
    hands.do(actions.block, ola, hanne, "b:1")
    block = hands.see(queries.block_between, ola.id, hanne.id)
    assert block is not None
    assert hands.told() == [
        Unfollowed("u:2", ola.id, hanne.id, local=True),
        FollowRefused("u:1", hanne.id, ola.id, local=True),
        Blocked(block.id, local=True),
    ]
    assert hands.see(queries.block_by_id, block.id) == block
    assert between(hands, hanne, ola) is between(hands, ola, hanne) is None
    assert hands.see(queries.is_blocked, hanne.id, ola.id)
    assert hands.see(queries.is_blocked, ola.id, hanne.id)
    hands.do(actions.block, ola, hanne, "b:2")
    assert hands.told() == []


def test_lifting_a_block_brings_no_follow_back(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    hands.do(actions.unblock, ola, hanne)
    follow(hands, hanne, ola)
    hands.do(actions.block, ola, hanne, "b:1")
    hands.told()
    hands.do(actions.unblock, ola, hanne)
    assert hands.told() == [Unblocked("b:1", ola.id, hanne.id, local=True)]
    assert not hands.see(queries.is_blocked, hanne.id, ola.id)
    assert between(hands, hanne, ola) is None


def test_nobody_blocks_herself(hands: Hands) -> None:
    ola = hands.local("ola")
    hands.do(actions.block, ola, ola, "b:1")
    assert (hands.told(), hands.see(queries.is_blocked, ola.id, ola.id)) == ([], False)


def test_a_gone_account_follows_nobody_and_is_followed_by_nobody(hands: Hands) -> None:
    hanne, lotte, ola = hands.remote("hanne"), hands.remote("lotte"), hands.local("ola")
    for one, other in ((hanne, ola), (ola, hanne), (lotte, ola)):
        follow(hands, one, other, f"u:{one.id}:{other.id}")
    hands.told()
    hands.do(actions.end_all, hanne)
    assert hands.told() == []
    assert between(hands, hanne, ola) is between(hands, ola, hanne) is None
    assert between(hands, lotte, ola) is not None
    hands.do(actor_actions.delete_actor, lotte)
    assert hands.see(queries.follower_inboxes, ola.id) == set()
