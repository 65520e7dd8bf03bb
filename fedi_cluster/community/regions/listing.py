"""What is listed in the ledger, and when: reactions to facts, in their transactions.

In scope are what a region announces, the public answers of members below it, and accounts that want to
be found (golden README, “Digests”). Of our own things that is the whole truth; of a sister's it is our best
guess until her digest says so (`federation/cluster/compare.py`).
"""

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
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader, Unit

_post = post_table.c
_BELOW = Prepared(
    select(_post.id).where(
        _post.thread_id == bindparam("of_thread", type_=BigId), _post.in_reply_to.is_not(None)
    )
)
_SHOWN = Prepared(
    select(cluster_post.c.post_id).where(cluster_post.c.post_id == bindparam("of_post", type_=BigId))
)


def actor_stated(unit: Unit, _at: Addresses, fact: ActorCreated | ActorChanged) -> None:
    """An account of ours that wants to be found is listed; once listed, its later versions are too."""
    who = actor_queries.by_id(unit, fact.actor_id)
    if not who.local or who.type == "Application":
        return
    if who.discoverable or ledger.held(unit, who.uri) is not None:
        ledger.put(unit, listed_actor(who), listed=True, verified=True)


def actor_deleted(unit: Unit, _at: Addresses, fact: ActorDeleted) -> None:
    """A listed account becomes a tombstone; where its own tombstone came, that stands already."""
    who = actor_queries.by_id(unit, fact.actor_id)
    known = ledger.held(unit, who.uri)
    if known is not None and not known.what.deleted and who.deleted_at is not None:
        gone = Listed(who.uri, who.type, known.what.published_at, who.deleted_at, deleted=True)
        ledger.put(unit, gone, listed=known.listed, verified=who.local)


def post_published(unit: Unit, at: Addresses, fact: PostPublished) -> None:
    """A public answer of a member below a post of the cluster is listed, with answers that came before it."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None or post.in_reply_to is None or _SHOWN.first(unit, of_post=post.thread_id) is None:
        return
    _consider(unit, at, post)
    if post.replies_count:
        _consider_thread(unit, at, post.thread_id)


def announced(unit: Unit, at: Addresses, fact: Announced) -> None:
    """What a region of the cluster announces of its own is listed, and the answers that we have below it."""
    said, post = post_queries.announce_by_id(unit, fact.announce_id), post_queries.by_id(unit, fact.post_id)
    if said is None or post is None:
        return
    if not is_news(unit, actor_queries.by_id(unit, said.actor_id), post):
        return
    _enlist(unit, post)
    if post.replies_count:
        _consider_thread(unit, at, post.thread_id)


def is_news(reader: Reader, announcer: Actor, post: Post) -> bool:
    """Is the announcer the region whose member wrote this?"""
    if announcer.local:
        return announcer.username == REGION and post.local
    member = instance_queries.member_by_region(reader, announcer.uri)
    return member is not None and member.is_sister and member.host == post.author.host


def post_edited(unit: Unit, _at: Addresses, fact: PostEdited) -> None:
    """The new version of a listed post of ours; that of a sister's comes with its document."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is not None and post.local and ledger.held(unit, post.uri) is not None:
        ledger.put(unit, listed_post(post), listed=True, verified=True)


def post_deleted(unit: Unit, _at: Addresses, fact: PostDeleted) -> None:
    """A listed post becomes a tombstone; where the author's tombstone came, that stands already."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None:
        return
    known = ledger.held(unit, post.uri)
    if known is not None and not known.what.deleted:
        ledger.put(unit, listed_post(post), listed=known.listed, verified=post.local)


def listed_actor(who: Actor) -> Listed:
    """A local actor as the ledger lists it."""
    published, updated = whole_second(who.published_at), whole_second(who.updated_at)
    return Listed(who.uri, who.type, published, max(published, updated))


def listed_post(post: Post) -> Listed:
    """A post as the ledger lists it, also a deleted one."""
    return Listed(post.uri, post.type, post.published_at, post.version, post.deleted_at is not None)


def _consider_thread(unit: Unit, at: Addresses, thread_id: int) -> None:
    below = post_queries.by_ids(unit, (row[0] for row in _BELOW.all(unit, of_thread=thread_id)))
    for _id, post in sorted(below.items()):
        _consider(unit, at, post)


def _consider(unit: Unit, at: Addresses, post: Post) -> None:
    """Lists a public answer of ours or of a sister's member."""
    if post.visibility != "public" or post.deleted_at is not None:
        return
    if post.local or instance_queries.is_sister(unit, at.host, post.author.host):
        _enlist(unit, post)


def _enlist(unit: Unit, post: Post) -> None:
    if not ledger.enlist(unit, post.uri):
        ledger.put(unit, listed_post(post), listed=True, verified=post.local)
