"""Answers of strangers to the cluster's posts reach the sisters too: the origin's instance forwards them."""

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.inbox.message import Message
from fedi_cluster.jobs import queue
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit
from fedi_cluster.timelines.queries import region_of_post


def pass_on(unit: Unit, at: Addresses, message: Message, post: Post) -> None:
    """Forwards what concerns a public answer below one of our own posts in the cluster timeline.

    ActivityPub 7.1.2. A sister sends its members' answers itself, and what was forwarded to us ends here.
    """
    if post.in_reply_to is None or not is_open(post) or message.forwarded:
        return
    root = post_queries.by_id(unit, post.thread_id)
    if root is None or not root.local or region_of_post(unit, root.id) is None:
        return
    if instance_queries.is_sister(unit, at.host, post.author.host):
        return
    queue.enqueue(unit, "federation.forward", {"log_id": message.log_id})
