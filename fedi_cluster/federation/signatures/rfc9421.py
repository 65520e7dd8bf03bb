"""The newer form, HTTP Message Signatures (RFC 9421): its text to sign and its headers; it holds no key."""

from datetime import UTC, datetime

from fedi_cluster.federation.signatures.keys import Kind
from fedi_cluster.federation.signatures.request import Claim, RequestFacts, as_bytes, checked_key_id
from fedi_cluster.federation.signatures.structured import (
    InnerList,
    Item,
    Token,
    parse_dictionary,
    write_bare,
)
from fedi_cluster.kernel.errors import Malformed, Unauthenticated

_ALGORITHMS: dict[Kind, str] = {"rsa": "rsa-v1_5-sha256", "ed25519": "ed25519"}
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
    inputs = parse_dictionary(signature_input)
    signatures = parse_dictionary(signature or "")
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise Malformed("The request needs exactly one signature with its Signature-Input.")
    (described,) = inputs.values()
    (made,) = signatures.values()
    if not isinstance(described, InnerList):
        raise Malformed("The Signature-Input header lists no components.")
    if not isinstance(made, Item) or not isinstance(made.value, bytes):
        raise Malformed("The Signature header holds no signature.")
    parameters = dict(described.parameters)
    algorithm = parameters.get("alg")
    if algorithm is not None and algorithm not in _ALGORITHMS.values():
        raise Unauthenticated("The signature's algorithm is not known here.")
    return Claim(
        scheme="rfc9421",
        key_id=checked_key_id(parameters.get("keyid")),
        algorithm=None if algorithm is None else str(algorithm),
        covered=tuple(_component(item) for item in described.items),
        signature=made.value,
        created=_read_seconds(parameters.get("created"), "created"),
        expires=_read_seconds(parameters.get("expires"), "expires"),
        parameters=str(described),
    )


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
