"""The shapes that foreign documents become; they hold what was said, and refuse to say whether it is true.

Ids are http(s) URIs byte for byte as the stranger wrote them; HTML is raw and must be cleaned before it
is shown; times are aware (`published`, `updated`, `deleted` in UTC; `start`, `end` with the offset that was
sent). Maps of languages keep their order. Who signed, which origin an id has and whether an author may
speak is judged by the rooms that use these shapes (federation.md 2.4, 11-13).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from fedi_cluster.kernel.json import Json

KeyKind = Literal["rsa", "ed25519"]
MemberState = Literal["member", "left", "removed"]
Texts: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It cannot be used: `reason` is for the sender and the log, `id` is there where one could be read."""

    reason: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: degrees (WGS 84), both or none; `address` is one line of plain text."""

    name: str | None
    latitude: float | None = None
    longitude: float | None = None
    id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class KeyDocument:
    """A public key: PEM text for `rsa`, multibase `z6Mk...` for `ed25519`; nothing is decoded here."""

    id: str
    owner: str
    kind: KeyKind
    material: str


@dataclass(frozen=True, slots=True)
class Media:
    """An attached file: pixels, `focal` (x, y) each from -1 to 1, `alt` plain text."""

    url: str
    type: str = "Document"
    media_type: str | None = None
    alt: str | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focal: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An attached page (not a file)."""

    href: str
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody is named: `href` is the actor's id; `name` is only what the sender wrote, never trusted."""

    href: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A tag without its `#`, spelled as sent."""

    name: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Emoji:
    """A picture for `:shortcode:`; `shortcode` is without colons."""

    shortcode: str
    url: str
    id: str | None = None
    media_type: str | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActorDocument:
    """Person, Organization, Group, Application or Service.

    `keys` are only those that the actor itself owns on its own origin. `implements` are addresses of
    standards (FEP-844e); `cluster` the address of the member list and `kind` our own term.
    """

    id: str
    type: str
    username: str
    inbox: str
    name: str | None = None
    name_map: Texts = field(default_factory=dict)
    summary_html: str | None = None
    summary_map: Texts = field(default_factory=dict)
    url: str | None = None
    shared_inbox: str | None = None
    outbox: str | None = None
    followers: str | None = None
    following: str | None = None
    featured: str | None = None
    keys: tuple[KeyDocument, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    icon_url: str | None = None
    image_url: str | None = None
    manually_approves: bool = False
    discoverable: bool = False
    indexable: bool = False
    moved_to: str | None = None
    also_known_as: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    implements: tuple[str, ...] = ()
    kind: str | None = None
    cluster: str | None = None
    webfinger: str | None = None
    language: str | None = None
    location: Place | None = None
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()


@dataclass(frozen=True, slots=True)
class Funding:
    """Who pays for a project: plain texts."""

    programme: str | None = None
    grant_number: str | None = None
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectDocument:
    """What a sister says beyond the Note; `partners` and `goal` are ids, `body_map` raw HTML by language."""

    title_map: Texts
    state: str | None = None
    partners: tuple[str, ...] = ()
    confirmed_partners: tuple[str, ...] = ()
    goal: str | None = None
    funding: tuple[Funding, ...] = ()
    body_map: Texts = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    place: Place | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """Choices as (text, votes or None); `multiple`: may one choose several?"""

    choices: tuple[tuple[str, int | None], ...]
    multiple: bool
    voters: int | None = None
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class ObjectDocument:
    """A post of any type.

    `attributed_to` is the one author, None where the document names none or several (only one typed
    Person among several counts, as Pixelfed and PeerTube do); `authors` are all that were named.
    `context` may be a `tag:` or `urn:` URI, all others are http(s). `content_html` is raw and of the kind
    that `media_type` says (`text/html`, `text/markdown`, `text/plain`); `content_map` has the original
    first. `extension` holds our own terms (`creative:*`) that were sent, unread.
    """

    id: str
    type: str
    attributed_to: str | None = None
    authors: tuple[str, ...] = ()
    actor: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    in_reply_to: str | None = None
    context: str | None = None
    quote: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    url: str | None = None
    name: str | None = None
    name_map: Texts = field(default_factory=dict)
    summary: str | None = None
    summary_map: Texts = field(default_factory=dict)
    content_html: str | None = None
    content_map: Texts = field(default_factory=dict)
    media_type: str = "text/html"
    language: str | None = None
    sensitive: bool = False
    image: Media | None = None
    attachments: tuple[Media, ...] = ()
    links: tuple[Link, ...] = ()
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    replies: str | None = None
    likes_total: int | None = None
    shares_total: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    timezone: str | None = None
    location: Place | None = None
    license: str | None = None
    kind: str | None = None
    project: ProjectDocument | None = None
    poll: Poll | None = None
    extension: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Here was something; `former_type` is the short name."""

    id: str
    former_type: str | None = None
    published: datetime | None = None
    deleted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A sister instance: `actor` is its instance actor, `key` the pinned Ed25519 key (multibase)."""

    actor: str
    region: str | None
    name: str
    key: str
    state: MemberState
    confirmed_by: str
    published: datetime | None
    updated: datetime


@dataclass(frozen=True, slots=True)
class MemberList:
    """The signed list of a cluster; `cluster` is its `urn:uuid:`, every actor stands once."""

    id: str
    attributed_to: str
    updated: datetime
    format: int
    version: int
    cluster: str
    items: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class CollectionPage:
    """A page: items are http(s) URIs or documents as they came; embedded pages often have no id."""

    id: str | None
    part_of: str | None = None
    next: str | None = None
    prev: str | None = None
    items: tuple["str | Json", ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionDocument:
    """A collection: `first` is an address or the page itself."""

    id: str
    type: str
    total_items: int | None = None
    first: str | CollectionPage | None = None
    items: tuple["str | Json", ...] = ()
