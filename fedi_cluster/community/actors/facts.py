"""What happened to actors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActorCreated:
    """A local actor came into being."""

    actor_id: int
    local: bool = True


@dataclass(frozen=True, slots=True)
class ActorDeleted:
    """An actor is gone for good; its name is never used again."""

    actor_id: int
    local: bool
