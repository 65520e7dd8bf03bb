"""GET of actors, posts and activities at their ids."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_known_to_all
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.signing import own_private_keys
from fedi_cluster.federation.render import actor as render_actor
from fedi_cluster.federation.render import post as render_post
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.http.kept_by_row import Made
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.kernel.json import Json, dumps, parse_object
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.unit import Reader

VARY = {"Vary": "Accept, Signature"}


def answer(document: Json, status: int = 200) -> Response:
    """A document of ActivityPub."""
    return Response(dumps(document), status, media_type=ACTIVITY_JSON, headers=VARY)


async def _serve(federation: Federation, request: Request, make: Callable[[Reader], Made]) -> Response:
    return await federation.documents.serve(request, make, ACTIVITY_JSON, VARY)


async def actor(request: Request, federation: Federation) -> Response:
    """GET /actors/NAME (and its page, asked for as ActivityStreams)."""
    name = request.path_params["name"]
    return await _serve(federation, request, lambda reader: _actor(reader, federation, name))


async def region_page(request: Request, federation: Federation) -> Response:
    """GET /r/SLUG as ActivityStreams: the region's Group, where it is ours."""
    if request.path_params["slug"] != federation.settings.region:
        raise NotFound("This region lives on another instance.")
    return await _serve(federation, request, lambda reader: _actor(reader, federation, "region"))


async def own_actor(request: Request, federation: Federation) -> Response:
    """GET /actor: served without any signature, since who verifies ours must read it first."""

    def make(reader: Reader) -> Made:
        found = instance_actor(reader)
        return Made(_signed_actor(reader, federation, found), actor_queries.STAMP, found.id)

    return await _serve(federation, request, make)


def _actor(reader: Reader, federation: Federation, name: str) -> Made:
    found = actor_queries.local(reader, name)
    if found is None or found.type == "Application":
        raise NotFound("There is no such account here.", detail=name)
    if found.deleted_at:
        return Made(
            _tombstone(reader, found, found.uri, found.type, found), actor_queries.STAMP, found.id, 410
        )
    return Made(_signed_actor(reader, federation, found), actor_queries.STAMP, found.id)


def _signed_actor(reader: Reader, federation: Federation, found: Actor) -> Json:
    document = render_actor.actor(federation.at, found, (federation.settings.language, "en"))
    return with_proof(document, own_private_keys(reader, found), found.updated_at)


def _tombstone(reader: Reader, signer: Actor, uri: str, kind: str, gone: Actor | Post) -> Json:
    assert gone.deleted_at is not None
    document = render_post.tombstone(uri, kind, gone.published_at, gone.deleted_at)
    return with_proof(document, own_private_keys(reader, signer), gone.deleted_at)


def open_post(reader: Reader, at: Addresses, text: str) -> Post:
    """The local post of a decimal id that anybody may read, or might before it was deleted.

    Raises `NotFound`, for hidden ones too, also where they are deleted.
    """
    post_id = parse_id(text)
    post = post_queries.by_id(reader, post_id) if post_id is not None else None
    if post is None or not post.local or not is_known_to_all(post):
        raise NotFound("There is no such post here.", detail=f"{at.host} {text}")
    return post


def _recovered_tombstone(reader: Reader, at: Addresses, text: str) -> Json | None:
    """The tombstone of a post that this database never had: sisters gave it back after a restore."""
    post_id = parse_id(text)
    held = ledger.held(reader, at.object(post_id)) if post_id is not None else None
    return parse_object(held.document) if held and held.what.deleted and held.document else None


async def post(request: Request, federation: Federation) -> Response:
    """GET /objects/ID; 410 with the signed Tombstone where it was deleted, 404 where it is not for all."""

    def make(reader: Reader) -> Made:
        found = open_post(reader, federation.at, request.path_params["id"])
        if found.deleted_at:
            return Made(
                _tombstone(reader, found.author, found.uri, found.type, found),
                post_queries.STAMP,
                found.id,
                410,
            )
        document = render_post.post(federation.at, found)
        # Signed anew: the totals of likes and shares are part of it, but not a new version.
        signed = with_proof(document, own_private_keys(reader, found.author), found.version)
        return Made(signed, post_queries.STAMP, found.id)

    try:
        return await _serve(federation, request, make)
    except NotFound:
        recovered = await federation.db.read(_recovered_tombstone, federation.at, request.path_params["id"])
        if recovered is None:
            raise
        return answer(recovered, 410)


async def activity(request: Request, federation: Federation) -> Response:
    """GET /activities/ID: as it was sent, where all may read it."""
    activity_id = parse_id(request.path_params["id"])

    def read(reader: Reader) -> bytes:
        table = activity_table.c
        row = reader.connection.execute(
            activity_table.select().where(table.id == activity_id, table.audience.in_(("public", "outbox")))
        ).first()
        if row is None:
            raise NotFound("There is no such activity here.")
        if row.post_id is not None and row.type in ("Create", "Update", "Announce"):
            about = post_queries.by_id(reader, row.post_id)
            if about is None or about.deleted_at:
                raise NotFound("What this activity was about is gone.")
        return bytes(row.document)

    return Response(await federation.db.read(read), media_type=ACTIVITY_JSON, headers=VARY)


async def to_page(request: Request, federation: Federation) -> Response:
    """A browser at an id is sent to the page."""

    def read(reader: Reader) -> str:
        if "id" in request.path_params:
            return open_post(reader, federation.at, request.path_params["id"]).url
        name = request.path_params.get("name")
        return actor_queries.need_local(reader, name).url if name else federation.at.base + "/"

    return RedirectResponse(await federation.db.read(read), 302, headers=VARY)
