"""Who sent a request: the one way from its facts to a `VerifiedSender`, or a refusal that says why."""

from datetime import timedelta

from starlette.requests import Request

from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.signatures.request import RequestFacts
from fedi_cluster.federation.signatures.verify import CheckedClaim, VerifiedSender, checked_claim, sender_of
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import Unauthenticated


async def authenticate(
    federation: Federation, facts: RequestFacts, *, of_the_gone: bool = False
) -> VerifiedSender:
    """The proven sender of a request (federation.md 2.4, 4–10); `of_the_gone` as in `KeyRing.find`.

    Raises `Unauthenticated` (no, wrong or stale signature, unreadable key), `Forbidden` (a blocked
    instance, before its key is fetched), `Malformed`, `Gone` (the key's owner is deleted).
    """
    return await prove(federation, claimed(federation, facts), of_the_gone=of_the_gone)


def claimed(federation: Federation, facts: RequestFacts) -> CheckedClaim:
    """What the signature of a request says, as far as that needs neither key nor database.

    Raises `Unauthenticated` (none, or a stale one) and `Malformed`.
    """
    window = timedelta(seconds=federation.settings.limits.signature_window)
    claim = checked_claim(facts, federation.clock.now(), window=window)
    if claim is None:
        raise Unauthenticated("The request is not signed.")
    return claim


async def prove(federation: Federation, claim: CheckedClaim, *, of_the_gone: bool = False) -> VerifiedSender:
    """The sender who made a signature; raises as `authenticate`."""
    host = host_of(claim.key_id)
    await federation.policies.refuse_blocked(host)
    key = await federation.keys.find(claim.key_id, of_the_gone=of_the_gone)
    if host_of(key.owner) != host:
        await federation.policies.refuse_blocked(host_of(key.owner))
    try:
        return sender_of(claim, key)
    except Unauthenticated:
        # The sender may have changed its key since we read it.
        fresh = await federation.keys.find_again(key)
        if fresh is None or fresh == key:
            raise
        return sender_of(claim, fresh)


def facts_of(request: Request, base_url: str, body: bytes) -> RequestFacts:
    """What the signature of a request can speak of; its address is under our configured base URL."""
    scope = request.scope
    path, query = scope["raw_path"], scope["query_string"]
    target = path + b"?" + query if query else path
    return RequestFacts.from_wire(base_url, scope["method"], target, scope["headers"], body)
