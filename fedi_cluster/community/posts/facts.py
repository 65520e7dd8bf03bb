"""What happened to posts; `local` says whether the actor who acted is ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PostPublished:
    """A post came into being here, or reached us from elsewhere."""

    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class PostRecovered:
    """A post of ours that this database had lost came back; others have had it all the time."""

    post_id: int
    local: bool = True


@dataclass(frozen=True, slots=True)
class PostEdited:
    """A post has a new version."""

    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class PostDeleted:
    """A post is gone; its row stays as a tombstone."""

    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Liked:
    """Somebody likes a post."""

    like_id: int
    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Unliked:
    """A like was taken back; `uri` was the id of the Like."""

    uri: str
    actor_id: int
    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Announced:
    """Somebody passed a post on."""

    announce_id: int
    post_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Unannounced:
    """An announce was taken back; `uri` was the id of the Announce."""

    uri: str
    actor_id: int
    post_id: int
    local: bool
