"""Instances and members of the cluster as queries return them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Instance:
    """Another server: `policy` is `open` or `blocked`, `signature_scheme` what it is known to accept."""

    host: str
    policy: str
    software: str | None
    signature_scheme: str | None
    scheme_learned_at: datetime | None
    last_heard_at: datetime | None
    last_reached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the signed member list (golden `cluster-members`).

    `actor` is the instance actor, `region` the region's Group, `key` the pinned Ed25519 key of the
    instance actor (multibase), `state` one of `member`, `left`, `removed`.
    """

    actor: str
    region: str
    name: str
    key: str
    state: str
    confirmed_by: str | None
    published_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """An entry with what only we know: whether our host admitted it, and how far its history is fetched.

    Besides the states of an entry: `asking` (wants to join us) and `inviting` (we asked to join it).
    `history_state` is `none`, `running`, `done` or `failed`.
    """

    host: str
    entry: Entry
    slug: str | None
    admitted: bool
    history_next: str | None
    history_done: int
    history_total: int | None
    history_state: str

    @property
    def is_sister(self) -> bool:
        """A member that our host admitted."""
        return self.entry.state == "member" and self.admitted


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster that we belong to: its name (`urn:uuid:…`) and the version of our list."""

    urn: str
    version: int
    updated_at: datetime
