"""What a sister may read here: the list of members (all may), and an invitation (who holds its token)."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.regions.queries import own_entry
from fedi_cluster.federation.remote import lanes, log
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.member_list import own_list
from fedi_cluster.federation.remote.senders import authenticate, facts_of
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.unit import Unit


async def members(request: Request, federation: Federation) -> Response:
    """GET /cluster/members. A signed request is a sign of life: what waits for its sender is sent at once."""
    if "signature" in request.headers:
        await _greeted(request, federation)
    document = await federation.db.read(own_list, federation.at)
    return Response(dumps(document), media_type=ACTIVITY_JSON)


async def _greeted(request: Request, federation: Federation) -> None:
    try:
        sender = await authenticate(federation, facts_of(request, federation.settings.base_url, b""))
    except ClusterError:
        # The list is public: whoever cannot prove a name reads it without one.
        return
    await federation.db.write(_heard, sender.host)


def _heard(unit: Unit, host: str) -> None:
    log.heard_from(unit, [host])
    lanes.wake(unit, [host])


async def invitation(request: Request, federation: Federation) -> Response:
    """GET /cluster/invitations/TOKEN, signed by the newcomer: what the invitation file holds, too."""
    sender = await authenticate(federation, facts_of(request, federation.settings.base_url, b""))
    token = request.path_params["token"]
    document = await federation.db.write(_invitation, federation.at, token, sender.host)
    return Response(dumps(document), media_type="application/json")


def _invitation(unit: Unit, at: Addresses, token: str, host: str) -> Json:
    expires = membership.check_invitation(unit, token, host)
    return invitation_document(unit, at, token, expires.isoformat())


def invitation_document(unit: Unit, at: Addresses, token: str, expires: str) -> Json:
    """An invitation as a file or an answer: who invites, to which cluster, with the key to pin."""
    cluster = queries.cluster(unit)
    own = own_entry(unit)
    assert cluster is not None, "who invites has founded a cluster"
    return {
        "format": 1,
        "link": f"{at.base}/cluster/invitations/{token}",
        "cluster": cluster.urn,
        "expires": expires,
        **{name: asdict(own)[name] for name in ("actor", "region", "name", "key")},
    }
