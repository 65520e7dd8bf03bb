"""What sisters are told of the cluster: our list of members, and a newcomer's wish to join."""

from datetime import timedelta
from typing import cast

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.facts import MembersChanged
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.federation.outgoing.audience import sister_inbox
from fedi_cluster.federation.outgoing.send import send, signed
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.member_list import own_list
from fedi_cluster.federation.render import activity as render
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit

_TELL_THE_ENDED_FOR = timedelta(days=1)


def send_members(unit: Unit, at: Addresses, _fact: MembersChanged) -> None:
    """The Update with our signed list, to every other member and to who just ceased to be one."""
    told = [
        one
        for one in queries.members(unit)
        if one.host != at.host
        and (
            one.entry.state == "member"
            or (
                one.entry.state in ("left", "removed")
                and one.entry.updated_at > unit.now - _TELL_THE_ENDED_FOR
            )
        )
    ]
    if not told:
        return
    actor = instance_actor(unit)
    activity_id = unit.new_id()
    document = render.update_members(
        at.activity(activity_id), actor.uri, [one.entry.actor for one in told], own_list(unit, at)
    )
    inboxes = [sister_inbox(one) for one in told]
    send(unit, actor, activity_id, signed(unit, actor, document), inboxes)


async def ask_to_join(federation: Federation, job: Job) -> Outcome:
    """The Join of our instance actor, to the instance that invited us; its object is the invitation."""
    link, inviter = cast(str, job.payload["link"]), cast(str, job.payload["actor"])
    asked = await federation.actors.ensure(inviter)

    def write(unit: Unit) -> None:
        actor = instance_actor(unit)
        activity_id = unit.new_id()
        document = render.join(federation.at.activity(activity_id), actor.uri, [inviter], link)
        inbox = asked.shared_inbox or asked.inbox
        send(unit, actor, activity_id, signed(unit, actor, document), [inbox])

    return write
