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
class Comparison:
    """How what a sister has and what we hold of it stood when they were compared.

    `state` is `none` (never yet), `running` (more is fetched now), `in_step` or `behind`; `error` says why it
    could not be compared. `checked_at` is when she last answered, `away_since` since when she does not
    (None while she does), `digest_updated` the newest signed moment that we saw of hers. `missing` counts
    what she has and we lack, `offered` what we hold and she lost, `held_for_us` what she holds of ours that
    we lack.
    """

    state: str = "none"
    error: str | None = None
    checked_at: datetime | None = None
    away_since: datetime | None = None
    digest_updated: datetime | None = None
    missing: int = 0
    offered: int = 0
    held_for_us: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """An entry with what only we know: whether our host admitted it, and how it compares with our copies.

    Besides the states of an entry: `asking` (wants to join us) and `inviting` (we asked to join it).
    """

    host: str
    entry: Entry
    slug: str | None
    admitted: bool
    comparison: Comparison

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
