"""The `@context` of each kind of document; terms beyond four well-known addresses are inlined.

Readers fetch contexts, so an address that is down would make our documents unreadable. Every context is an
array, because one server refuses proofs over anything else (golden rule 1). The lists are shared by all
documents: take a copy (`[*OBJECT]`) before adding to one.
"""

from typing import Final

from fedi_cluster.kernel.addresses import NAMESPACE

Context = list[object]

_ACTIVITYSTREAMS: Final = "https://www.w3.org/ns/activitystreams"
_DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v2"


def _iri(term: str) -> dict[str, str]:
    return {"@id": term, "@type": "@id"}


COLLECTION: Final[Context] = [_ACTIVITYSTREAMS]

TAGS: Final[Context] = [_ACTIVITYSTREAMS, {"Hashtag": "as:Hashtag"}]

ACTIVITY: Final[Context] = [_ACTIVITYSTREAMS, _DATA_INTEGRITY]

ACTOR: Final[Context] = [
    _ACTIVITYSTREAMS,
    "https://w3id.org/security/v1",
    "https://w3id.org/security/multikey/v1",
    _DATA_INTEGRITY,
    {
        "sec": "https://w3id.org/security#",
        "assertionMethod": {"@id": "sec:assertionMethod", "@type": "@id", "@container": "@set"},
        "toot": "http://joinmastodon.org/ns#",
        "schema": "http://schema.org#",
        "sc": "http://schema.org#",
        "lemmy": "https://join-lemmy.org/ns#",
        "gts": "https://gotosocial.org/ns#",
        "creative": NAMESPACE,
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "Hashtag": "as:Hashtag",
        "featured": _iri("toot:featured"),
        "featuredTags": _iri("toot:featuredTags"),
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "movedTo": _iri("as:movedTo"),
        "alsoKnownAs": _iri("as:alsoKnownAs"),
        "attributionDomains": {"@id": "toot:attributionDomains", "@container": "@set"},
        "webfinger": {
            "@id": "https://purl.archive.org/socialweb/webfinger#webfinger",
            "@type": "http://www.w3.org/2001/XMLSchema#string",
        },
        "implements": _iri("https://w3id.org/fep/844e/implements") | {"@container": "@list"},
        "postingRestrictedToMods": "lemmy:postingRestrictedToMods",
        "language": "sc:inLanguage",
        "identifier": "sc:identifier",
        "interactionPolicy": _iri("gts:interactionPolicy"),
        "automaticApproval": _iri("gts:automaticApproval"),
        "canFeature": _iri("https://w3id.org/fep/7aa9#canFeature"),
        "searchableBy": _iri("http://fedibird.com/ns#searchableBy"),
        "creative:cluster": _iri("creative:cluster"),
    },
]

_POST_TERMS: Final[dict[str, object]] = {
    "toot": "http://joinmastodon.org/ns#",
    "sc": "http://schema.org#",
    "gts": "https://gotosocial.org/ns#",
    "creative": NAMESPACE,
    "sensitive": "as:sensitive",
    "Hashtag": "as:Hashtag",
    "blurhash": "toot:blurhash",
    "focalPoint": {"@container": "@list", "@id": "toot:focalPoint"},
    "language": "sc:inLanguage",
    "inLanguage": "sc:inLanguage",
    "identifier": "sc:identifier",
    "interactionPolicy": _iri("gts:interactionPolicy"),
    "canQuote": _iri("gts:canQuote"),
    "automaticApproval": _iri("gts:automaticApproval"),
    "searchableBy": _iri("http://fedibird.com/ns#searchableBy"),
}

OBJECT: Final[Context] = [_ACTIVITYSTREAMS, _DATA_INTEGRITY, _POST_TERMS]

PROJECT: Final[Context] = [
    _ACTIVITYSTREAMS,
    _DATA_INTEGRITY,
    {
        **_POST_TERMS,
        "creative:title": {"@id": "creative:title", "@container": "@language"},
        "license": _iri("http://schema.org/license"),
        "PostalAddress": "sc:PostalAddress",
        "address": _iri("sc:address"),
        "addressCountry": "sc:addressCountry",
        "addressLocality": "sc:addressLocality",
        "addressRegion": "sc:addressRegion",
        "postalCode": "sc:postalCode",
        "streetAddress": "sc:streetAddress",
        "creative:partners": _iri("creative:partners"),
        "creative:confirmedPartners": _iri("creative:confirmedPartners"),
        "creative:goal": _iri("creative:goal"),
        "creative:body": {"@id": "creative:body", "@container": "@language"},
    },
]

# Inside stands a stranger's activity with its own context. The address of the proof terms would protect
# them, and an older version of the same terms inside would make readers drop the whole (golden rule 7).
ANNOUNCE_ACTIVITY: Final[Context] = [
    _ACTIVITYSTREAMS,
    {
        "sec": "https://w3id.org/security#",
        "proof": _iri("sec:proof") | {"@container": "@graph"},
        "DataIntegrityProof": "sec:DataIntegrityProof",
        "cryptosuite": "sec:cryptosuite",
        "created": {"@id": "http://purl.org/dc/terms/created", "@type": "xsd:dateTime"},
        "verificationMethod": _iri("sec:verificationMethod"),
        "proofPurpose": {"@id": "sec:proofPurpose", "@type": "@vocab"},
        "assertionMethod": _iri("sec:assertionMethod") | {"@container": "@set"},
        "proofValue": {"@id": "sec:proofValue", "@type": "sec:multibase"},
    },
]

MEMBERS: Final[Context] = [
    _ACTIVITYSTREAMS,
    _DATA_INTEGRITY,
    {
        "creative": NAMESPACE,
        "creative:origin": _iri("creative:origin"),
        "creative:region": _iri("creative:region"),
        "creative:confirmedBy": _iri("creative:confirmedBy"),
    },
]


def union(parts: list[Context]) -> Context:
    """One context with the terms of all `parts`, for a page whose items have lost theirs.

    The parts are our own, so the same term means the same in each. Without parts, plain ActivityStreams.
    """
    addresses: dict[str, None] = {_ACTIVITYSTREAMS: None}
    terms: dict[str, object] = {}
    for part in parts:
        for entry in part:
            if isinstance(entry, str):
                addresses[entry] = None
            elif isinstance(entry, dict):
                terms |= entry
    return [*addresses, *([terms] if terms else [])]
