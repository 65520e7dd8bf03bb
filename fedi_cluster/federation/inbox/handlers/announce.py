"""Announce: somebody elsewhere passed a post on; a sister's region does it for all its news."""

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions, queries
from fedi_cluster.community.regions.listing import is_news
from fedi_cluster.federation.inbox.claims import Sides, stand
from fedi_cluster.federation.inbox.early import wait_for
from fedi_cluster.federation.inbox.interest import is_followed_announcer
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import keep_post
from fedi_cluster.federation.remote.objects import ReadPost, store
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Announce, Create, ObjectDocument, Unknown, Unreadable
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.unit import Unit

_Embedded = tuple[ObjectDocument, Json]
"""A post as read and as it came, which is what its proof is over."""


async def announce(federation: Federation, message: Message, said: Announce) -> Outcome:
    """Both forms: the id of an object, or a Create verbatim (FEP-1b12).

    What somebody passes on whom nobody follows is not read for that; should it come by itself, it counts.
    """
    embedded = _embedded(said)
    uri = embedded[0].id if embedded else said.object_id
    known = await federation.db.read(queries.by_uri, uri)
    if known is None and not await federation.db.read(is_followed_announcer, federation.at, said.actor):
        return await wait_for(federation, message, uri)
    announcer = await acting(federation, message, said.actor)
    if known is None:
        read = await _read(federation, announcer, embedded, uri)
    else:
        read = None

    def write(unit: Unit) -> None:
        post = queries.by_uri(unit, uri)
        if post is None and read is not None:
            post = store(unit, read.author, read.ready)
            news = is_news(unit, announcer, post)
            keep_post(unit, federation.at, post, read.raw, taken=True, listed=news)
        elif post is not None and embedded is not None and same_origin(uri, announcer.uri):
            keep_post(unit, federation.at, post, embedded[1], taken=False)
        if post is None or post.deleted_at:
            raise Ignored("The post was deleted.", detail=uri)
        actions.announce(unit, announcer, post, stand(unit, said.id, Sides("Announce", said.actor, uri)))

    return write


async def _read(federation: Federation, announcer: Actor, embedded: _Embedded | None, uri: str) -> ReadPost:
    """An embedded object counts where it comes from the announcer's own server, which signed the request."""
    if embedded and same_origin(uri, announcer.uri):
        return await federation.objects.made_ready(*embedded)
    return await federation.objects.read(uri)


def _embedded(said: Announce) -> _Embedded | None:
    """The post inside the announced Create, or announced by itself."""
    if said.inner is None:
        return None
    activity = parse.activity(said.inner)
    if isinstance(activity, Create):
        post, raw = activity.object, activity.raw_object
        if isinstance(post, ObjectDocument) and raw and same_origin(activity.actor, activity.object_id):
            return post, raw
        return None
    if not isinstance(activity, Unknown | Unreadable):
        raise Ignored("Only new posts are taken from an Announce.", detail=said.id)
    found = parse.obj(said.inner)
    return (found, said.inner) if isinstance(found, ObjectDocument) else None
