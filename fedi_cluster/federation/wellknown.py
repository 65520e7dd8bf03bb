"""WebFinger, host-meta and NodeInfo: how others find accounts here and learn what this server is."""

from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, distinct, func, select
from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster import __version__
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.regions.queries import instance_actor, region
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.render import wellknown as render
from fedi_cluster.federation.render.wellknown import NodeFacts
from fedi_cluster.http.kept_by_row import Made
from fedi_cluster.kernel.errors import Malformed, NotFound
from fedi_cluster.kernel.json import dumps
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader

_JRD = "application/jrd+json"
_OPEN = {"Access-Control-Allow-Origin": "*"}
_PEOPLE = ("Person", "Organization")


async def webfinger(request: Request, federation: Federation) -> Response:
    """GET /.well-known/webfinger?resource=… for accounts, ids, pages and the server (FEP-d556)."""
    resource = request.query_params.get("resource", "")
    if not resource:
        raise Malformed("Name an account: ?resource=acct:name@domain")
    if resource.rstrip("/") == federation.at.base:
        return Response(dumps(render.webfinger_server(federation.at)), media_type=_JRD, headers=_OPEN)
    return await federation.documents.serve(
        request, lambda reader: _find(reader, federation, resource), _JRD, _OPEN
    )


def _find(reader: Reader, federation: Federation, resource: str) -> Made:
    at = federation.at
    if resource.startswith(("https://", "http://")):
        found = _by_address(reader, federation, resource)
    else:
        name, _, domain = resource.removeprefix("acct:").removeprefix("@").rpartition("@")
        if domain.lower() not in (at.handle_domain.lower(), at.host):
            raise NotFound("This server knows only its own accounts.", detail=resource)
        if name.lower() in (at.host, at.host.partition(":")[0], at.handle_domain.partition(":")[0].lower()):
            found = instance_actor(reader)
        else:
            found = actor_queries.local(reader, name.lower())
    if found is None or found.deleted_at:
        raise NotFound("There is no such account here.", detail=resource)
    return Made(render.webfinger(at, found), actor_queries.STAMP, found.id)


def _by_address(reader: Reader, federation: Federation, address: str) -> Actor | None:
    found = actor_queries.by_uri(reader, address)
    if found is not None:
        return found if found.local else None
    if not federation.at.is_ours(address):
        return None
    path = urlsplit(address).path
    if path == f"/r/{federation.settings.region}":
        return region(reader)
    return actor_queries.local(reader, path.removeprefix("/@")) if path.startswith("/@") else None


async def host_meta(_request: Request, federation: Federation) -> Response:
    """GET /.well-known/host-meta (RFC 6415)."""
    return Response(render.host_meta_xml(federation.at), media_type="application/xrd+xml", headers=_OPEN)


async def host_meta_json(_request: Request, federation: Federation) -> Response:
    """GET /.well-known/host-meta.json."""
    return Response(dumps(render.host_meta(federation.at)), media_type="application/json", headers=_OPEN)


async def nodeinfo_links(_request: Request, federation: Federation) -> Response:
    """GET /.well-known/nodeinfo."""
    return Response(
        dumps(render.nodeinfo_discovery(federation.at)), media_type="application/json", headers=_OPEN
    )


async def nodeinfo(request: Request, federation: Federation) -> Response:
    """GET /nodeinfo/2.0 and /nodeinfo/2.1."""
    version = request.path_params["version"]
    if version not in ("2.0", "2.1"):
        raise NotFound("Only NodeInfo 2.0 and 2.1 are served.")
    facts = await federation.db.read(_facts, federation)
    document = render.nodeinfo_2_0(facts) if version == "2.0" else render.nodeinfo_2_1(facts)
    profile = f'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/{version}#"'
    return Response(dumps(document), headers={"Content-Type": profile, **_OPEN})


def _facts(reader: Reader, federation: Federation) -> NodeFacts:
    posts = post_table.c
    local = posts.local.is_(True) & posts.deleted_at.is_(None) & (posts.visibility == "public")

    def number(condition: ColumnElement[bool], of: ColumnElement[int]) -> int:
        statement = select(of).select_from(post_table).where(local, condition)
        return int(reader.connection.execute(statement).scalar_one())

    everything, authors = func.count(), func.count(distinct(posts.author_id))
    people = reader.connection.execute(
        select(func.count())
        .select_from(actor_table)
        .where(
            actor_table.c.local.is_(True),
            actor_table.c.deleted_at.is_(None),
            actor_table.c.type.in_(_PEOPLE),
        )
    ).scalar_one()
    editors = [
        actor.uri
        for actor in actor_queries.locals_of_type(reader, "Organization")
        if actor.kind == "Editorial"
    ]
    return NodeFacts(
        version=__version__,
        repository="",
        homepage="",
        name=federation.settings.region_name,
        description=federation.settings.description,
        staff=tuple(editors),
        users=int(people),
        active_month=number(posts.received_at > reader.now - timedelta(days=30), authors),
        active_halfyear=number(posts.received_at > reader.now - timedelta(days=180), authors),
        posts=number(posts.in_reply_to.is_(None), everything),
        comments=number(posts.in_reply_to.is_not(None), everything),
    )
