"""Actors as queries return them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of an actor: `kind` is `rsa` (material: SPKI PEM) or `ed25519` (material: multibase)."""

    id: str
    owner: str
    kind: str
    material: str


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a profile; `value` is safe HTML."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by its address, with its alternative text."""

    url: str
    media_type: str
    alt: str


@dataclass(frozen=True, slots=True)
class Place:
    """A named point; degrees, WGS 84."""

    name: str
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor, local or remote; `uri` is its ActivityPub id, `handle_host` what stands behind the @."""

    id: int
    uri: str
    host: str
    local: bool
    username: str
    handle_host: str
    type: str
    kind: str | None
    name: str
    name_map: Mapping[str, str]
    summary: str
    summary_map: Mapping[str, str]
    language: str | None
    url: str
    inbox: str
    shared_inbox: str | None
    outbox: str | None
    followers: str | None
    following: str | None
    featured: str | None
    fields: tuple[Field, ...]
    icon: Picture | None
    image: Picture | None
    tags: tuple[str, ...]
    location: Place | None
    keys: tuple[Key, ...]
    implements: tuple[str, ...]
    also_known_as: tuple[str, ...]
    moved_to: str | None
    cluster: str | None
    manually_approves: bool
    discoverable: bool
    indexable: bool
    demo: bool
    published_at: datetime
    updated_at: datetime
    fetched_at: datetime | None
    deleted_at: datetime | None

    @property
    def handle(self) -> str:
        """`name@host`, without a leading @."""
        return f"{self.username}@{self.handle_host}"

    @property
    def delivery_inbox(self) -> str:
        """Where a public activity for this actor goes: the shared inbox where there is one."""
        return self.shared_inbox or self.inbox


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The private keys of a local actor, as PEM."""

    rsa_pem: str
    ed25519_pem: str
