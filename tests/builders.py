"""Small builders for tests of the community: a database with a moved clock, actors, posts, entries.

They fill in what a test does not care for, through the same acts that the server uses; they judge nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import delete

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors.actions import NewActor, RemoteActor
from fedi_cluster.community.actors.shapes import Actor, Key, OwnKeys
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts.actions import PublishPost, WritePost
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.addresses import PUBLIC, Addresses
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.unit import Reader, Unit

P = ParamSpec("P")
T = TypeVar("T")

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
AT = Addresses("https://szczecin.example", "szczecin.example")
FAR = "rostock.example"
_TABLES = list(reversed(metadata.sorted_tables))


@dataclass(slots=True)
class Hands:
    """A database, the moment that it is, and every fact that was recorded; nothing reacts to them."""

    db: Database
    ids: "FreshIds"
    moment: datetime = START
    facts: list[object] = field(default_factory=list)
    _made: int = 0

    @classmethod
    def on(cls, url: str) -> "Hands":
        """Opens the database of this URL."""
        clock, ids = _Watch(), FreshIds()
        facts: list[object] = []
        db = Database(url, clock, ids, lambda _unit, fact: facts.append(fact), readers=1, writers=1)
        made = cls(db, ids, facts=facts)
        clock.hands = made
        return made

    def begin_again(self) -> None:
        """Empties all tables and sets the clock back: as a fresh database, and much faster."""
        self.do(lambda unit: [unit.connection.execute(delete(table)) for table in _TABLES])
        self.moment, self._made = START, 0
        self.ids.begin_again()
        self.facts.clear()

    def later(self, **by: float) -> datetime:
        """Moves the clock by a `timedelta`."""
        self.moment += timedelta(**by)
        return self.moment

    def do(self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`fn` in a transaction that commits."""
        return self.db.write_now(fn, *args, **kwargs)

    def see(self, fn: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn` reads."""
        return self.db.read_now(fn, *args, **kwargs)

    def told(self) -> list[object]:
        """The facts since the last call."""
        found, self.facts[:] = list(self.facts), []
        return found

    def local(self, name: str, /, **changes: object) -> Actor:
        """A local actor."""
        made = self.do(actor_actions.create, AT, new_actor(name, **changes))
        self.told()
        return made

    def remote(self, name: str, /, host: str = FAR, **changes: object) -> Actor:
        """A remote actor."""
        return self.do(actor_actions.store_remote, remote_actor(name, host, **changes))

    def write(self, author: Actor, text: str = "Wind from the north.", **more: object) -> Post:
        """What a local actor writes; its facts are forgotten."""
        command = WritePost(text, **({"language": "pl"} | more))  # type: ignore[arg-type]
        made = self.do(post_actions.write, AT, author, command)
        self.told()
        return made

    def receive(self, author: Actor, path: str | None = None, **changes: object) -> Post:
        """A remote post, stored; its facts are forgotten."""
        self._made += 1
        uri = f"https://{author.host}/notes/{path or self._made}"
        made = self.do(lambda unit: post_actions.publish(unit, author, remote_post(unit, uri, **changes)))
        assert made is not None
        self.told()
        return made


class FreshIds(IdSource):
    """Ids that begin anew with the clock."""

    def begin_again(self) -> None:
        """Forgets what was given."""
        self._last = 0


class _Watch:
    """The clock of `Hands`."""

    def __init__(self) -> None:
        self.hands: Hands | None = None

    def now(self) -> datetime:
        """The moment that the test set."""
        return self.hands.moment if self.hands else START


def new_actor(name: str, /, **changes: object) -> NewActor:
    """A local person to be; keys are no keys."""
    values: dict[str, Any] = {
        "name": name,
        "type": "Person",
        "display_name": name.title(),
        "own": OwnKeys("rsa", "ed25519"),
        "public": (Key(f"{AT.actor(name)}#main-key", AT.actor(name), "rsa", "pem"),),
    }
    return NewActor(**(values | changes))


def remote_actor(name: str, /, host: str = FAR, **changes: object) -> RemoteActor:
    """What a remote person says of herself."""
    uri = f"https://{host}/users/{name}"
    values: dict[str, Any] = {
        "uri": uri, "host": host, "username": name, "handle_host": host, "type": "Person", "kind": None,
        "name": name.title(), "name_map": {}, "summary": "", "summary_map": {}, "language": None,
        "url": f"https://{host}/@{name}", "inbox": f"{uri}/inbox", "shared_inbox": f"https://{host}/inbox",
        "outbox": f"{uri}/outbox", "followers": f"{uri}/followers", "following": f"{uri}/following",
        "featured": None, "fields": (), "icon": None, "image": None, "tags": (), "location": None,
        "keys": (Key(f"{uri}#main-key", uri, "rsa", "pem"),), "implements": (), "also_known_as": (),
        "moved_to": None, "cluster": None, "manually_approves": False, "discoverable": True,
        "indexable": True, "published_at": START,
    }  # fmt: skip
    return RemoteActor(**(values | changes))


def actor_shape(actor_id: int, **changes: object) -> Actor:
    """A local person as queries would return her; no database has her."""
    uri = AT.actor(f"a{actor_id}")
    told = remote_actor(f"a{actor_id}", AT.host, uri=uri, followers=f"{uri}/followers")
    said: dict[str, Any] = {part.name: getattr(told, part.name) for part in fields(told)}
    rest: dict[str, Any] = {
        "id": actor_id,
        "local": True,
        "demo": False,
        "updated_at": START,
        "fetched_at": None,
        "deleted_at": None,
    }
    return Actor(**(said | rest | changes))


def post_shape(author: Actor, **changes: object) -> Post:
    """A public note as queries would return it; no database has it."""
    uri = AT.object(7)
    values: dict[str, Any] = {
        "id": 7, "uri": uri, "local": author.local, "author": author, "type": "Note", "kind": "note",
        "visibility": "public", "language": "pl", "title": None, "title_map": {}, "summary": None,
        "summary_map": {}, "content": "<p>Wiatr.</p>", "content_map": {}, "sensitive": False, "url": uri,
        "audience": None, "to": (PUBLIC,), "cc": (), "in_reply_to": None, "parent_id": None, "thread_id": 7,
        "context": None, "attachments": (), "tags": (), "project": None, "replies_count": 0, "likes_count": 0,
        "announces_count": 0, "published_at": START, "updated_at": None, "deleted_at": None,
    }  # fmt: skip
    return Post(**(values | changes))


def remote_post(unit: Unit, uri: str, **changes: object) -> PublishPost:
    """A public note of a stranger, published now."""
    values: dict[str, Any] = {
        "id": unit.new_id(), "uri": uri, "url": uri, "type": "Note", "kind": "note", "visibility": "public",
        "content": "<p>Moin.</p>", "published_at": unit.now, "to": (PUBLIC,), "cc": (),
    }  # fmt: skip
    return PublishPost(**(values | changes))


def entry(name: str, state: str = "member", at: datetime = START, **changes: object) -> Entry:
    """A row of a list of members; `at` is its version."""
    base = f"https://{name}.example"
    values: dict[str, Any] = {
        "actor": f"{base}/actor",
        "region": f"{base}/actors/region",
        "name": name.title(),
        "key": f"z6Mk{name}",
        "state": state,
        "confirmed_by": f"{base}/actor",
        "published_at": START,
        "updated_at": at,
    }
    return Entry(**(values | changes))
