"""All shapes of the vocabulary by name: the activities, here, and the documents that they carry.

It refuses to judge: an activity says what was claimed; signer, origin and authorship are checked by the
inbox (federation.md 2.4, 11-13).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from fedi_cluster.federation.vocab.documents import (
    ActorDocument,
    CollectionDocument,
    CollectionPage,
    Emoji,
    Funding,
    Hashtag,
    KeyDocument,
    KeyKind,
    Link,
    Media,
    Member,
    MemberList,
    MemberState,
    Mention,
    ObjectDocument,
    Place,
    Poll,
    ProjectDocument,
    Texts,
    Tombstone,
    Unreadable,
)
from fedi_cluster.kernel.json import Json

__all__ = [
    "Accept",
    "Activity",
    "ActorDocument",
    "Announce",
    "Block",
    "CollectionDocument",
    "CollectionPage",
    "Content",
    "Create",
    "Delete",
    "Emoji",
    "Follow",
    "Funding",
    "Hashtag",
    "Inner",
    "Join",
    "KeyDocument",
    "KeyKind",
    "Like",
    "Link",
    "Media",
    "Member",
    "MemberList",
    "MemberState",
    "Mention",
    "ObjectDocument",
    "Place",
    "Poll",
    "ProjectDocument",
    "Reject",
    "Texts",
    "Tombstone",
    "Undo",
    "Unknown",
    "Unreadable",
    "Update",
]


class Head(NamedTuple):
    """The top of any activity: its id, who acts, its type, and the id of its object where it names one."""

    id: str
    actor: str
    type: str
    object_id: str | None

    @property
    def of_itself(self) -> bool:
        """Whether an account deletes or changes itself."""
        return self.type in ("Delete", "Update") and self.object_id == self.actor


@dataclass(frozen=True, slots=True)
class Inner:
    """The activity inside Accept, Reject or Undo: four members, each None where it was not sent."""

    id: str | None
    type: str
    actor: str | None
    object: str | None


@dataclass(frozen=True, slots=True)
class Follow:
    """`actor` wants to follow the actor `object`."""

    id: str
    actor: str
    object: str


@dataclass(frozen=True, slots=True)
class Accept:
    """Yes to the activity `object_id` or `inner`; one of them is there."""

    id: str
    actor: str
    object_id: str | None
    inner: Inner | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """No to the activity `object_id` or `inner`; one of them is there."""

    id: str
    actor: str
    object_id: str | None
    inner: Inner | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """The activity `object_id` or `inner` shall not have been; one of them is there."""

    id: str
    actor: str
    object_id: str | None
    inner: Inner | None = None


Content: TypeAlias = ObjectDocument | ActorDocument | MemberList


@dataclass(frozen=True, slots=True)
class Create:
    """Something new; `object` is None where only an id came or its type is none of ours."""

    id: str
    actor: str
    object_id: str
    object: Content | None = None
    raw_object: Json | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Something changed; `object` is None where only an id came or its type is none of ours."""

    id: str
    actor: str
    object_id: str
    object: Content | None = None
    raw_object: Json | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """`object_id` (a post, or the actor itself) is gone; `former` where a Tombstone came along."""

    id: str
    actor: str
    object_id: str
    former: Tombstone | None = None
    raw_object: Json | None = None


@dataclass(frozen=True, slots=True)
class Announce:
    """Passed on: `inner` is the embedded activity or object exactly as it came, None for an address."""

    id: str
    actor: str
    object_id: str
    inner: Json | None = None
    published: datetime | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Like:
    """Liked; `reaction` is Misskey's emoji (a character or `:shortcode:`)."""

    id: str
    actor: str
    object_id: str
    reaction: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """`actor` blocks the actor `object`."""

    id: str
    actor: str
    object: str


@dataclass(frozen=True, slots=True)
class Join:
    """`actor` wants to take part in the event `object_id`; `message` is plain text for its organiser."""

    id: str
    actor: str
    object_id: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An activity of a type that is not handled here: to be answered 202 and forgotten."""

    id: str | None
    actor: str | None
    type: str


Activity: TypeAlias = (
    Follow | Accept | Reject | Undo | Create | Update | Delete | Announce | Like | Block | Join | Unknown
)
