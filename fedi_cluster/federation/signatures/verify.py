"""Who sent a request: a `VerifiedSender` or a refusal, nothing between; it fetches no key, trusts no proxy.

Rules: federation.md 2.4, items 4 to 6; stricter than any one server where they differ.
"""

from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta
from typing import Final

from fedi_cluster.federation.signatures import cavage, rfc9421
from fedi_cluster.federation.signatures.digest import check_content_digest, check_digest
from fedi_cluster.federation.signatures.keys import Kind, PublicKey, is_signed
from fedi_cluster.federation.signatures.request import Claim, RequestFacts, Scheme, target_of
from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.lru import remembered

__all__ = [
    "WINDOW",
    "CheckedClaim",
    "RequestFacts",
    "VerifiedSender",
    "checked_claim",
    "claimed_key_id",
    "sender_from_log",
    "sender_of",
    "verified_sender",
]

WINDOW = timedelta(hours=1)
_MINT: Final = object()
_USUAL = 400  # characters of both ids; longer ones are not kept, because strangers choose them


@dataclass(frozen=True, slots=True)
class VerifiedSender:
    """The proof that an actor sent a request; only this module makes one, elsewhere it is a TypeError.

    `actor` and `key_id` are URIs; `host` is the actor's authority, lower case, with a port only if it is
    not the usual one.
    """

    actor: str
    key_id: str
    host: str
    scheme: Scheme
    kind: Kind
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        """Refuses everybody but this module."""
        if mint is not _MINT:
            raise TypeError("only verified_sender makes a VerifiedSender")


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A signed request of which only the key is still to be asked; only this module makes one."""

    facts: RequestFacts
    claim: Claim
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        """Refuses everybody but this module."""
        if mint is not _MINT:
            raise TypeError("only checked_claim makes a CheckedClaim")

    @property
    def key_id(self) -> str:
        """The URI of the key that the request says it was signed with."""
        return self.claim.key_id


def checked_claim(
    facts: RequestFacts, now: datetime | None = None, *, window: timedelta = WINDOW
) -> CheckedClaim | None:
    """What a request's signature says, where all fits that needs no key; None for an unsigned request.

    Coverage, host, digest, and the time if `now` is given are checked here, so that no key is fetched for a
    request that would be refused with any key. Raises `Malformed` or `Unauthenticated`. Plain http passes:
    whoever fetches the key decides on that.
    """
    claim = _read_claim(facts)
    if claim is None:
        return None
    _check_without_key(facts, claim, now, window)
    return CheckedClaim(facts, claim, _MINT)


def claimed_key_id(
    facts: RequestFacts, now: datetime | None = None, *, window: timedelta = WINDOW
) -> str | None:
    """The URI of the key of `checked_claim`; None for an unsigned request."""
    checked = checked_claim(facts, now, window=window)
    return None if checked is None else checked.key_id


def verified_sender(
    facts: RequestFacts, key: PublicKey, now: datetime, *, window: timedelta = WINDOW
) -> VerifiedSender:
    """The sender, if `key` signed these facts within `window` of `now` (aware).

    Raises `Unauthenticated` with the reason, `Malformed` for unreadable headers.
    """
    checked = checked_claim(facts, now, window=window)
    if checked is None:
        raise Unauthenticated("The request is not signed.")
    return sender_of(checked, key)


def sender_of(checked: CheckedClaim, key: PublicKey) -> VerifiedSender:
    """The sender, if `key` made the signature; raises `Unauthenticated` with the reason."""
    facts, claim = checked.facts, checked.claim
    if claim.key_id != key.id:
        raise Unauthenticated("The request is signed with another key.")
    if claim.scheme == "rfc9421":
        fits, bases = rfc9421.fits(claim.algorithm, key.kind), [rfc9421.base(facts, claim)]
    else:
        fits, bases = cavage.fits(claim.algorithm, key.kind), cavage.bases(facts, claim)
    if not fits:
        raise Unauthenticated("The signature's algorithm does not fit the key.")
    for base in bases:
        if is_signed(key, claim.signature, base):
            return _sender(key.owner, key.id, claim.scheme, key.kind)
    raise Unauthenticated("The signature does not fit the request.")


def sender_from_log(actor: str, key_id: str, scheme: Scheme, kind: Kind) -> VerifiedSender:
    """The sender of a request that was verified earlier and written into the inbox log.

    Only the job that reads that log may call it.
    """
    return _sender(actor, key_id, scheme, kind)


def _sender(actor: str, key_id: str, scheme: Scheme, kind: Kind) -> VerifiedSender:
    usual = len(actor) + len(key_id) <= _USUAL
    return (_usual_mint if usual else _mint)(actor, key_id, scheme, kind)


def _mint(actor: str, key_id: str, scheme: Scheme, kind: Kind) -> VerifiedSender:
    try:
        host = target_of(actor).authority
        key_host = target_of(key_id).authority
    except Malformed as error:
        raise Unauthenticated("The key or its owner is not an https URL.") from error
    if host != key_host:
        raise Unauthenticated("The key and its owner are on different servers.")
    return VerifiedSender(actor, key_id, host, scheme, kind, _MINT)


_usual_mint = remembered(2_048, each=500)(_mint)  # who proved to have sent one request sends more of them


def _read_claim(facts: RequestFacts) -> Claim | None:
    signature_input, signature = facts.headers.get("signature-input"), facts.headers.get("signature")
    if signature_input is not None:
        return rfc9421.read_claim(signature_input, signature)
    if signature is not None:
        return cavage.read_claim(signature)
    return None


def _check_without_key(facts: RequestFacts, claim: Claim, now: datetime | None, window: timedelta) -> None:
    if not facts.is_addressed_to_us():
        raise Unauthenticated("The Host header names another server.")
    if claim.scheme == "rfc9421":
        rfc9421.check_coverage(facts, claim)
        moments = rfc9421.signed_moments(claim)
    else:
        cavage.check_coverage(facts, claim)
        moments = cavage.signed_moments(facts, claim)
    if now is not None:
        _check_time(claim, moments, now, window)
    _check_body(facts)


def _check_time(claim: Claim, moments: list[datetime], now: datetime, window: timedelta) -> None:
    if not moments:
        raise Unauthenticated("The signature has no time.")
    if any(abs(now - moment) > window for moment in moments):
        raise Unauthenticated("The signature is too old or from the future; check the clocks.")
    if claim.expires is not None and claim.expires < now.timestamp():
        raise Unauthenticated("The signature has expired.")


def _check_body(facts: RequestFacts) -> None:
    # Both forms are checked if both came: an unsigned one that differs is a forgery in the making.
    digest, content_digest = facts.headers.get("digest"), facts.headers.get("content-digest")
    if digest is not None:
        check_digest(digest, facts.body)
    if content_digest is not None:
        check_content_digest(content_digest, facts.body)
