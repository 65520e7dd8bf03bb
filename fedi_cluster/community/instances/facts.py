"""What happened in the cluster; `local` says whether other members must be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MembersChanged:
    """Our list of members has a new version that the others do not have yet."""

    version: int
    local: bool = True


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """A sister instance is a member now, and admitted here."""

    host: str
    local: bool = True


@dataclass(frozen=True, slots=True)
class MemberEnded:
    """A sister left or was removed, or we did: it is an ordinary instance from now on."""

    host: str
    local: bool = True
