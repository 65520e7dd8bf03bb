"""Who sent a request: the one way from its facts to a `VerifiedSender`, or a refusal that says why."""

from datetime import timedelta

from starlette.requests import Request

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.rules import may_deliver
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.signatures.request import RequestFacts
from fedi_cluster.federation.signatures.verify import VerifiedSender, claimed_key_id, verified_sender
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import Forbidden, Unauthenticated


async def authenticate(
    federation: Federation, facts: RequestFacts, *, of_the_gone: bool = False
) -> VerifiedSender:
    """The proven sender of a request (federation.md 2.4, 4–10); `of_the_gone` as in `KeyRing.find`.

    Raises `Unauthenticated` (no, wrong or stale signature, unreadable key), `Forbidden` (a blocked
    instance, before its key is fetched), `Malformed`, `Gone` (the key's owner is deleted).
    """
    now, window = federation.clock.now(), timedelta(seconds=federation.settings.limits.signature_window)
    key_id = claimed_key_id(facts, now, window=window)
    if key_id is None:
        raise Unauthenticated("The request is not signed.")
    await refuse_blocked(federation, host_of(key_id))
    key = await federation.keys.find(key_id, of_the_gone=of_the_gone)
    await refuse_blocked(federation, host_of(key.owner))
    try:
        return verified_sender(facts, key, now, window=window)
    except Unauthenticated:
        # The sender may have changed its key since we read it.
        fresh = await federation.keys.find_again(key_id)
        if fresh is None or fresh == key:
            raise
        return verified_sender(facts, fresh, now, window=window)


async def refuse_blocked(federation: Federation, host: str) -> None:
    """Raises `Forbidden` where we take nothing from this host."""
    known = await federation.db.read(instance_queries.instance, host)
    if not may_deliver(known):
        raise Forbidden("This instance does not talk with yours.", detail=host)


def facts_of(request: Request, base_url: str, body: bytes) -> RequestFacts:
    """What the signature of a request can speak of; its address is under our configured base URL."""
    target = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return RequestFacts.under(
        base_url,
        request.method,
        f"{target}?{query}" if query else target,
        ((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
        body,
    )
