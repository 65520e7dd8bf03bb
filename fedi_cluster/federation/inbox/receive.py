"""The POST: checked, written to the log with its job, answered 202; nothing is worked here."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.senders import authenticate, facts_of, refuse_blocked
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof
from fedi_cluster.federation.signatures.verify import VerifiedSender, claimed_key_id
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.media_types import is_activity_type
from fedi_cluster.federation.vocab.types import Activity, Create, Delete, Unreadable, Update
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.http.body import read_body
from fedi_cluster.jobs import queue
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import (
    Forbidden,
    Malformed,
    Unauthenticated,
    Unsupported,
)
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Unit

ACCEPTED = 202


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
    _check_type(request)
    body = await read_body(request, federation.settings.limits.inbox_body)
    facts = facts_of(request, federation.settings.base_url, body)
    window = timedelta(seconds=federation.settings.limits.signature_window)
    if claimed_key_id(facts, federation.clock.now(), window=window) is None:
        raise Unauthenticated("The request is not signed.")
    document = parse_object(body)
    activity = _read(document)
    of_itself = isinstance(activity, Delete | Update) and activity.actor == activity.object_id
    if of_itself and await federation.db.read(actor_queries.by_uri, activity.actor or "") is None:
        # Big servers tell everybody about every deleted account; its key could not be read any more.
        return Response(status_code=ACCEPTED)
    actor = activity.actor or ""
    if not activity.id or not same_origin(activity.id, actor):
        raise Malformed(
            "The activity's id is not on the server of its actor.", detail=f"{activity.id} by {actor}"
        )
    await refuse_blocked(federation, host_of(actor))
    sender = await authenticate(federation, facts, of_the_gone=of_itself and isinstance(activity, Delete))
    if sender.actor != actor:
        await _check_speaker(federation, sender, document, activity)
    await federation.db.write(_log, sender, activity.id, body)
    return Response(status_code=ACCEPTED)


def _check_type(request: Request) -> None:
    named = request.headers.get("content-type", "")
    if not is_activity_type(named) and named.partition(";")[0].strip().lower() != "application/json":
        raise Unsupported("Send application/activity+json.", detail=named[:100])
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unsupported("Send the body without a content encoding.")


def _read(document: Json) -> Activity:
    found = parse.activity(document)
    if isinstance(found, Unreadable):
        raise Malformed(f"The activity cannot be read: {found.reason}")
    if found.actor is None:
        raise Malformed("The activity names no actor.")
    return found


async def _check_speaker(
    federation: Federation, sender: VerifiedSender, document: Json, activity: Activity
) -> None:
    """Another than the actor signed the request: only a proof of the actor, or a sister that forwards.

    What a sister forwards is read again at its origin before anything of it is kept.
    """
    actor = activity.actor or ""
    key_id = proof_key_id(document)
    if key_id is not None and same_origin(key_id, actor):
        key = await federation.keys.find(key_id)
        if key.owner == actor:
            verify_proof(document, key, federation.clock.now())
            return
    sister = await federation.db.read(instance_queries.is_sister, federation.at.host, sender.host)
    if not sister or not isinstance(activity, Create | Update | Delete):
        raise Forbidden(
            "The activity's actor did not sign the request.", detail=f"{sender.actor} for {actor}"
        )


def _log(unit: Unit, sender: VerifiedSender, activity_uri: str, raw: bytes) -> bool:
    """Appends to the log with its job; False where this activity of this sender is there already."""
    instance_actions.heard_from(unit, sender.host)
    queue.wake_lane(unit, f"out:{sender.host}")
    log_id = unit.new_id()
    fresh = insert_new(
        unit.connection,
        inbox_log,
        {
            "id": log_id,
            "activity_uri": activity_uri,
            "sender_host": sender.host,
            "sender_actor": sender.actor,
            "sender_key": sender.key_id,
            "scheme": sender.scheme,
            "key_kind": sender.kind,
            "raw": raw,
            "state": "new",
            "received_at": unit.now,
        },
    )
    if not fresh:
        return False
    queue.enqueue(unit, "federation.process", {"log_id": log_id}, lane=f"in:{sender.host}")
    return True
