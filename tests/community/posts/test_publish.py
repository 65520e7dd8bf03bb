"""The one door for posts: what comes twice is one, what was deleted stays away, threads grow together."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fedi_cluster.community.actors.shapes import Place
from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.actions import (
    announce,
    erase,
    forget,
    note_recipients,
    publish,
    unannounce,
)
from fedi_cluster.community.posts.facts import PostDeleted, PostPublished
from fedi_cluster.community.posts.shapes import Attachment, Funding, Post, Project, Tag
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.unit import Unit
from tests.builders import AT, START, Hands, remote_post

URI = "https://rostock.example/notes/1"


def now(hands: Hands, post: Post) -> Post:
    """The post as it is now."""
    found = hands.see(queries.by_id, post.id)
    assert found is not None
    return found


def test_what_comes_twice_is_one(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    first = hands.do(lambda unit: publish(unit, hanne, remote_post(unit, URI)))
    assert first is not None
    assert hands.told() == [PostPublished(first.id, local=False)]
    assert hands.do(lambda unit: publish(unit, hanne, remote_post(unit, URI, content="other"))) is None
    assert hands.told() == []
    assert hands.see(queries.by_uri, URI) == first
    assert (first.parent_id, first.thread_id, first.replies_count) == (None, first.id, 0)


def test_everything_that_a_post_says_is_kept(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    said = {
        "title": "T",
        "title_map": {"de": "T", "ar": "ت"},
        "summary": "S",
        "summary_map": {"sv": "S", "de": "S"},
        "content_map": {"sv": "a", "de": "b", "pl": "c"},
        "language": "sv",
        "sensitive": True,
        "context": "urn:x",
        "attachments": (
            Attachment("https://rostock.example/1.png", "image/png", "a boat", 3, 4, "LK", (0.5, -1.0)),
        ),
        "tags": (Tag("Mention", "@ola", ola.uri), Tag("Hashtag", "#Wind", ""), Tag("Hashtag", "#WIND", "")),
        "project": Project(
            "open",
            (hanne.uri,),
            (),
            "g",
            (Funding("Interreg", "7", None),),
            {"sv": "<p>x</p>"},
            place=Place("Port", 1.0, 2.0),
        ),
        "audience": "https://rostock.example/actors/region",
        "cc": (ola.uri,),
        "published_at": START + timedelta(microseconds=700_000),
        "updated_at": START + timedelta(seconds=5),
    }
    post = hands.receive(hanne, "1", **said)
    assert now(hands, post) == post, "what the transaction holds is what it wrote"
    said |= {"published_at": START}
    assert {name: getattr(post, name) for name in said} == said
    assert list(post.content_map) == ["sv", "de", "pl"]
    assert hands.see(queries.mentioned, post.id) == [ola]


def test_a_create_after_its_delete_stays_gone(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    post = hands.receive(hanne, "1")
    hands.do(erase, hanne, post)
    assert hands.do(lambda unit: publish(unit, hanne, remote_post(unit, post.uri))) is None
    assert now(hands, post).deleted_at is not None
    hands.do(forget, "https://rostock.example/notes/never", "Note", None)
    hands.do(forget, "https://rostock.example/notes/never", "Article", START + timedelta(days=1))
    never = hands.see(queries.tombstone, "https://rostock.example/notes/never")
    assert never is not None
    assert (never.former_type, never.deleted_at) == ("Note", START)
    hands.told()
    assert hands.do(lambda unit: publish(unit, hanne, remote_post(unit, never.uri))) is None
    assert hands.told() == []


def test_answers_before_their_parent_join_its_thread(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    root, middle = "https://rostock.example/notes/root", "https://rostock.example/notes/middle"
    deep = hands.receive(hanne, "deep", in_reply_to=middle)
    deeper = hands.receive(hanne, "deeper", in_reply_to=deep.uri)
    other = hands.receive(hanne, "other", in_reply_to=root)
    hidden = hands.receive(hanne, "hidden", in_reply_to=root, visibility="followers")
    assert len({one.thread_id for one in (deep, other, hidden)}) == 3
    assert deeper.thread_id == deep.thread_id
    between = hands.receive(hanne, "middle", in_reply_to=root)
    above = hands.receive(hanne, "root")
    whole = [now(hands, one) for one in (above, between, deep, deeper, other, hidden)]
    assert {one.thread_id for one in whole} == {above.id}
    assert [one.parent_id for one in whole] == [None, above.id, between.id, deep.id, above.id, above.id]
    assert [one.replies_count for one in whole] == [2, 1, 1, 0, 0, 0]
    assert hands.see(queries.open_thread, above.id, 9) == [
        one for one in sorted(whole, key=lambda post: post.id) if one.id != hidden.id
    ]
    assert [one.id for one in hands.see(queries.open_replies, above.id, 9)] == [other.id, between.id]
    assert [one.id for one in hands.see(queries.open_replies, above.id, 9, after=other.id)] == [between.id]


def test_an_answer_that_is_gone_already_is_not_counted(hands: Hands) -> None:
    """It was counted when its parent came, and never taken off again."""
    hanne = hands.remote("hanne")
    early = hands.receive(hanne, "early", in_reply_to="https://rostock.example/notes/late")
    hands.do(erase, hanne, early)
    late = hands.receive(hanne, "late")
    assert (late.replies_count, now(hands, early).parent_id) == (0, late.id)


def test_posts_that_answer_one_another_make_no_ring_of_counts(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    base = "https://rostock.example/notes"
    alone = hands.receive(hanne, "self", in_reply_to=f"{base}/self")
    assert (alone.parent_id, alone.replies_count) == (None, 0)
    one = hands.receive(hanne, "one", in_reply_to=f"{base}/two")
    two = hands.receive(hanne, "two", in_reply_to=f"{base}/one")
    assert now(hands, one).parent_id == two.id
    assert now(hands, one).thread_id == now(hands, two).thread_id
    assert (now(hands, one).replies_count, now(hands, two).replies_count) == (1, 1)


@pytest.mark.parametrize("visibility", ["public", "unlisted", "followers", "direct"])
def test_an_answer_counts_while_everybody_may_read_it(hands: Hands, visibility: str) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    root = hands.write(ola)
    counted = int(visibility in ("public", "unlisted"))
    answer = hands.receive(hanne, in_reply_to=root.uri, visibility=visibility)
    assert now(hands, root).replies_count == counted
    hands.do(erase, hanne, answer)
    assert hands.told() == [PostDeleted(answer.id, local=False)]
    assert now(hands, root).replies_count == 0
    hands.do(erase, hanne, now(hands, answer))
    assert now(hands, root).replies_count == 0
    assert hands.told() == []


def test_a_number_that_another_post_has(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    first = hands.receive(hanne, "first")
    second = hands.receive(hanne, "second", id=first.id)
    assert second.id != first.id
    assert second.thread_id == second.id
    assert now(hands, first).uri == first.uri
    with pytest.raises(Conflict, match="publish it again"):
        hands.do(lambda unit: publish(unit, ola, remote_post(unit, AT.object(first.id), id=first.id)))
    assert hands.see(queries.by_uri, AT.object(first.id)) is None


def test_what_was_read_ahead_changes_with_what_is_written(hands: Hands) -> None:
    hanne, mia = hands.remote("hanne"), hands.remote("mia")
    base, act = "https://rostock.example/notes", "https://rostock.example/announces/1"
    root, answer, gone = f"{base}/root", f"{base}/answer", f"{base}/gone"

    def batch(unit: Unit) -> Post:
        queries.read_ahead(unit, [root, answer, gone])
        queries.read_reactions_ahead(unit, [act])
        below = publish(unit, hanne, remote_post(unit, answer, in_reply_to=root))
        above = publish(unit, hanne, remote_post(unit, root))
        assert below is not None
        assert above is not None
        assert queries.by_uri(unit, answer) == replace(below, parent_id=above.id, thread_id=above.id)
        forget(unit, gone, "Note", None)
        assert publish(unit, hanne, remote_post(unit, gone)) is None
        announce(unit, mia, above, act)
        assert queries.is_reaction(unit, act)
        assert queries.announce_between(unit, mia.id, above.id) is not None
        unannounce(unit, mia, above)
        assert not queries.is_reaction(unit, act)
        assert queries.announce_between(unit, mia.id, above.id) is None
        held = queries.by_uri(unit, root)
        assert held is not None
        return held

    held = hands.do(batch)
    assert (held.replies_count, held.announces_count) == (1, 0)
    assert now(hands, held) == held


def test_what_was_published_long_ago_sorts_by_its_time(hands: Hands) -> None:
    ola = hands.local("ola")
    new = hands.write(ola)
    old = hands.write(ola, published_at=START - timedelta(days=900))
    assert old.id < new.id
    assert hands.see(queries.count_of_author, ola.id) == 2


def test_recipients_are_remembered_once(hands: Hands) -> None:
    post = hands.write(hands.local("ola"))
    hands.do(note_recipients, post.id, ["https://a.example/inbox", "https://b.example/inbox"])
    hands.do(note_recipients, post.id, ["https://b.example/inbox", "https://b.example/inbox"])
    hands.do(note_recipients, post.id, [])
    assert hands.see(queries.recipients, post.id) == {"https://a.example/inbox", "https://b.example/inbox"}
