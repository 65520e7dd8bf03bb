"""Whether anybody here wants what another server sends; the rest is dropped, as Mastodon does."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.actions import PublishPost
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Reader


def is_wanted(reader: Reader, at: Addresses, author: Actor, post: PublishPost) -> bool:
    """A post of somebody who is followed here, that names somebody here, or that answers a known one."""
    named = {*post.to, *post.cc, *(tag.href for tag in post.tags if tag.type == "Mention")}
    if any(actor.local for actor in actor_queries.by_uris(reader, named)):
        return True
    if relationship_queries.has_local_follower(reader, author.id):
        return True
    if post.in_reply_to is None:
        return False
    # A sister's answer may overtake the post that it answers.
    from_sister = instance_queries.is_sister(reader, at.host, author.host)
    return from_sister or post_queries.by_uri(reader, post.in_reply_to) is not None


def is_followed_announcer(reader: Reader, at: Addresses, announcer: Actor) -> bool:
    """Whether what this actor passes on is shown here: a sister's region, or somebody who is followed."""
    member = instance_queries.member_by_region(reader, announcer.uri)
    if member and instance_queries.is_sister(reader, at.host, member.host):
        return True
    return relationship_queries.has_local_follower(reader, announcer.id)
