"""Who must hear of something: inboxes, one for each instance where it offers a shared one."""

from collections.abc import Iterable

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions.rules import is_addressed
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.remote import lanes
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines.queries import region_of_post


def sister_inbox(member: Member) -> str:
    """The shared inbox of a sister, which runs our own software."""
    return Addresses(member.entry.actor.removesuffix("/actor"), "").shared_inbox


def _deliverable(reader: Reader, at: Addresses, inboxes: Iterable[str]) -> set[str]:
    """Never to ourselves, never to a blocked instance, and not where the inbox is gone."""
    blocked, closed = instance_queries.blocked_hosts(reader), lanes.closed_inboxes(reader)
    return {
        inbox
        for inbox in inboxes
        if not at.is_ours(inbox) and host_of(inbox) not in blocked and inbox not in closed
    }


def of_actor(reader: Reader, at: Addresses, actor: Actor) -> set[str]:
    """One remote actor alone."""
    return _deliverable(reader, at, [] if actor.local else [actor.inbox])


def of_followers(reader: Reader, at: Addresses, actor: Actor) -> set[str]:
    """The followers of a local actor on other instances."""
    return _deliverable(reader, at, relationship_queries.follower_inboxes(reader, actor.id))


def of_post(reader: Reader, at: Addresses, post: Post) -> set[str]:
    """Who is sent a local post: followers, the actors that it names, whom it answers.

    Sisters too where it is a public answer in a thread of the cluster: they show it without a follower.
    """
    named = {actor.id: actor for actor in post_queries.mentioned(reader, post.id)}
    for actor in actor_queries.by_uris(reader, (*post.to, *post.cc)):
        named[actor.id] = actor
    direct = post.visibility == "direct"
    inboxes = {actor.inbox if direct else actor.delivery_inbox for actor in named.values() if not actor.local}
    if not direct:
        inboxes |= of_followers(reader, at, post.author)
    if post.in_reply_to and is_open(post) and region_of_post(reader, post.thread_id) is not None:
        inboxes |= of_sisters(reader, at)
    return _deliverable(reader, at, inboxes)


def of_change(reader: Reader, at: Addresses, post: Post) -> set[str]:
    """Who may have a local post and hears of its edit or deletion: everybody who was or would be sent it.

    Every sister too where our region announces it: one that joined later has it from a comparison.
    """
    inboxes = set(post_queries.recipients(reader, post.id))
    if post.deleted_at is None:
        inboxes |= of_post(reader, at, post)
    if post.visibility == "public" and post.in_reply_to is None and is_addressed(post, at.region):
        inboxes |= _deliverable(reader, at, of_sisters(reader, at))
    return inboxes


def of_sisters(reader: Reader, at: Addresses) -> set[str]:
    """Every sister instance."""
    return {sister_inbox(member) for member in instance_queries.sisters(reader, at.host)}
