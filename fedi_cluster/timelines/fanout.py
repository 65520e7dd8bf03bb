"""Keeps the cluster timeline: what follows there from facts, in the same transaction."""

from sqlalchemy import delete

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import Announced, PostDeleted, Unannounced
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.unit import Unit

_SHOWN = Upsert(cluster_post, ("post_id",))


def add_announced(unit: Unit, _at: Addresses, announced: Announced) -> None:
    """A post that a region of the cluster announced joins the cluster timeline, once."""
    said = post_queries.announce_by_id(unit, announced.announce_id)
    if said is None:
        return
    actor = actor_queries.by_id(unit, said.actor_id)
    own = actor.local and actor.username == REGION
    if not own:
        member = instance_queries.member_by_region(unit, actor.uri)
        if member is None or not member.is_sister:
            return
    add(unit, said.post_id, said.actor_id)


def add(unit: Unit, post_id: int, region_id: int) -> None:
    """Shows a post under a region; a post that is shown already stays where it is."""
    _SHOWN.later(unit, {"post_id": post_id, "region_id": region_id, "added_at": unit.now})


def remove_unannounced(unit: Unit, _at: Addresses, taken_back: Unannounced) -> None:
    """A post that its region passes on no longer leaves the timeline."""
    shown = cluster_post.c
    unit.connection.execute(
        delete(cluster_post).where(
            shown.post_id == taken_back.post_id, shown.region_id == taken_back.actor_id
        )
    )


def remove_deleted(unit: Unit, _at: Addresses, deleted: PostDeleted) -> None:
    """A deleted post leaves the timeline."""
    unit.connection.execute(delete(cluster_post).where(cluster_post.c.post_id == deleted.post_id))
