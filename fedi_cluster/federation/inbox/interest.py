"""Whether anybody here wants what another server sends; the rest is dropped, as Mastodon does."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.vocab.types import ObjectDocument
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.storage.unit import Reader


def is_wanted(reader: Reader, at: Addresses, author: str, post: ObjectDocument) -> bool:
    """A post of somebody who is followed here, that names somebody here, or that answers a known one.

    `author` is an id: who is not known has no follower here, and no row is made to find that out.
    """
    named = {*post.to, *post.cc, *(one.href for one in post.mentions)}
    if any(actor.local for actor in actor_queries.by_uris(reader, named)):
        return True
    known = actor_queries.by_uri(reader, author)
    if known and relationship_queries.has_local_follower(reader, known.id):
        return True
    if post.in_reply_to is None:
        return False
    # A sister's answer may overtake the post that it answers.
    from_sister = instance_queries.is_sister(reader, at.host, host_of(author))
    return from_sister or post_queries.by_uri(reader, post.in_reply_to) is not None


def awaited_parent(reader: Reader, post: ObjectDocument) -> str | None:
    """The post whose arrival would make this answer wanted; None where it is here, or none is named."""
    if post.in_reply_to is None or post_queries.by_uri(reader, post.in_reply_to):
        return None
    return post.in_reply_to


def is_followed_announcer(reader: Reader, at: Addresses, announcer: str) -> bool:
    """Whether what this actor passes on is shown here: a sister's region, or somebody who is followed."""
    member = instance_queries.member_by_region(reader, announcer)
    if member and instance_queries.is_sister(reader, at.host, member.host):
        return True
    known = actor_queries.by_uri(reader, announcer)
    return known is not None and relationship_queries.has_local_follower(reader, known.id)
