"""Inbox forwarding (ActivityPub 7.1.2): what strangers answer below our posts, to sisters, verbatim."""

from typing import cast

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.federation.outgoing import audience
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def forward(federation: Federation, job: Job) -> Outcome:
    """One delivery for each sister, signed by our instance actor; she reads the object at its origin."""
    log_id = cast(int, job.payload["log_id"])

    def write(unit: Unit) -> None:
        signer = actor_queries.locals_of_type(unit, "Application")[0]
        lanes.add(unit, audience.of_sisters(unit, federation.at), signer.id, log_id=log_id)

    return write
