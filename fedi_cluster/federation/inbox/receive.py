"""The POST: checked, written to the log with its job, answered 202; nothing is worked here."""

from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.senders import claimed, facts_of, prove
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof
from fedi_cluster.federation.signatures.verify import VerifiedSender
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.media_types import is_activity_type
from fedi_cluster.federation.vocab.types import Head, Unreadable
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.http.body import first_lines, read_body
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import Forbidden, Malformed, Unsupported
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.telemetry.doing import also_doing

ACCEPTED = Response(status_code=202)
"""The same for everybody: it holds nothing of a request."""

_FORWARDED = ("Create", "Update", "Delete")


async def shared_inbox(request: Request, federation: Federation) -> Response:
    """POST /inbox."""
    return await _receive(request, federation)


async def personal_inbox(request: Request, federation: Federation) -> Response:
    """POST /actors/NAME/inbox and /actor/inbox; `NotFound` for a name that nobody has."""
    name = request.path_params.get("name")
    if name is not None:
        await federation.db.read(actor_queries.need_local, name)
    return await _receive(request, federation)


async def _receive(request: Request, federation: Federation) -> Response:
    """The checks in the order of federation.md 2.4: what costs least comes first, the network last."""
    sent = first_lines(request)
    _check_type(sent)
    limits = federation.settings.limits
    body = await read_body(request, limits.inbox_body, sent.get(b"content-length", b""))
    claim = claimed(federation, facts_of(request, federation.settings.base_url, body))
    document = parse_object(body)
    head = _read(document)
    also_doing(activity=head.id[:500])
    if head.of_itself and await federation.db.read(actor_queries.by_uri, head.actor) is None:
        # Big servers tell everybody about every deleted account; its key could not be read any more.
        return ACCEPTED
    if not same_origin(head.id, head.actor):
        raise Malformed(
            "The activity's id is not on the server of its actor.", detail=f"{head.id} by {head.actor}"
        )
    # The host of the key is asked for by `prove`, before the key is fetched.
    if (host := host_of(head.actor)) != host_of(claim.key_id):
        await federation.policies.refuse_blocked(host)
    sender = await prove(federation, claim, of_the_gone=head.of_itself and head.type == "Delete")
    if sender.actor != head.actor:
        await _check_speaker(federation, sender, document, head)
    await federation.log.append(sender, head.id, body)
    return ACCEPTED


def _check_type(sent: Mapping[bytes, bytes]) -> None:
    named = sent.get(b"content-type", b"")
    if not _is_taken(named):
        raise Unsupported("Send application/activity+json.", detail=named[:100].decode("latin-1"))
    if sent.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Unsupported("Send the body without a content encoding.")


@lru_cache(maxsize=64)
def _is_taken(content_type: bytes) -> bool:
    named = content_type.decode("latin-1")
    return is_activity_type(named) or named.partition(";")[0].strip().lower() == "application/json"


def _read(document: Json) -> Head:
    found = parse.head(document)
    if isinstance(found, Unreadable):
        raise Malformed(f"The activity cannot be read: {found.reason}")
    return found


async def _check_speaker(federation: Federation, sender: VerifiedSender, document: Json, head: Head) -> None:
    """Another than the actor signed the request: only a proof of the actor, or a sister that forwards.

    What a sister forwards is read again at its origin before anything of it is kept.
    """
    key_id = proof_key_id(document)
    if key_id is not None and same_origin(key_id, head.actor):
        key = await federation.keys.find(key_id)
        if key.owner == head.actor:
            verify_proof(document, key, federation.clock.now())
            return
    sister = await federation.db.read(instance_queries.is_sister, federation.at.host, sender.host)
    if not sister or head.type not in _FORWARDED:
        raise Forbidden(
            "The activity's actor did not sign the request.", detail=f"{sender.actor} for {head.actor}"
        )
