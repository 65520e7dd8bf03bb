"""What is listed in the ledger, and when: reactions to facts, in their transactions.

In scope are what a region announces, the public answers of members below it, and accounts that want to
be found (golden README, “Digests”). Of our own things that is the whole truth; of a sister's it is our best
guess until her digest says so (`federation/cluster/compare.py`).
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.facts import ActorChanged, ActorCreated, ActorDeleted
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import Announced, PostDeleted, PostEdited, PostPublished
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Listed
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.tables.posts import announce as announce_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader, Unit

_post = post_table.c
_AUTHOR = actor_table.alias("author")
_COLUMNS = (
    _post.uri, _post.type, _post.visibility, _post.in_reply_to, _post.thread_id, _post.published_at,
    _post.updated_at, _post.deleted_at, _post.replies_count, _AUTHOR.c.host, _AUTHOR.c.local,
)  # fmt: skip
_WITH_AUTHOR = select(*_COLUMNS).join(_AUTHOR, _AUTHOR.c.id == _post.author_id)
_POST = Prepared(_WITH_AUTHOR.where(_post.id == bindparam("of_post", type_=BigId)))
_BELOW = Prepared(
    _WITH_AUTHOR.where(_post.thread_id == bindparam("of_thread", type_=BigId), _post.in_reply_to.is_not(None))
)
_ANNOUNCER = actor_table.alias("announcer")
_ANNOUNCED = Prepared(
    select(_ANNOUNCER.c.uri, _ANNOUNCER.c.local, _ANNOUNCER.c.username, *_COLUMNS)
    .select_from(announce_table)
    .join(_ANNOUNCER, _ANNOUNCER.c.id == announce_table.c.actor_id)
    .join(post_table, _post.id == announce_table.c.post_id)
    .join(_AUTHOR, _AUTHOR.c.id == _post.author_id)
    .where(announce_table.c.id == bindparam("of_announce", type_=BigId))
)
_SHOWN = Prepared(
    select(cluster_post.c.post_id).where(cluster_post.c.post_id == bindparam("of_post", type_=BigId))
)


class _Spot(NamedTuple):
    """A post as far as it decides what is listed."""

    uri: str
    type: str
    visibility: str
    in_reply_to: str | None
    thread_id: int
    published_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None
    replies: int
    host: str
    local: bool


def actor_stated(unit: Unit, _at: Addresses, fact: ActorCreated | ActorChanged) -> None:
    """An account of ours that wants to be found is listed; once listed, its later versions are too."""
    who = actor_queries.by_id(unit, fact.actor_id)
    if not who.local or who.type == "Application":
        return
    if who.discoverable or ledger.held(unit, who.uri) is not None:
        ledger.put(unit, listed_actor(who), listed=True, ours=True)


def actor_deleted(unit: Unit, _at: Addresses, fact: ActorDeleted) -> None:
    """A listed account becomes a tombstone; where its own tombstone came, that stands already."""
    who = actor_queries.by_id(unit, fact.actor_id)
    known = ledger.held(unit, who.uri)
    if known is not None and not known.what.deleted and who.deleted_at is not None:
        gone = Listed(who.uri, who.type, known.what.published_at, who.deleted_at, deleted=True)
        ledger.put(unit, gone, listed=known.listed, ours=who.local)


def post_published(unit: Unit, at: Addresses, fact: PostPublished) -> None:
    """A public answer of a member below a post of the cluster is listed, with answers that came before it."""
    spot = _spot(unit, fact.post_id)
    if spot is None or spot.in_reply_to is None or _SHOWN.first(unit, of_post=spot.thread_id) is None:
        return
    _consider(unit, at, spot)
    if spot.replies:
        _consider_thread(unit, at, spot.thread_id)


def announced(unit: Unit, at: Addresses, fact: Announced) -> None:
    """What a region of the cluster announces of its own is listed, and the answers that we have below it."""
    row = _ANNOUNCED.first(unit, of_announce=fact.announce_id)
    if row is None:
        return
    uri, local, username, *rest = row
    spot = _Spot(*rest)
    if local:
        own = username == REGION and spot.local
    else:
        member = instance_queries.member_by_region(unit, uri)
        own = member is not None and member.is_sister and member.host == spot.host
    if not own:
        return
    _enlist(unit, spot)
    if spot.replies:
        _consider_thread(unit, at, spot.thread_id)


def post_edited(unit: Unit, _at: Addresses, fact: PostEdited) -> None:
    """The new version of a listed post of ours; that of a sister's comes with its document."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is not None and post.local and ledger.held(unit, post.uri) is not None:
        ledger.put(unit, listed_post(post), listed=True, ours=True)


def post_deleted(unit: Unit, _at: Addresses, fact: PostDeleted) -> None:
    """A listed post becomes a tombstone; where the author's tombstone came, that stands already."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None:
        return
    known = ledger.held(unit, post.uri)
    if known is not None and not known.what.deleted:
        ledger.put(unit, listed_post(post), listed=known.listed, ours=post.local)


def listed_actor(who: Actor) -> Listed:
    """A local actor as the ledger lists it."""
    published, updated = whole_second(who.published_at), whole_second(who.updated_at)
    return Listed(who.uri, who.type, published, max(published, updated))


def listed_post(post: Post) -> Listed:
    """A post as the ledger lists it, also a deleted one."""
    return Listed(post.uri, post.type, post.published_at, post.version, post.deleted_at is not None)


def _spot(reader: Reader, post_id: int) -> _Spot | None:
    row = _POST.first(reader, of_post=post_id)
    return _Spot(*row) if row is not None else None


def _consider_thread(unit: Unit, at: Addresses, thread_id: int) -> None:
    for row in _BELOW.all(unit, of_thread=thread_id):
        _consider(unit, at, _Spot(*row))


def _consider(unit: Unit, at: Addresses, spot: _Spot) -> None:
    """Lists a public answer of ours or of a sister's member."""
    if spot.visibility != "public" or spot.deleted_at is not None:
        return
    if spot.local or instance_queries.is_sister(unit, at.host, spot.host):
        _enlist(unit, spot)


def _enlist(unit: Unit, spot: _Spot) -> None:
    if ledger.enlist(unit, spot.uri):
        return
    version = spot.deleted_at or spot.updated_at or spot.published_at
    what = Listed(spot.uri, spot.type, spot.published_at, version, spot.deleted_at is not None)
    ledger.put(unit, what, listed=True, ours=spot.local)
