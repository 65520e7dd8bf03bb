"""A starting instance greets its sisters with a signed request: they send at once what waits for it."""

from typing import cast

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.federation.cluster import watch
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.member_list import checked_list
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Unreadable
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import GiveUp, Outcome
from fedi_cluster.storage.unit import Unit


async def greet_all(federation: Federation, _job: Job) -> Outcome:
    """One greeting and one comparison for each sister; our own lanes to them are tried at once, too."""

    def write(unit: Unit) -> None:
        for sister in queries.sisters(unit, federation.at.host):
            lanes.wake(unit, [sister.host])
            queue.enqueue(unit, "cluster.greet", {"host": sister.host}, lane=f"greet:{sister.host}")
            watch.compare_now(unit, sister.host)

    return write


async def greet(federation: Federation, job: Job) -> Outcome:
    """Reads a sister's list of members by a signed GET, and takes it: we may have missed a change."""
    host = cast(str, job.payload["host"])
    member = await federation.db.read(queries.member, host)
    if member is None or not member.is_sister:
        raise GiveUp(f"{host} is not a sister any more")
    document = await federation.fetcher.document(
        member.entry.actor.removesuffix("/actor") + "/cluster/members"
    )
    told = parse.member_list(document)
    if isinstance(told, Unreadable):
        raise GiveUp(f"the list of members of {host} cannot be read: {told.reason}")
    entries = checked_list(told, document, member.entry, federation.clock.now())
    admit = federation.settings.cluster_admission == "any"

    def write(unit: Unit) -> None:
        membership.take_list(
            unit, federation.at.host, member.entry.actor, (told.version, entries), admit=admit
        )

    return write
