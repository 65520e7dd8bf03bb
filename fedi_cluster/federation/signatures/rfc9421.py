"""The newer form, HTTP Message Signatures (RFC 9421): its text to sign and its headers; it holds no key."""

from datetime import UTC, datetime
from functools import lru_cache

from fedi_cluster.federation.signatures.keys import Kind
from fedi_cluster.federation.signatures.request import Claim, RequestFacts, as_bytes, checked_key_id
from fedi_cluster.federation.signatures.structured import (
    MAX_FIELD,
    InnerList,
    Item,
    Token,
    decode_base64,
    parse_dictionary,
    write_bare,
)
from fedi_cluster.kernel.errors import Malformed, Unauthenticated

_ALGORITHMS: dict[Kind, str] = {"rsa": "rsa-v1_5-sha256", "ed25519": "ed25519"}
_USUAL_INPUT = 1_000
"""Characters; what is longer is not remembered, because strangers choose it."""

_MAX_SECONDS = 10**11  # beyond what a datetime can hold


def signature_base(lines: list[tuple[str, str]], parameters: str) -> str:
    """The text that is signed (RFC 9421, 2.5): a line for each component, `@signature-params` last."""
    return "\n".join(
        f"{write_bare(name)}: {value}" for name, value in [*lines, ("@signature-params", parameters)]
    )


def read_claim(signature_input: str, signature: str | None) -> Claim:
    """The headers `Signature-Input` and `Signature`, holding exactly one signature as Mastodon demands.

    Raises `Malformed` (unreadable, duplicates, another number) or `Unauthenticated` (components with
    parameters, no key, no time).
    """
    read = _read_input if len(signature_input) <= _USUAL_INPUT else _read_input.__wrapped__
    label, claim = read(signature_input)
    return claim._replace(signature=_read_signature(label, signature or ""))


@lru_cache(maxsize=256)  # what a sender sends within one second is described by the same text
def _read_input(text: str) -> tuple[str, Claim]:
    """The label of the one signature that is described, and its claim without the signature itself."""
    inputs = parse_dictionary(text)
    if len(inputs) != 1:
        raise _not_one()
    ((label, described),) = inputs.items()
    if not isinstance(described, InnerList):
        raise Malformed("The Signature-Input header lists no components.")
    parameters = dict(described.parameters)
    algorithm = parameters.get("alg")
    if algorithm is not None and algorithm not in _ALGORITHMS.values():
        raise Unauthenticated("The signature's algorithm is not known here.")
    return label, Claim(
        scheme="rfc9421",
        key_id=checked_key_id(parameters.get("keyid")),
        algorithm=None if algorithm is None else str(algorithm),
        covered=tuple(_component(item) for item in described.items),
        signature=b"",
        created=_read_seconds(parameters.get("created"), "created"),
        expires=_read_seconds(parameters.get("expires"), "expires"),
        parameters=str(described),
    )


def _read_signature(label: str, text: str) -> bytes:
    start = f"{label}=:"
    usual = len(text) <= MAX_FIELD and text.startswith(start)
    if usual and text.find(":", len(start)) == len(text) - 1:  # as nearly always
        return decode_base64(text[len(start) : -1])
    signatures = parse_dictionary(text)
    if signatures.keys() != {label}:
        raise _not_one()
    made = signatures[label]
    if not isinstance(made, Item) or not isinstance(made.value, bytes):
        raise Malformed("The Signature header holds no signature.")
    return made.value


def _not_one() -> Malformed:
    return Malformed("The request needs exactly one signature with its Signature-Input.")


def check_coverage(facts: RequestFacts, claim: Claim) -> None:
    """Refuses (`Unauthenticated`) a signature that leaves method, target, time or digest open."""
    covered = frozenset(claim.covered)
    if len(covered) != len(claim.covered):
        raise Unauthenticated("The signature covers a component twice.")
    if "@method" not in covered:
        raise Unauthenticated("The signature must cover @method.")
    whole_path = "@path" in covered and ("@query" in covered or not facts.uri.query)
    named_host = bool(covered & {"@authority", "host"})
    if "@target-uri" not in covered and not (named_host and (whole_path or "@request-target" in covered)):
        raise Unauthenticated("The signature must cover @target-uri, or @authority, @path and @query.")
    if claim.created is None:
        raise Unauthenticated("The signature must have the parameter created.")
    if facts.needs_digest and "content-digest" not in covered:
        raise Unauthenticated("The signature must cover the Content-Digest header.")


def signed_moments(claim: Claim) -> list[datetime]:
    """When the signature says it was made; the parameters are always signed."""
    return [] if claim.created is None else [datetime.fromtimestamp(claim.created, UTC)]


def base(facts: RequestFacts, claim: Claim) -> bytes:
    """The text that the sender must have signed; raises `Unauthenticated` for what is not known here."""
    lines = [(name, _value(facts, name)) for name in claim.covered]
    return as_bytes(signature_base(lines, claim.parameters))


def fits(algorithm: str | None, kind: Kind) -> bool:
    """Can a key of this kind have made a signature that names this algorithm? None: the key decides."""
    return algorithm is None or algorithm == _ALGORITHMS[kind]


def _value(facts: RequestFacts, name: str) -> str:
    known = {
        "@method": facts.method,
        "@target-uri": facts.uri.uri,
        "@authority": facts.uri.authority,
        "@scheme": facts.uri.scheme,
        "@request-target": facts.target,
        "@path": facts.uri.path,
        "@query": facts.uri.query or "?",
    }
    if name in known:
        return known[name]
    if name.startswith("@"):
        raise Unauthenticated("The signature covers a component that is not known here.")
    return facts.signed_header(name)


def _component(item: Item) -> str:
    name = item.value
    if not isinstance(name, str) or isinstance(name, Token) or not name or name != name.lower():
        raise Malformed("The Signature-Input header lists something that is no component.")
    if item.parameters:
        # ;sf, ;bs, ;req, ;tr and ;key change what is signed; no known server needs them.
        raise Unauthenticated("The signature covers a component with parameters.")
    return name


def _read_seconds(value: object, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _MAX_SECONDS:
        raise Unauthenticated(f"The signature's {name} is not a time.")
    return value
