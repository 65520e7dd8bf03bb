"""Announce: somebody elsewhere passed a post on; a sister's region does it for all its news."""

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions, queries
from fedi_cluster.community.posts.actions import PublishPost
from fedi_cluster.federation.inbox.interest import is_followed_announcer
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.objects import author_of, store, to_publish
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Announce, Create, ObjectDocument, Unknown, Unreadable
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def announce(federation: Federation, message: Message, said: Announce) -> Outcome:
    """Both forms: the id of an object, or a Create verbatim (FEP-1b12)."""
    embedded = _embedded(said)
    uri = embedded.id if embedded else said.object_id
    known = await federation.db.read(queries.by_uri, uri)
    if known is None and not await federation.db.read(is_followed_announcer, federation.at, said.actor):
        raise Ignored("Nobody here follows who passed this on.", detail=said.actor)
    announcer = await acting(federation, message, said.actor)
    if known is None:
        author, ready = await _read(federation, announcer, embedded, uri)
    else:
        author, ready = known.author, None

    def write(unit: Unit) -> None:
        post = queries.by_uri(unit, uri)
        if post is None and ready is not None:
            post = store(unit, author, ready)
        if post is None or post.deleted_at:
            raise Ignored("The post was deleted.", detail=uri)
        actions.announce(unit, announcer, post, said.id)

    return write


async def _read(
    federation: Federation, announcer: Actor, embedded: ObjectDocument | None, uri: str
) -> tuple[Actor, PublishPost]:
    """An embedded object counts where it comes from the announcer's own server, which signed the request."""
    if embedded and same_origin(embedded.id, announcer.uri):
        author = await federation.actors.ensure(author_of(embedded))
        return author, to_publish(embedded, author, federation.clock.now())
    return await federation.objects.read(uri)


def _embedded(said: Announce) -> ObjectDocument | None:
    """The post inside the announced Create, or announced by itself."""
    if said.inner is None:
        return None
    activity = parse.activity(said.inner)
    if isinstance(activity, Create):
        if isinstance(activity.object, ObjectDocument) and same_origin(activity.actor, activity.object_id):
            return activity.object
        return None
    if not isinstance(activity, Unknown | Unreadable):
        raise Ignored("Only new posts are taken from an Announce.", detail=said.id)
    found = parse.obj(said.inner)
    return found if isinstance(found, ObjectDocument) else None
