"""Relationships as queries return them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Follow:
    """`state` is `pending` or `accepted`; `uri` is the id of the Follow activity."""

    id: int
    uri: str
    follower_id: int
    target_id: int
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Block:
    """`uri` is the id of the Block activity."""

    id: int
    uri: str
    blocker_id: int
    blocked_id: int
