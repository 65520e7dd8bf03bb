"""Posts as queries return them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fedi_cluster.community.actors.shapes import Actor, Place


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or file by its address; sizes in pixels, focal point in -1…1 from the middle."""

    url: str
    media_type: str
    alt: str
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focal_point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A hashtag (`name` with #) or a mention (`name` with @, `href` the actor's id)."""

    type: str
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Funding:
    """Who paid: programme, grant number and the sentence that the programme asks for."""

    programme: str
    grant_number: str | None
    statement: str | None


@dataclass(frozen=True, slots=True)
class Project:
    """What makes a post a project (golden `object-project`); partners are actor ids (URIs)."""

    state: str
    partners: tuple[str, ...] = ()
    confirmed_partners: tuple[str, ...] = ()
    goal: str | None = None
    funding: tuple[Funding, ...] = ()
    body_map: Mapping[str, str] | None = None
    start: str | None = None
    end: str | None = None
    place: Place | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A post with its author; `uri` is its ActivityPub id, `content` safe HTML in `language`.

    The maps have the original language first: other servers take the first key as the language.
    `kind` is `note`, `project` or `news`; `visibility` is `public`, `unlisted`, `followers` or `direct`.
    """

    id: int
    uri: str
    local: bool
    author: Actor
    type: str
    kind: str
    visibility: str
    language: str | None
    title: str | None
    title_map: Mapping[str, str]
    summary: str | None
    summary_map: Mapping[str, str]
    content: str
    content_map: Mapping[str, str]
    sensitive: bool
    url: str
    audience: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    in_reply_to: str | None
    parent_id: int | None
    thread_id: int
    context: str | None
    attachments: tuple[Attachment, ...]
    tags: tuple[Tag, ...]
    project: Project | None
    replies_count: int
    likes_count: int
    announces_count: int
    published_at: datetime
    updated_at: datetime | None
    deleted_at: datetime | None

    @property
    def version(self) -> datetime:
        """The version of an object is its `updated`, else its `published` (golden rule 8)."""
        return self.deleted_at or self.updated_at or self.published_at


@dataclass(frozen=True, slots=True)
class Reaction:
    """A like or an announce; `uri` is the id of its activity."""

    id: int
    uri: str
    actor_id: int
    post_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of a deleted object."""

    uri: str
    former_type: str | None
    published_at: datetime | None
    deleted_at: datetime
