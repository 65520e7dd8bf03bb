"""Update: a post of somebody elsewhere changed, she herself did, or the list of members has a new version."""

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.federation.inbox.early import wait_for
from fedi_cluster.federation.inbox.interest import is_wanted
from fedi_cluster.federation.inbox.message import Message, acting
from fedi_cluster.federation.inbox.passing_on import pass_on
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import keep_post
from fedi_cluster.federation.remote.member_list import checked_list
from fedi_cluster.federation.remote.objects import author_of, store, to_publish
from fedi_cluster.federation.vocab.types import ActorDocument, MemberList, ObjectDocument, Update
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs.worker import Outcome, nothing
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.storage.unit import Unit


async def update(federation: Federation, message: Message, said: Update) -> Outcome:
    """What changed says its own type; nobody changes what lies on another server."""
    if not same_origin(said.actor, said.object_id):
        raise Refused("Nobody changes what lies on another server.", detail=said.object_id)
    match said.object:
        case MemberList():
            return await _members(federation, message, said, said.object)
        case ActorDocument():
            return await _actor(federation, message, said)
        case _:
            return await _post(federation, message, said)


async def _actor(federation: Federation, message: Message, said: Update) -> Outcome:
    """The actor's own server is read: what it says there is what counts."""
    if said.object_id != said.actor:
        raise Refused("Only an account itself changes its profile.", detail=said.object_id)
    await acting(federation, message, said.actor, known_only=True)
    await federation.actors.ensure(said.actor, fresh=True)
    return nothing


async def _post(federation: Federation, message: Message, said: Update) -> Outcome:
    embedded = said.object if isinstance(said.object, ObjectDocument) else None
    trusted = not message.forwarded and embedded and embedded.attributed_to == said.actor
    if embedded and said.raw_object and trusted:
        seen, raw = embedded, said.raw_object
    else:
        seen, raw = await federation.objects.document(said.object_id)
    if author_of(seen) != said.actor:
        raise Refused("The post is somebody else's.", detail=said.object_id)
    known = await federation.db.read(post_queries.by_uri, seen.id)
    if known is None and not await federation.db.read(is_wanted, federation.at, said.actor, seen):
        return await wait_for(federation, message, seen.id)
    author = await federation.actors.ensure(said.actor)
    ready = to_publish(seen, author, federation.clock.now())

    def write(unit: Unit) -> None:
        post = post_queries.by_uri(unit, ready.uri)
        if post is None:
            # An edit may overtake its Create, or the Create was lost: then it is the Create.
            post = store(unit, author, ready)
        elif not post_actions.edit(unit, author, post, ready):
            return
        keep_post(unit, federation.at, post, raw, taken=True)
        pass_on(unit, federation.at, message, post)

    return write


async def _members(federation: Federation, message: Message, said: Update, told: MemberList) -> Outcome:
    await acting(federation, message, said.actor)
    pinned = await federation.db.read(instance_queries.member_by_actor, said.actor)
    if pinned is None or said.raw_object is None:
        raise Refused(
            "The list of members comes from an instance that is not a member here.", detail=said.actor
        )
    entries = checked_list(told, said.raw_object, pinned.entry, federation.clock.now())
    admit = federation.settings.cluster_admission == "any"

    def write(unit: Unit) -> None:
        membership.take_list(unit, federation.at.host, said.actor, (told.version, entries), admit=admit)

    return write
