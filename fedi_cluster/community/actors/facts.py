"""What happened to actors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActorCreated:
    """A local actor came into being."""

    actor_id: int
    local: bool = True


@dataclass(frozen=True, slots=True)
class ActorChanged:
    """An actor of ours has a new profile; `local` says that others have not heard it yet."""

    actor_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class ActorDeleted:
    """An actor is gone for good; its name is never used again."""

    actor_id: int
    local: bool
