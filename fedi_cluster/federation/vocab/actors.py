"""Foreign actors and keys: Person, Organization, Group, Application, Service; it does not fetch or verify.

Limits are those of limits.md (profile): name 2,048, bio 20 kB, 50 fields, 10 keys, 256 aliases; what is
longer is cut, as Mastodon does.
"""

import re
from typing import cast
from urllib.parse import urlsplit

from fedi_cluster.federation.vocab.documents import ActorDocument, KeyDocument, Unreadable
from fedi_cluster.federation.vocab.kinds import ACTORS, kind_of
from fedi_cluster.federation.vocab.media import media, place, tags
from fedi_cluster.federation.vocab.uris import identifier, is_public, same_origin
from fedi_cluster.federation.vocab.values import (
    MAX_NAME,
    as_list,
    as_object,
    flag,
    moment,
    page_address,
    plain,
    reference,
    references,
    terms,
    text,
    texts,
    title,
    types,
)
from fedi_cluster.kernel.json import Json
from fedi_cluster.kernel.languages import normal_tag

MAX_BIO = 20_000
MAX_FIELDS = 50
MAX_FIELD = 2_047
MAX_KEYS = 10
MAX_ALIASES = 256
MAX_PEM = 4_000

_USERNAME = re.compile(r"\w(?:[\w.~+-]{0,126}[\w~+-])?")
_WEBFINGER = re.compile(r"\w[\w.~+-]{0,127}@[\w.:-]{1,255}")
_ED25519 = re.compile(r"z6Mk[1-9A-HJ-NP-Za-km-z]{40,50}")


def actor(document: Json) -> ActorDocument | Unreadable:
    """An actor from its document (ActivityPub 4.1).

    Needs `id`, one actor type, `inbox` and `preferredUsername` (else the local part of `webfinger`; for an
    Application the host of its id, as Lemmy's instance actor has no name). Keys of other owners
    or origins are left out.
    """
    members = terms(document)
    own_id = identifier(members.get("id"))
    kind = kind_of(members)
    if own_id is None:
        return Unreadable("The actor has no usable id.")
    if kind not in ACTORS:
        return Unreadable("The document is not of one actor type.", own_id)
    inbox = reference(members.get("inbox"))
    if inbox is None or is_public(inbox):
        return Unreadable("The actor has no usable inbox.", own_id)
    username = _username(members, own_id, kind)
    if username is None:
        return Unreadable("The actor has no usable preferredUsername.", own_id)
    endpoints = as_object(members.get("endpoints")) or {}
    _mentions, hashtags, emojis = tags(members.get("tag"))
    bios = texts(members, "summary", MAX_BIO)
    icon, image = media(members.get("icon")), media(members.get("image"))
    return ActorDocument(
        id=own_id,
        type=kind,
        username=username,
        inbox=inbox,
        name=title(members),
        name_map=texts(members, "name", MAX_NAME),
        summary_html=text(members.get("summary"), MAX_BIO) or next(iter(bios.values()), None),
        summary_map=bios,
        url=page_address(members.get("url")),
        shared_inbox=reference(endpoints.get("sharedInbox", members.get("sharedInbox"))),
        outbox=reference(members.get("outbox")),
        followers=reference(members.get("followers")),
        following=reference(members.get("following")),
        featured=reference(members.get("featured")),
        keys=tuple(key for key in _keys(members, own_id) if key.owner == own_id),
        fields=_fields(members.get("attachment")),
        icon_url=icon.url if icon else None,
        image_url=image.url if image else None,
        manually_approves=flag(members.get("manuallyApprovesFollowers")),
        discoverable=flag(members.get("discoverable")),
        indexable=flag(members.get("indexable")),
        moved_to=reference(members.get("movedTo")),
        also_known_as=references(members.get("alsoKnownAs"), MAX_ALIASES),
        published=moment(members.get("published")),
        updated=moment(members.get("updated")),
        implements=_implements(members),
        kind=plain(members.get("creative:kind"), 100),
        cluster=identifier(members.get("creative:cluster")),
        webfinger=_webfinger(members),
        language=spoken(members.get("language"), members.get("inLanguage")),
        location=place(members.get("location")),
        hashtags=hashtags,
        emojis=emojis,
    )


def keys(document: Json) -> tuple[KeyDocument, ...]:
    """All readable keys of an actor, of a stub actor without inbox (GoToSocial), or of a key document.

    `owner` is what the document claims: whoever uses a key checks that the owner lists it too
    (federation.md 2.4, 9). At most 10.
    """
    members = terms(document)
    return tuple(_keys(members, identifier(members.get("id"))))


def spoken(*values: object) -> str | None:
    """The first language tag in the values: a tag, Lemmy's `{identifier, name}`, or a list of either."""
    for value in values:
        for item in as_list(value)[:20]:
            said = terms(cast(Json, item)).get("identifier") if isinstance(item, dict) else item
            tag = normal_tag(said) if isinstance(said, str) else None
            if tag is not None and tag not in {"und", "mul", "zxx"}:
                return tag
    return None


def _username(members: Json, own_id: str, kind: str) -> str | None:
    said = text(members.get("preferredUsername"), 500)
    if said is None:
        finger = _webfinger(members)
        if finger is not None:
            said = finger.split("@")[0]
        elif kind == "Application":
            said = urlsplit(own_id).hostname or ""
    return said if said is not None and _USERNAME.fullmatch(said) else None


def _webfinger(members: Json) -> str | None:
    said = (text(members.get("webfinger"), 500) or "").removeprefix("acct:").removeprefix("@")
    return said if _WEBFINGER.fullmatch(said) else None


def _keys(members: Json, own_id: str | None) -> list[KeyDocument]:
    found: list[KeyDocument] = []
    for value in (members.get("publicKey"), members.get("assertionMethod"), members):
        for item in as_list(value)[: 4 * MAX_KEYS]:
            key = _key(terms(cast(Json, item)), own_id) if isinstance(item, dict) else None
            if key is not None and len(found) < MAX_KEYS and all(key.id != other.id for other in found):
                found.append(key)
    return found


def _key(members: Json, actor_id: str | None) -> KeyDocument | None:
    own_id = identifier(members.get("id"))
    owner = reference(members.get("owner", members.get("controller", actor_id)))
    if own_id is None or owner is None or not same_origin(own_id, owner):
        return None
    pem = text(members.get("publicKeyPem"), MAX_PEM + 1)
    if pem is not None:
        fits = len(pem) <= MAX_PEM and "PUBLIC KEY-----" in pem
        return KeyDocument(own_id, owner, "rsa", pem) if fits else None
    multibase = members.get("publicKeyMultibase")
    if "Multikey" in types(members) and isinstance(multibase, str) and _ED25519.fullmatch(multibase):
        return KeyDocument(own_id, owner, "ed25519", multibase)
    return None


def _fields(value: object) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for item in as_list(value):
        members = terms(cast(Json, item)) if isinstance(item, dict) else {}
        if "PropertyValue" in types(members) and len(found) < MAX_FIELDS:
            name = plain(members.get("name"), MAX_FIELD)
            said = text(members.get("value"), MAX_FIELD)
            if name is not None and said is not None:
                found.append((name, said))
    return tuple(found)


def _implements(members: Json) -> tuple[str, ...]:
    generator = as_object(members.get("generator")) or {}
    found: list[str] = []
    for item in as_list(members.get("implements", generator.get("implements")))[:50]:
        href = terms(cast(Json, item)).get("href") if isinstance(item, dict) else item
        if identifier(href) is not None:
            found.append(cast(str, href))
    return tuple(dict.fromkeys(found))
