"""Accept and Reject: the other side answers a Follow of ours, or ends one."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.relationships import actions, queries
from fedi_cluster.community.relationships.shapes import Follow
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Accept, Reject
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Reader, Unit


async def accept(federation: Federation, message: Message, answer: Accept) -> Outcome:
    """Only the followed one may accept."""
    target = await acting(federation, message, answer.actor, known_only=True)

    def write(unit: Unit) -> None:
        actions.accept(unit, _asked(unit, target, answer), target)

    return write


async def reject(federation: Federation, message: Message, answer: Reject) -> Outcome:
    """Also ends a follow that was accepted before, as Mastodon's “remove follower” does."""
    target = await acting(federation, message, answer.actor, known_only=True)

    def write(unit: Unit) -> None:
        actions.refuse(unit, _asked(unit, target, answer), target)

    return write


def _asked(reader: Reader, target: Actor, answer: Accept | Reject) -> Follow:
    """The Follow that is answered: by its id, else by both sides (some servers name an id of their own)."""
    found = queries.follow_by_uri(reader, answer.object_id) if answer.object_id else None
    if found is None and answer.inner and answer.inner.type == "Follow" and answer.inner.actor:
        follower = actor_queries.by_uri(reader, answer.inner.actor)
        found = queries.follow_between(reader, follower.id, target.id) if follower else None
    if found is None or found.target_id != target.id:
        raise Ignored("No Follow waits for this answer.", detail=str(answer.object_id))
    return found
