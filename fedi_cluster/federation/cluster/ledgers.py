"""What sisters read of the ledger here: digests of ours and of our copies, and copies themselves.

Source: golden README, “Digests”. Nobody but a present sister gets anything: it is public, but much.
"""

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.community.instances import queries
from fedi_cluster.community.regions import digests
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.federation.cluster import verify, watch
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.senders import authenticate, facts_of
from fedi_cluster.federation.remote.signing import own_private_keys
from fedi_cluster.federation.render import cluster as render
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Forbidden, NotFound
from fedi_cluster.kernel.json import dumps
from fedi_cluster.storage.unit import Reader, Unit


async def own(request: Request, federation: Federation) -> Response:
    """GET /cluster/digest and /cluster/digest/PERIOD: what our region has."""
    return await _digest(request, federation, federation.at.host, federation.at.digest)


async def held(request: Request, federation: Federation) -> Response:
    """GET /cluster/copies/HOST/digest and …/PERIOD: what we hold of the sister on HOST."""
    host = request.path_params["host"]
    return await _digest(request, federation, host, federation.at.digest_of(host))


async def copy(request: Request, federation: Federation) -> Response:
    """GET /cluster/copy?id=ID: the bytes of a sister's thing as its author signed them."""
    await _sister(request, federation)
    document = await verify.copy(federation, request.query_params.get("id", ""))
    if document is None:
        raise NotFound("There is no copy of this here whose proof fits.")
    return Response(document, media_type=ACTIVITY_JSON)


async def _sister(request: Request, federation: Federation) -> str:
    """The host of the sister who asks.

    Raises `NotFound` outside a cluster, `Forbidden` for everybody else, and as `authenticate` does.
    """
    if not await federation.db.read(queries.is_member, federation.at.host):
        raise NotFound("This instance is not a member of a cluster.")
    sender = await authenticate(federation, facts_of(request, federation.settings.base_url, b""))
    if not await federation.db.read(queries.is_sister, federation.at.host, sender.host):
        raise Forbidden("Only sister instances read this.", detail=sender.host)
    return sender.host


async def _digest(request: Request, federation: Federation, host: str, prefix: str) -> Response:
    sister = await _sister(request, federation)
    name, known = request.path_params.get("period", ""), request.headers.get("if-none-match")

    def write(unit: Unit) -> tuple[str, bytes | None]:
        instance_actions.heard_from(unit, [sister])
        watch.keep_watch(unit, sister)
        try:
            period = digests.period(unit, host, prefix, name)
        except ValueError as error:
            raise NotFound("There is no such period.", detail=name) from error
        etag = f'"{period.digest}"'
        if known == etag:
            return etag, None
        origin = _origin(unit, federation, host)
        now = whole_second(unit.now)
        document = render.digest(prefix, period, federation.at.instance_actor, origin, now)
        return etag, dumps(with_proof(document, own_private_keys(unit, instance_actor(unit)), now))

    etag, body = await federation.db.write(write)
    headers = {"ETag": etag}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=ACTIVITY_JSON, headers=headers)


def _origin(reader: Reader, federation: Federation, host: str) -> str:
    if host == federation.at.host:
        return federation.at.instance_actor
    member = queries.member(reader, host)
    if member is None:
        raise NotFound("That instance is not known here.", detail=host)
    return member.entry.actor
