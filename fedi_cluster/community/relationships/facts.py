"""What happened between two actors; `local` says whether the actor who acted is ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FollowRequested:
    """Somebody asked to follow; the other side decides."""

    follow_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """A follow was accepted; the actor who acted is the followed one."""

    follow_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class FollowRefused:
    """A follow was refused or ended by the followed one."""

    uri: str
    follower_id: int
    target_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """The follower ended it."""

    uri: str
    follower_id: int
    target_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """One actor blocked another."""

    block_id: int
    local: bool


@dataclass(frozen=True, slots=True)
class Unblocked:
    """A block was lifted."""

    uri: str
    blocker_id: int
    blocked_id: int
    local: bool
