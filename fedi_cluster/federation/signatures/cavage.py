"""The older form, draft-cavage-http-signatures-12: its text to sign and its header; it holds no key."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from fedi_cluster.federation.signatures.keys import Kind
from fedi_cluster.federation.signatures.request import (
    Claim,
    RequestFacts,
    as_bytes,
    checked_key_id,
)
from fedi_cluster.federation.signatures.structured import MAX_FIELD, decode_base64
from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.lru import remembered

_PARAMETER = re.compile(r'([A-Za-z][A-Za-z0-9_-]*)=(?:"([^"\\\r\n]*)"|([A-Za-z0-9._+-]+))')
_SIGNATURE = ',signature="'
_USUAL = 600  # longer ones are not kept, because strangers choose them
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# `hs2019` says "the key decides", and in practice means the same as the older name.
_KINDS: dict[str, frozenset[Kind]] = {
    "rsa-sha256": frozenset(("rsa",)),
    "ed25519": frozenset(("ed25519",)),
    "hs2019": frozenset(("rsa", "ed25519")),
}


def write_date(moment: datetime) -> str:
    """An aware datetime as the `Date` header has it, day with two digits: some servers need both."""
    return _written(moment.astimezone(UTC).replace(microsecond=0))


@lru_cache(maxsize=16)  # many are signed within a second
def _written(utc: datetime) -> str:
    return f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} {utc:%H:%M:%S} GMT"


@lru_cache(maxsize=256)  # many requests have the same second
def read_date(text: str) -> datetime:
    """The moment in a `Date` header, in UTC; raises `Unauthenticated`."""
    found = _DATE.fullmatch(text)
    if found is None or found.group(2) not in _MONTHS:
        raise Unauthenticated("The Date header cannot be read.")
    day, month, *rest = found.groups()
    try:
        year, hour, minute, second = (int(part) for part in rest)
        return datetime(year, _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Unauthenticated("The Date header cannot be read.") from error


def signing_string(lines: list[tuple[str, str]]) -> str:
    """The text that is signed: a line for each component, without a newline at the end."""
    return "\n".join([f"{name}: {value}" for name, value in lines])


def read_claim(header: str) -> Claim:
    """The `Signature` header; raises `Malformed` (unreadable, a parameter twice) or `Unauthenticated`."""
    if len(header) > MAX_FIELD:
        raise Malformed("The Signature header is too long.")
    text = header.strip(" \t")
    # Nearly always the signature comes last, and what comes before it is that of all requests of a sender.
    before, comma, last = text.rpartition(_SIGNATURE)
    if comma and last.find('"') == len(last) - 1 > 0:
        read = _read_before if len(before) <= _USUAL else _claim_before
        return read(before)._replace(signature=decode_base64(last[:-1]))
    parameters = _read_parameters(text)
    signature = parameters.pop("signature", "")
    if not signature:
        raise _incomplete()
    return _claim_of(parameters)._replace(signature=decode_base64(signature))


def _claim_before(text: str) -> Claim:
    parameters = _read_parameters(text)
    if "signature" in parameters:
        raise Malformed("The Signature header names a parameter twice.", detail="signature")
    return _claim_of(parameters)


_read_before = remembered(1_024, each=1_200)(_claim_before)


def _claim_of(parameters: dict[str, str]) -> Claim:
    """What the parameters say, without the signature itself."""
    if "keyId" not in parameters:
        raise _incomplete()
    covered = _read_covered(parameters)
    return Claim(
        scheme="cavage",
        key_id=checked_key_id(parameters.get("keyId")),
        algorithm=_algorithm(parameters.get("algorithm")),
        covered=covered,
        signature=b"",
        created=_read_seconds(parameters, "created"),
        expires=_read_seconds(parameters, "expires"),
    )


def _incomplete() -> Malformed:
    return Malformed("The Signature header needs keyId and signature.")


def check_coverage(facts: RequestFacts, claim: Claim) -> None:
    """Refuses (`Unauthenticated`) a signature that leaves target, host, time or digest open."""
    covered = frozenset(claim.covered)
    if "(request-target)" not in covered:
        raise Unauthenticated("The signature must cover (request-target).")
    if "host" not in covered:
        raise Unauthenticated("The signature must cover the Host header.")
    if not covered & {"date", "(created)"}:
        raise Unauthenticated("The signature must cover the Date header or (created).")
    if facts.needs_digest and not covered & {"digest", "content-digest"}:
        raise Unauthenticated("The signature must cover the Digest header.")
    if covered & {"(created)", "(expires)"} and _algorithm(claim.algorithm) != "hs2019":
        # The draft forbids them for the older algorithm names: an old verifier does not see the time.
        raise Unauthenticated("The signature may use (created) and (expires) only with hs2019.")


def signed_moments(facts: RequestFacts, claim: Claim) -> list[datetime]:
    """Every moment at which the signature says it was made; raises `Unauthenticated`."""
    moments: list[datetime] = []
    if "date" in claim.covered:
        moments.append(read_date(facts.signed_header("date")))
    if "(created)" in claim.covered and claim.created is not None:
        moments.append(datetime.fromtimestamp(claim.created, UTC))
    return moments


def bases(facts: RequestFacts, claim: Claim) -> list[bytes]:
    """The texts that the sender may have signed.

    Two where there is a query: some servers (GoToSocial up to 0.13, older Mastodon) sign the path alone.
    """
    path, mark, _query = facts.target.partition("?")
    targets = (facts.target, path) if mark else (path,)
    return [
        as_bytes(signing_string([(name, _value(facts, claim, name, target)) for name in claim.covered]))
        for target in targets
    ]


def fits(algorithm: str | None, kind: Kind) -> bool:
    """Can a key of this kind have made a signature that names this algorithm?"""
    return kind in _KINDS[_algorithm(algorithm)]


def _algorithm(name: str | None) -> str:
    lower = "hs2019" if name is None else name.lower()
    if lower not in _KINDS:
        raise Unauthenticated("The signature's algorithm is not known here.")
    return lower


def _value(facts: RequestFacts, claim: Claim, name: str, target: str) -> str:
    if name[0] != "(":
        return facts.signed_header(name)
    if name == "(request-target)":
        return f"{facts.method.lower()} {target}"
    if name in ("(created)", "(expires)"):
        moment = claim.created if name == "(created)" else claim.expires
        if moment is None:
            raise Unauthenticated(f"The signature covers {name}, which it does not give.")
        return str(moment)
    raise Unauthenticated("The signature covers a component that is not known here.")


def _read_parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    at = 0
    while True:
        found = _PARAMETER.match(text, at)
        if found is None:
            raise Malformed("The Signature header cannot be read.", detail=f"character {at}")
        name, quoted, bare = found.groups()
        if name in parameters:
            raise Malformed("The Signature header names a parameter twice.", detail=name)
        parameters[name] = bare if quoted is None else quoted
        if found.end() == len(text):
            break
        comma = _COMMA.match(text, found.end())
        if comma is None:
            raise Malformed("The Signature header cannot be read.", detail=f"character {found.end()}")
        at = comma.end()
    return parameters


def _read_covered(parameters: dict[str, str]) -> tuple[str, ...]:
    listed = parameters.get("headers")
    if listed is None:
        return ("(created)",) if parameters.get("algorithm") == "hs2019" else ("date",)
    covered = tuple(listed.lower().split(" "))
    if "" in covered or len(set(covered)) != len(covered):
        raise Malformed("The Signature header lists its headers wrongly.")
    return covered


def _read_seconds(parameters: dict[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,10}", text):
        raise Unauthenticated(f"The signature's {name} is not a time.")
    return int(text)
