"""Later versions replace, earlier ones do not, and only the author changes or deletes."""

from datetime import timedelta

import pytest

from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.actions import PublishPost, edit, erase, erase_all, like, rewrite
from fedi_cluster.community.posts.actions.write import WritePost
from fedi_cluster.community.posts.facts import PostDeleted, PostEdited
from fedi_cluster.community.posts.shapes import Post, Tag
from fedi_cluster.kernel.errors import Forbidden, NotFound
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.timelines.queries import tagged
from tests.builders import AT, START, Hands, remote_post


def now(hands: Hands, post: Post) -> Post:
    """The post as it is now."""
    found = hands.see(queries.by_id, post.id)
    assert found is not None
    return found


def change(hands: Hands, post: Post, author: str = "", **changes: object) -> bool:
    """An Update of a remote post arrives."""
    writer = hands.remote(author) if author else post.author

    def arrive(unit: object) -> bool:
        new: PublishPost = remote_post(unit, post.uri, **changes)  # type: ignore[arg-type]
        return edit(unit, writer, post, new)  # type: ignore[arg-type]

    return hands.do(arrive)


def test_only_a_later_version_replaces(hands: Hands) -> None:
    post = hands.receive(hands.remote("hanne"), updated_at=START + timedelta(hours=1))
    for hours in (-1, 0):
        assert not change(hands, post, content="older", updated_at=START + timedelta(hours=hours))
    # The wire carries whole seconds: the same text of the same second is the same version.
    assert not change(hands, post, updated_at=START + timedelta(hours=1, seconds=0.9))
    assert (now(hands, post), hands.told()) == (post, [])
    assert change(hands, post, content="<p>newer</p>", updated_at=START + timedelta(hours=1, seconds=1))
    assert hands.told() == [PostEdited(post.id, local=False)]
    edited = now(hands, post)
    assert (edited.content, edited.updated_at) == ("<p>newer</p>", START + timedelta(hours=1, seconds=1))


def test_two_edits_of_one_second(hands: Hands) -> None:
    post = hands.receive(hands.remote("hanne"))
    assert change(hands, post, content="<p>second thought</p>")
    assert now(hands, post).content == "<p>second thought</p>"


def test_an_edit_changes_neither_audience_nor_date(hands: Hands) -> None:
    post = hands.receive(hands.remote("hanne"), visibility="followers", to=("x",))
    later = START + timedelta(hours=2)
    assert change(hands, post, visibility="public", to=("y",), published_at=later, updated_at=later)
    edited = now(hands, post)
    assert (edited.visibility, edited.to, edited.published_at) == ("followers", ("x",), START)


def test_tags_follow_the_text(hands: Hands) -> None:
    hanne, ola = hands.remote("hanne"), hands.local("ola")
    mention, wind, port = (
        Tag("Mention", "@ola", ola.uri),
        Tag("Hashtag", "#Wind", ""),
        Tag("Hashtag", "#Port", ""),
    )
    post = hands.receive(hanne, tags=(mention, wind))
    assert change(hands, post, tags=(port,), updated_at=START + timedelta(hours=1))
    assert hands.see(queries.mentioned, post.id) == []
    assert not hands.see(tagged, "wind", PageRequest()).items
    assert [one.id for one in hands.see(tagged, "port", PageRequest()).items] == [post.id]


def test_nobody_else_changes_or_deletes(hands: Hands) -> None:
    post = hands.receive(hands.remote("hanne"))
    with pytest.raises(Forbidden):
        change(hands, post, "lotte", updated_at=START + timedelta(hours=1))
    with pytest.raises(Forbidden):
        hands.do(erase, hands.remote("lotte"), post)
    assert (now(hands, post), hands.told()) == (post, [])
    assert hands.see(queries.tombstone, post.uri) is None


def test_a_deleted_post_keeps_no_word(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    post = hands.write(ola, "Wind @hanne@rostock.example #Wind", title="T", summary="S", kind="news")
    hands.do(like, hanne, post, "https://rostock.example/likes/1")
    hands.told()
    hands.later(hours=1)
    hands.do(erase, ola, post)
    assert hands.told() == [PostDeleted(post.id, local=True)]
    gone = now(hands, post)
    said = (
        gone.content,
        gone.content_map,
        gone.title,
        gone.title_map,
        gone.summary,
        gone.summary_map,
        gone.tags,
    )
    assert said == ("", {}, None, {}, None, {}, ())
    stone = hands.see(queries.tombstone, post.uri)
    assert stone is not None
    assert (stone.former_type, stone.published_at, stone.deleted_at) == ("Article", START, hands.moment)
    assert hands.see(queries.mentioned, post.id) == []
    assert hands.see(queries.like_between, hanne.id, post.id) is None
    with pytest.raises(Forbidden):
        hands.do(like, hanne, gone, "https://rostock.example/likes/2")
    assert not change(hands, gone, updated_at=hands.moment + timedelta(days=1))
    with pytest.raises(NotFound):
        hands.do(rewrite, AT, ola, gone, WritePost("again", "pl", kind="news", title="T"))


def test_the_deletion_is_later_than_the_last_version(hands: Hands) -> None:
    """Two changes in one second are told apart, or others would keep the first."""
    ola = hands.local("ola")
    post = hands.write(ola)
    for step in (1, 2):
        post = hands.do(rewrite, AT, ola, post, WritePost("again", "pl"))
        assert post.updated_at == START + timedelta(seconds=step)
    hands.do(erase, ola, post)
    assert now(hands, post).deleted_at == START + timedelta(seconds=3)


def test_a_stranger_dates_her_own_deletion(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    post = hands.receive(hanne)
    hands.do(erase, hanne, post, START + timedelta(minutes=5, microseconds=7))
    assert now(hands, post).deleted_at == START + timedelta(minutes=5)


def test_with_an_account_all_its_posts_go(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    root = hands.write(hands.local("lotte"))
    mine = [hands.write(ola, in_reply_to=root.uri), hands.write(ola, visibility="followers")]
    other = hands.receive(hanne)
    hands.do(erase_all, ola)
    assert hands.told() == [PostDeleted(post.id, local=True) for post in mine]
    assert all(now(hands, post).deleted_at for post in mine)
    assert now(hands, root).replies_count == 0
    assert now(hands, other) == other
    hands.do(erase_all, ola)
    assert hands.told() == []
