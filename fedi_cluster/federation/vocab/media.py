"""What hangs on a post or profile: files, links, mentions, hashtags, emojis, places; nothing is fetched.

Counts are bounded (limits.md, figures of Mitra): 16 files, 10 links, 50 mentions, 100 hashtags of at most
100 characters, 50 emojis; the rest is left out, the text still shows it.
"""

import re
from typing import cast

from fedi_cluster.federation.vocab.documents import Emoji, Hashtag, Link, Media, Mention, Place
from fedi_cluster.federation.vocab.uris import identifier
from fedi_cluster.federation.vocab.values import (
    as_list,
    as_object,
    moment,
    page_address,
    plain,
    real,
    reference,
    terms,
    text,
    title,
    types,
    whole,
)
from fedi_cluster.kernel.json import Json

MAX_MEDIA, MAX_LINKS, MAX_MENTIONS, MAX_HASHTAGS, MAX_EMOJIS = 16, 10, 50, 100, 50
MAX_HASHTAG_LENGTH = 100
MAX_ALT = 10_000
MAX_SIDE = 100_000

_FILES = frozenset({"Document", "Image", "Video", "Audio"})
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")
_BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,100}")
_DECIMAL = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
_ADDRESS_PARTS = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")


def media_type(value: object) -> str | None:
    """`type/subtype` in lower case without parameters, None where it is no media type."""
    said = text(value, 200)
    kind = said.split(";")[0].strip().lower() if said else ""
    return kind if _MEDIA_TYPE.fullmatch(kind) else None


def media(value: object) -> Media | None:
    """One file: an address, or an object with `url` or `href`; of several sizes the widest."""
    found = [one for item in as_list(value)[:MAX_MEDIA] if (one := _medium(item)) is not None]
    return max(found, key=lambda one: one.width or 0) if found else None


def _medium(item: object) -> Media | None:
    if isinstance(item, str):
        address = identifier(item)
        return Media(address, type="Image") if address else None
    if not isinstance(item, dict):
        return None
    members = terms(cast(Json, item))
    kinds = types(members)
    # `url` may be a Link with the dimensions (Friendica, PeerTube)
    link = as_object(members.get("url")) or {}
    address = page_address(members.get("url")) or identifier(members.get("href"))
    if address is None:
        return None
    members = {**link, **members}
    return Media(
        url=address,
        type=next((kind for kind in kinds if kind in _FILES), "Document"),
        media_type=media_type(members.get("mediaType")),
        alt=text(members.get("name", members.get("summary")), MAX_ALT) or None,
        width=whole(members.get("width"), low=1, high=MAX_SIDE),
        height=whole(members.get("height"), low=1, high=MAX_SIDE),
        blurhash=_blurhash(members.get("blurhash")),
        focal=_focal(members.get("focalPoint")),
    )


def _blurhash(value: object) -> str | None:
    return value if isinstance(value, str) and _BLURHASH.fullmatch(value) else None


def _focal(value: object) -> tuple[float, float] | None:
    pair = as_list(value)
    if len(pair) != 2:
        return None
    x, y = real(pair[0], 1.0), real(pair[1], 1.0)
    return (x, y) if x is not None and y is not None else None


def attachments(value: object) -> tuple[tuple[Media, ...], tuple[Link, ...]]:
    """The files and the links of an `attachment`; other kinds (PropertyValue, notes) are left out."""
    files: list[Media] = []
    links: list[Link] = []
    for item in as_list(value):
        if isinstance(item, dict):
            members = terms(cast(Json, item))
            kinds = types(members)
            if "Link" in kinds or "Page" in kinds:
                href = identifier(members.get("href")) or page_address(members.get("url"))
                if href and len(links) < MAX_LINKS:
                    links.append(Link(href, plain(members.get("name")), media_type(members.get("mediaType"))))
                continue
            if kinds and not _FILES.intersection(kinds):
                continue
        one = _medium(item) if len(files) < MAX_MEDIA else None
        if one is not None:
            files.append(one)
    return tuple(files), tuple(links)


def streams(url: object) -> tuple[Media, ...]:
    """The sound or picture files among the Links of a Video's or Audio's own `url` (PeerTube, Funkwhale)."""
    found: list[Media] = []
    for item in as_list(url)[:100]:
        one = _medium(item) if isinstance(item, dict) else None
        kind = (one.media_type if one else None) or ""
        if one is not None and kind.startswith(("video/", "audio/", "image/")):
            found.append(
                Media(one.url, kind.split("/")[0].capitalize(), kind, width=one.width, height=one.height)
            )
    return tuple(found[:MAX_MEDIA])


def tags(value: object) -> tuple[tuple[Mention, ...], tuple[Hashtag, ...], tuple[Emoji, ...]]:
    """The mentions, hashtags and custom emojis of a `tag`, each once."""
    mentions: dict[str, Mention] = {}
    hashtags: dict[str, Hashtag] = {}
    emojis: dict[str, Emoji] = {}
    for item in as_list(value):
        members = terms(cast(Json, item)) if isinstance(item, dict) else {}
        kinds = types(members)
        if "Mention" in kinds:
            href = identifier(members.get("href"))
            if href and len(mentions) < MAX_MENTIONS:
                mentions.setdefault(href, Mention(href, plain(members.get("name"), 500)))
        elif "Hashtag" in kinds:
            name = (plain(members.get("name"), 500) or "").lstrip("#")
            fits = name and len(name) <= MAX_HASHTAG_LENGTH and " " not in name
            if fits and len(hashtags) < MAX_HASHTAGS:
                hashtags.setdefault(name.casefold(), Hashtag(name, identifier(members.get("href"))))
        elif "Emoji" in kinds:
            emoji = _emoji(members)
            if emoji and len(emojis) < MAX_EMOJIS:
                emojis.setdefault(emoji.shortcode, emoji)
    return tuple(mentions.values()), tuple(hashtags.values()), tuple(emojis.values())


def _emoji(members: Json) -> Emoji | None:
    code = (plain(members.get("name"), 200) or "").strip(":")
    icon = media(members.get("icon"))
    if icon is None or not re.fullmatch(r"[\w.+-]{1,100}", code):
        return None
    return Emoji(
        code, icon.url, reference(members.get("id")), icon.media_type, moment(members.get("updated"))
    )


def place(value: object) -> Place | None:
    """The first Place with a name or coordinates; a list may hold online places beside it (FEP-8a8e)."""
    for item in as_list(value)[:20]:
        if isinstance(item, str):
            name = plain(item)
            if name and identifier(item) is None:
                return Place(name)
            continue
        members = terms(cast(Json, item)) if isinstance(item, dict) else {}
        if "VirtualLocation" in types(members):
            continue
        name = title(members)
        latitude = _degrees(members.get("latitude"), 90.0)
        longitude = _degrees(members.get("longitude"), 180.0)
        if latitude is None or longitude is None:
            latitude = longitude = None
        address = _address(members.get("address"))
        if name or latitude is not None or address:
            return Place(name, latitude, longitude, identifier(members.get("id")), address)
    return None


def _degrees(value: object, bound: float) -> float | None:
    """Degrees; Pixelfed writes them as text."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return real(float(value), bound)
    return real(value, bound)


def _address(value: object) -> str | None:
    if isinstance(value, str):
        return plain(value, 500)
    members = as_object(value) or {}
    parts = [plain(members.get(part), 200) for part in _ADDRESS_PARTS]
    return ", ".join(part for part in parts if part) or None
