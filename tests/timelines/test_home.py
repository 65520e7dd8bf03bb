"""A home timeline has what its reader follows, once and newest first, and forgets what she may not see."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import pytest

from fedi_cluster.auth import users
from fedi_cluster.cli.accounts import add_user
from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors.actions import delete_actor
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts.actions import WritePost, announce, erase, unannounce
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.relationships import actions as relationships
from fedi_cluster.community.relationships.queries import follow_between
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.storage.engine import is_sqlite
from fedi_cluster.storage.unit import Unit
from fedi_cluster.timelines import home, queries
from fedi_cluster.wiring import AFTER
from tests.builders import AT, Hands, new_actor, remote_post

P = ParamSpec("P")
T = TypeVar("T")


class Life:
    """Acts, with what follows from them in home timelines."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self._made = 0

    def do(self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """An act and its consequences, a moment later than the one before."""
        self.hands.later(seconds=1)
        done = self.hands.do(fn, *args, **kwargs)
        for fact in self.hands.told():
            for step in AFTER[type(fact)].now:
                if step.__module__ == home.__name__:
                    self.hands.do(step, AT, fact)
        return done

    def reader(self, name: str) -> Actor:
        """A local actor to whom somebody signs in."""
        made = self.hands.local(name)
        self.hands.do(users.add, made.id, f"{name}@szczecin.example", "member", "no hash")
        return made

    def write(self, author: Actor, text: str = "Wiatr.", **more: object) -> Post:
        """A local post."""
        command = WritePost(text, **({"language": "pl"} | more))  # type: ignore[arg-type]
        return self.do(post_actions.write, AT, author, command)

    def receive(self, author: Actor, **changes: object) -> Post:
        """A remote post."""
        self._made += 1
        uri = str(changes.pop("uri", f"https://{author.host}/notes/{self._made}"))
        made = self.do(lambda unit: post_actions.publish(unit, author, remote_post(unit, uri, **changes)))
        assert made is not None
        return made

    def follow(self, reader: Actor, whom: Actor) -> None:
        """A follow that is accepted."""
        self.do(relationships.follow, reader, whom, f"f:{reader.id}:{whom.id}")
        found = self.hands.see(follow_between, reader.id, whom.id)
        assert found is not None
        self.do(relationships.accept, found, whom)

    def boost(self, who: Actor, post: Post) -> None:
        """An announce."""
        self.do(announce, who, post, f"a:{who.id}:{post.id}")

    def home(self, reader: Actor) -> list[tuple[int, int | None]]:
        """Posts with who passed them on, newest first."""
        page = self.hands.see(queries.home, reader, PageRequest(500))
        return [(one.post.id, one.announced_by.id if one.announced_by else None) for one in page.items]


@pytest.fixture
def life(hands: Hands) -> Life:
    return Life(hands)


def test_own_posts_and_those_of_the_followed(life: Life) -> None:
    ola, jan, hanne = life.reader("ola"), life.reader("jan"), life.hands.remote("hanne")
    organisation = life.hands.local("harbour")
    life.follow(ola, hanne)
    life.follow(ola, jan)
    own, far = life.write(ola), life.receive(hanne)
    hidden = life.receive(hanne, visibility="followers", to=(), cc=())
    near = life.write(jan, visibility="unlisted")
    life.write(organisation)
    life.receive(life.hands.remote("piet"))
    assert life.home(ola) == [(near.id, None), (hidden.id, None), (far.id, None), (own.id, None)]
    assert life.home(jan) == [(near.id, None)]
    assert life.home(organisation) == []


def test_answers_only_to_oneself_the_reader_and_the_followed(life: Life) -> None:
    ola, hanne, piet = life.reader("ola"), life.hands.remote("hanne"), life.hands.remote("piet")
    life.follow(ola, hanne)
    own, strange, first = life.write(ola), life.receive(piet), life.receive(hanne)
    to_reader = life.receive(hanne, in_reply_to=own.uri)
    to_herself = life.receive(hanne, in_reply_to=first.uri)
    life.receive(hanne, in_reply_to=strange.uri)
    life.receive(hanne, in_reply_to="https://away.example/unknown")
    told = [to_herself.id, to_reader.id, first.id, own.id]
    assert [post for post, _ in life.home(ola)] == told
    life.follow(ola, piet)
    to_followed = life.receive(hanne, in_reply_to=strange.uri)
    assert next(post for post, _ in life.home(ola)) == to_followed.id


def test_an_answer_that_came_before_what_it_answers(life: Life) -> None:
    ola, hanne = life.reader("ola"), life.hands.remote("hanne")
    life.follow(ola, hanne)
    late = "https://rostock.example/notes/late"
    early = life.receive(hanne, in_reply_to=late)
    assert life.home(ola) == []
    first = life.receive(hanne, uri=late)
    assert {post for post, _ in life.home(ola)} == {early.id, first.id}


def test_a_direct_post_is_for_those_it_names(life: Life) -> None:
    ola, jan, hanne = life.reader("ola"), life.reader("jan"), life.reader("hanne")
    for reader in (ola, jan):
        life.follow(reader, hanne)
    post = life.write(hanne, "@ola tylko dla ciebie", visibility="direct")
    assert life.home(ola) == [(post.id, None)] == life.home(hanne)
    assert life.home(jan) == []


def test_what_several_pass_on_stands_once(life: Life) -> None:
    ola, hanne, piet = life.reader("ola"), life.hands.remote("hanne"), life.hands.remote("piet")
    stranger = life.hands.remote("mia")
    for one in (hanne, piet):
        life.follow(ola, one)
    strange, known = life.receive(stranger), life.receive(hanne)
    life.boost(hanne, strange)
    life.boost(piet, strange)
    life.boost(piet, known)
    assert life.home(ola) == [(strange.id, hanne.id), (known.id, None)]
    life.do(unannounce, hanne, strange)
    assert life.home(ola) == [(strange.id, piet.id), (known.id, None)]
    life.do(unannounce, piet, strange)
    assert life.home(ola) == [(known.id, None)]


def test_deleted_unfollowed_and_blocked_leave(life: Life) -> None:
    ola, hanne, piet = life.reader("ola"), life.hands.remote("hanne"), life.hands.remote("piet")
    for one in (hanne, piet):
        life.follow(ola, one)
    first, second, third = life.receive(hanne), life.receive(hanne), life.receive(piet)
    fourth = life.receive(life.hands.remote("mia"))
    life.boost(hanne, fourth)
    life.do(erase, hanne, first)
    assert {post for post, _ in life.home(ola)} == {second.id, third.id, fourth.id}
    life.do(relationships.unfollow, ola, hanne)
    assert life.home(ola) == [(third.id, None)]
    life.boost(piet, second)
    assert life.home(ola) == [(second.id, piet.id), (third.id, None)]
    life.do(relationships.block, ola, hanne, "b:1")
    assert life.home(ola) == [(third.id, None)]
    other = life.receive(hanne)
    life.boost(piet, other)
    assert life.home(ola) == [(third.id, None)]


def test_a_refused_follow_and_an_account_that_goes(life: Life) -> None:
    ola, hanne, piet = life.reader("ola"), life.hands.remote("hanne"), life.hands.remote("piet")
    for one in (hanne, piet):
        life.follow(ola, one)
    life.receive(hanne)
    strange = life.receive(life.hands.remote("mia"))
    life.boost(piet, strange)
    asked = life.hands.see(follow_between, ola.id, hanne.id)
    assert asked is not None
    life.do(relationships.refuse, asked, hanne)
    assert life.home(ola) == [(strange.id, piet.id)]
    life.do(delete_actor, piet)
    assert life.home(ola) == []


def test_a_new_follow_brings_its_history(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    ola, hanne, mia = life.reader("ola"), life.hands.remote("hanne"), life.hands.remote("mia")
    strange = life.receive(mia)
    posts = [life.receive(hanne) for _ in range(3)]
    life.boost(hanne, strange)
    life.receive(hanne, in_reply_to=strange.uri)
    life.receive(hanne, visibility="direct", to=(), cc=())
    life.do(erase, hanne, posts[1])
    life.follow(ola, hanne)
    expected = [(strange.id, hanne.id), (posts[2].id, None), (posts[0].id, None)]
    assert life.home(ola) == expected
    monkeypatch.setattr(home, "_FIRST_TOO_MANY", home._FIRST_TOO_MANY.offset(2))
    life.hands.do(home.rebuild, ola.id)
    assert life.home(ola) == expected[:2]


def test_an_account_that_somebody_gets_has_what_it_follows(life: Life) -> None:
    fresh = new_actor("office", type="Organization")
    office = life.hands.do(actor_actions.create, AT, fresh)
    life.hands.told()
    hanne, jan = life.hands.remote("hanne"), life.reader("jan")
    own, far = life.write(office), life.receive(hanne)
    life.follow(office, hanne)
    life.follow(office, jan)
    later, near = life.receive(hanne), life.write(jan)
    assert life.home(office) == []
    life.hands.do(add_user, AT, fresh, email="jo@szczecin.example", role="editor", password_hash="no hash")
    assert life.home(office) == [(one.id, None) for one in (near, later, far, own)]


def test_the_oldest_leave_by_themselves(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    ola, hanne = life.reader("ola"), life.hands.remote("hanne")
    life.follow(ola, hanne)
    monkeypatch.setattr(home, "_FIRST_TOO_MANY", home._FIRST_TOO_MANY.offset(5))
    monkeypatch.setattr(home, "_TRIM_EVERY", 1)
    posts = [life.receive(hanne) for _ in range(9)]
    assert [post for post, _ in life.home(ola)] == [post.id for post in reversed(posts[-5:])]


def test_pages_lead_through_all_of_it(life: Life) -> None:
    ola, hanne = life.reader("ola"), life.hands.remote("hanne")
    life.follow(ola, hanne)
    posts = [life.receive(hanne).id for _ in range(5)]
    page = life.hands.see(queries.home, ola, PageRequest(2))
    found = [one.post.id for one in page.items]
    while page.older is not None:
        page = life.hands.see(queries.home, ola, PageRequest(2, before=page.older))
        found += [one.post.id for one in page.items]
    assert found == list(reversed(posts))


def test_sqlite_keeps_it_in_its_own_order(hands: Hands) -> None:
    if not is_sqlite(hands.db.engine):
        return
    sql = hands.see(
        lambda reader: reader.connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE name = 'home'"
        ).scalar_one()
    )
    assert "WITHOUT ROWID" in sql
