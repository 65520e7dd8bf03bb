"""Puts an activity of ours into the world: stored as it will be sent, with one delivery for each inbox."""

from collections.abc import Iterable

from sqlalchemy import insert

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.remote.signing import own_private_keys
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.unit import Unit


def signed(unit: Unit, actor: Actor, document: Json) -> Json:
    """The document with the proof of a local actor, of this second."""
    return with_proof(document, own_private_keys(unit, actor), whole_second(unit.now))


def send(
    unit: Unit,
    actor: Actor,
    activity_id: int,
    document: Json,
    inboxes: Iterable[str],
    *,
    seen_by: str = "private",
    post_id: int | None = None,
) -> None:
    """Stores a signed activity of `actor` and puts it on the lanes of its receivers, in one transaction.

    `seen_by` says who may read it at its id: nobody but its receivers (`private`), all (`public`), or all
    and in the outbox (`outbox`).
    """
    unit.connection.execute(
        insert(activity_table).values(
            id=activity_id,
            uri=document["id"],
            type=document["type"],
            actor_id=actor.id,
            post_id=post_id,
            audience=seen_by,
            document=dumps(document),
            created_at=unit.now,
        )
    )
    lanes.add(unit, inboxes, actor.id, activity_id=activity_id)
