"""Who sees which posts in which order, page by page; the hidden and the deleted nowhere."""

from collections.abc import Callable

import pytest

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.actions import announce, erase
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.paging import Page, PageRequest
from fedi_cluster.timelines import fanout, queries
from tests.builders import Hands

HIDDEN = ("followers", "direct")


def ids(posts: object) -> list[int]:
    return [one.id for one in posts]  # type: ignore[attr-defined]


def now(hands: Hands, post: Post) -> Post:
    found = hands.see(post_queries.by_id, post.id)
    assert found is not None
    return found


def walk(ask: Callable[[PageRequest], Page[int]]) -> list[int]:
    """Everything, two at a time, down and up again; both ways must meet the same."""
    page = ask(PageRequest(2))
    down, last = list(page.items), page
    while last.older is not None:
        last = ask(PageRequest(2, before=last.older))
        down += last.items
    up = list(last.items)
    while last.newer is not None:
        last = ask(PageRequest(2, after=last.newer))
        up = [*last.items, *up]
    assert up == down
    return down


def test_the_local_timeline(hands: Hands) -> None:
    ola = hands.local("ola")
    posts = [hands.write(ola) for _ in range(5)]
    hands.write(ola, in_reply_to=posts[0].uri)
    hands.receive(hands.remote("hanne"))
    for visibility in ("unlisted", *HIDDEN):
        hands.write(ola, visibility=visibility)
    hands.do(erase, ola, posts[2])

    def ask(request: PageRequest) -> Page[int]:
        page = hands.see(queries.local, request)
        return Page(ids(page.items), page.older, page.newer)

    assert walk(ask) == ids(reversed([*posts[:2], *posts[3:]]))


def test_a_profile_shows_what_was_written_and_passed_on(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    early, foreign = hands.write(ola), hands.receive(hanne)
    hands.later(minutes=1)
    hands.do(announce, ola, foreign, "a:1")
    hands.later(minutes=1)
    late = hands.write(ola, visibility="unlisted")
    for visibility in HIDDEN:
        hands.write(ola, visibility=visibility)
    hands.write(ola, in_reply_to=foreign.uri)
    page = hands.see(queries.profile, ola, PageRequest())
    assert [(one.post.id, one.announced_by) for one in page.items] == [
        (late.id, None),
        (foreign.id, ola),
        (early.id, None),
    ]

    def ask(request: PageRequest) -> Page[int]:
        page = hands.see(queries.profile, ola, request)
        return Page([one.post.id for one in page.items], page.older, page.newer)

    assert walk(ask) == [late.id, foreign.id, early.id]
    hands.do(erase, hanne, foreign)
    assert walk(ask) == [late.id, early.id]


def test_the_cluster_timeline_by_pages_and_region(hands: Hands) -> None:
    ola = hands.local("ola")
    regions = [hands.remote("region", f"{name}.example", type="Group") for name in ("rostock", "klaipeda")]
    posts = [hands.write(ola) for _ in range(5)]
    for number, post in enumerate(posts):
        for _twice in range(2):
            hands.do(fanout.add, post.id, regions[number % 2].id)
    hidden = hands.write(ola, visibility="followers")
    hands.do(fanout.add, hidden.id, regions[0].id)

    def of(region_id: int | None) -> list[int]:
        def ask(request: PageRequest) -> Page[int]:
            page = hands.see(queries.cluster, request, region_id)
            return Page([one.post.id for one in page.items], page.older, page.newer)

        return walk(ask)

    assert of(None) == ids(reversed(posts))
    assert of(regions[0].id) == ids(reversed(posts[::2]))
    assert of(regions[1].id) == ids(reversed(posts[1::2]))
    assert of(1) == []


def test_a_hashtag_has_answers_but_nothing_hidden(hands: Hands) -> None:
    ola, text = hands.local("ola"), "Look #Żegluga"
    root = hands.write(ola, text)
    answer = hands.write(ola, "So #zegluga", in_reply_to=root.uri)
    for visibility in ("unlisted", *HIDDEN):
        hands.write(ola, text, visibility=visibility)
    hands.do(erase, ola, hands.write(ola, text))
    assert ids(hands.see(queries.tagged, "zegluga", PageRequest()).items) == [answer.id, root.id]
    assert not hands.see(queries.tagged, "x" * 200, PageRequest()).items


def test_a_conversation(hands: Hands) -> None:
    ola = hands.local("ola")

    def answer(parent: Post, visibility: str = "public") -> Post:
        return hands.write(ola, in_reply_to=parent.uri, visibility=visibility)

    root = hands.write(ola)
    one = answer(root)
    two, side = answer(one), answer(root)
    three = answer(two)
    hidden = answer(root, visibility="followers")
    thread = hands.see(queries.thread, now(hands, two))
    assert (ids(thread.ancestors), thread.post.id) == ([root.id, one.id], two.id)
    assert ids(thread.descendants) == [three.id]
    assert ids(hands.see(queries.thread, now(hands, root)).descendants) == ids([one, two, side, three])
    assert hands.see(queries.thread, now(hands, hidden)).descendants == []


def test_a_deleted_post_stays_where_an_answer_stays(hands: Hands) -> None:
    ola = hands.local("ola")
    root = hands.write(ola)
    one = hands.write(ola, in_reply_to=root.uri)
    two = hands.write(ola, in_reply_to=one.uri)
    leaf = hands.write(ola, in_reply_to=root.uri)
    for gone in (one, leaf):
        hands.do(erase, ola, gone)
    below = hands.see(queries.thread, now(hands, root)).descendants
    assert [(post.id, post.deleted_at is None) for post in below] == [(one.id, False), (two.id, True)]
    assert ids(hands.see(queries.thread, now(hands, two)).ancestors) == [root.id]


@pytest.mark.parametrize("start", ["one", "two"])
def test_a_ring_of_answers_has_an_end(hands: Hands, start: str) -> None:
    hanne, base = hands.remote("hanne"), "https://rostock.example/notes"
    ring = {
        "one": hands.receive(hanne, "one", in_reply_to=f"{base}/two"),
        "two": hands.receive(hanne, "two", in_reply_to=f"{base}/one"),
    }
    thread = hands.see(queries.thread, now(hands, ring.pop(start)))
    other = [post.id for post in ring.values()]
    assert ids(thread.ancestors) == ids(thread.descendants) == other
