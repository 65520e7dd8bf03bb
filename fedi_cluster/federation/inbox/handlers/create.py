"""Create: somebody elsewhere published a post that somebody here may want."""

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.federation.inbox.early import wait_for
from fedi_cluster.federation.inbox.interest import awaited_parent, is_wanted
from fedi_cluster.federation.inbox.message import Ignored, Message
from fedi_cluster.federation.inbox.passing_on import pass_on
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import keep_post
from fedi_cluster.federation.remote.objects import author_of, store, to_publish
from fedi_cluster.federation.vocab.types import Create, ObjectDocument
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs.worker import Outcome, nothing
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.storage.unit import Unit


async def create(federation: Federation, message: Message, said: Create) -> Outcome:
    """The embedded object counts where its author signed it; otherwise it is read at its origin."""
    if not same_origin(said.actor, said.object_id):
        raise Refused("Nobody publishes on another server.", detail=said.object_id)
    if await federation.db.read(post_queries.by_uri, said.object_id):
        return nothing
    embedded = said.object if isinstance(said.object, ObjectDocument) else None
    trusted = not message.forwarded and embedded and embedded.attributed_to == said.actor
    if embedded and said.raw_object and trusted:
        seen, raw = embedded, said.raw_object
    else:
        seen, raw = await federation.objects.document(said.object_id)
    if author_of(seen) != said.actor:
        raise Refused("The post is somebody else's.", detail=said.object_id)
    if not await federation.db.read(is_wanted, federation.at, said.actor, seen):
        if parent := await federation.db.read(awaited_parent, seen):
            return await wait_for(federation, message, parent)
        raise Ignored("Nobody here follows this or is meant by it.", detail=seen.id)
    author = await federation.actors.ensure(said.actor)
    ready = to_publish(seen, author, federation.clock.now())

    def write(unit: Unit) -> None:
        if post_queries.by_uri(unit, ready.uri):
            return
        post = store(unit, author, ready)
        keep_post(unit, federation.at, post, raw, taken=True)
        pass_on(unit, federation.at, message, post)

    return write
