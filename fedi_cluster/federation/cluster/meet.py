"""A sister joined or ended: the regions follow each other and are compared, or stop."""

from typing import cast

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.facts import MemberEnded
from fedi_cluster.community.regions.queries import region
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.community.relationships.facts import Followed
from fedi_cluster.federation.cluster import watch
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import GiveUp, Outcome
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit


async def meet(federation: Federation, job: Job) -> Outcome:
    """Reads the sister's actors, then our region follows hers; her region does the same to ours."""
    host = cast(str, job.payload["host"])
    member = await federation.db.read(queries.member, host)
    if member is None or not member.is_sister:
        raise GiveUp(f"{host} is not a sister any more")
    await federation.actors.ensure(member.entry.actor)
    theirs = await federation.actors.ensure(member.entry.region, fresh=True)

    def write(unit: Unit) -> None:
        uri = federation.at.activity(unit.new_id())
        relationship_actions.follow(unit, region(unit), theirs, uri)
        slug = theirs.url.rpartition("/r/")[2] if "/r/" in theirs.url else None
        membership.note_slug(unit, host, slug)

    return write


def begin_comparison(unit: Unit, _at: Addresses, fact: Followed) -> None:
    """The region of a sister accepted our follow, or follows ours: what either has is compared from now on.

    Not earlier: what was announced between a comparison and the follow would be in neither.
    """
    follow = relationship_queries.follow_by_id(unit, fact.follow_id)
    if follow is None or region(unit).id not in (follow.follower_id, follow.target_id):
        return
    other = follow.target_id if follow.follower_id == region(unit).id else follow.follower_id
    member = queries.member_by_region(unit, actor_queries.by_id(unit, other).uri)
    if member is not None and member.is_sister:
        watch.compare_now(unit, member.host)


def part(unit: Unit, _at: Addresses, fact: MemberEnded) -> None:
    """What was received stays; delivery stops with the follows of both regions."""
    member = queries.member(unit, fact.host)
    theirs = actor_queries.by_uri(unit, member.entry.region) if member else None
    if theirs is None:
        return
    ours = region(unit)
    relationship_actions.unfollow(unit, ours, theirs)
    followed = relationship_queries.follow_between(unit, theirs.id, ours.id)
    if followed is not None:
        relationship_actions.refuse(unit, followed, ours)
