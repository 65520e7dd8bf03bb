"""A local actor as the document that other servers read (golden `actor-*`); never a remote one."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fedi_cluster.community.actors.rules import is_region
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.federation.render import contexts
from fedi_cluster.federation.render.values import by_language, hashtags, image, language_of, place, stated
from fedi_cluster.kernel.addresses import PUBLIC, Addresses
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json

_RFC9421 = "https://datatracker.ietf.org/doc/html/rfc9421"
_ABILITIES = (
    (_RFC9421, "RFC-9421: HTTP Message Signatures"),
    (f"{_RFC9421}#name-eddsa-using-curve-edwards25", "RFC-9421 signatures using the Ed25519 algorithm"),
)


def actor(at: Addresses, who: Actor, languages: Sequence[str] = ()) -> Json:
    """The document of a local actor, unsigned: Person, Organization, Group, or the instance's Application.

    `languages` (BCP 47 tags) are those of a Group's posts, its own first; without them those of its texts
    (Lemmy lets its people choose among them only). Fields: federation.md 2.5, FEP-2c59, FEP-521a, FEP-844e.
    """
    name, updated = preferred_name(at, who), who.updated_at > who.published_at
    is_instance = who.type == "Application"
    document: Json = {
        "@context": [*contexts.ACTOR],
        "id": who.uri,
        "type": who.type,
        "preferredUsername": name,
        "webfinger": f"{name}@{at.handle_domain}",
        "name": who.name,
        "nameMap": by_language(who.name_map, who.language, who.name),
        "summary": who.summary,
        "summaryMap": by_language(who.summary_map, who.language, who.summary),
        "url": who.url,
        "published": to_wire(who.published_at),
        "updated": to_wire(who.updated_at) if updated else None,
        "inbox": who.inbox,
        "outbox": who.outbox,
        "followers": who.followers,
        "following": who.following,
        "featured": who.featured,
        "featuredTags": None if is_instance else f"{who.uri}/tags",
        "endpoints": {"sharedInbox": at.shared_inbox},
        "manuallyApprovesFollowers": who.manually_approves,
        "discoverable": who.discoverable,
        "indexable": who.indexable,
        "attributionDomains": [at.host],
        "alsoKnownAs": [*who.also_known_as],
        "icon": image(who.icon),
        "image": image(who.image),
        "attachment": [{"type": "PropertyValue", "name": row.name, "value": row.value} for row in who.fields],
        "tag": hashtags(at, who.tags),
        "location": place(who.location),
        **_keys(who),
        **(_instance() if is_instance else _policies(who)),
        **(_group(who, languages) if who.type == "Group" else {}),
        "creative:kind": who.kind,
        "creative:cluster": who.cluster,
        "generator": None if is_instance else {"type": "Application", "implements": _abilities()},
        "movedTo": who.moved_to,
    }
    return stated(document)


def preferred_name(at: Addresses, who: Actor) -> str:
    """What stands before the @: the username, for the instance actor the domain itself (`acct:host@host`).

    Without its port, which is no part of a name anywhere; where the domain is an IPv6 address, whose colons
    are not either, the plain username.
    """
    if who.type != "Application":
        return who.username
    domain = urlsplit(f"//{at.handle_domain}").hostname or ""
    return domain if domain and ":" not in domain else who.username


def _keys(who: Actor) -> Json:
    """One `publicKey` object, because some read no list; Ed25519 keys only in `assertionMethod`."""
    rsa = next((key for key in who.keys if key.kind == "rsa"), None)
    return {
        "publicKey": {"id": rsa.id, "owner": rsa.owner, "publicKeyPem": rsa.material} if rsa else None,
        "assertionMethod": [
            {
                "id": key.id,
                "type": "Multikey",
                "controller": key.owner,
                "publicKeyMultibase": key.material,
            }
            for key in who.keys
            if key.kind == "ed25519"
        ],
    }


def _policies(who: Actor) -> Json:
    """Who may list the actor and find its posts: everybody, or the actor alone."""
    return {
        "interactionPolicy": {
            "canFeature": {"automaticApproval": [PUBLIC if who.discoverable else who.uri]},
        },
        "searchableBy": [PUBLIC if who.indexable else who.uri],
    }


def _group(who: Actor, languages: Sequence[str]) -> Json:
    spoken = languages or list(by_language(who.name_map, who.language, who.name) or {})
    return {
        "attributedTo": f"{who.uri}/moderators",
        "postingRestrictedToMods": not is_region(who.type, who.kind),
        "language": [language_of(tag) for tag in spoken],
    }


def _instance() -> Json:
    return {"implements": _abilities()}


def _abilities() -> list[Json]:
    return [{"href": href, "name": name} for href, name in _ABILITIES]
