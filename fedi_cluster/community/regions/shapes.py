"""What the ledger tells: rows of public things, and digests of periods; it holds no document's meaning."""

from dataclasses import dataclass
from datetime import datetime

from fedi_cluster.kernel.addresses import host_of


@dataclass(frozen=True, slots=True)
class Listed:
    """A public thing as a digest lists it (golden `cluster-digest-day`); moments are aware, whole seconds.

    `type` is that of the thing, also where it is `deleted`. `version` is its `updated`, else its `published`,
    of a deleted one when it was deleted. The UTC day of `published_at` never changes.
    """

    uri: str
    type: str
    published_at: datetime
    version: datetime
    deleted: bool = False

    @property
    def host(self) -> str:
        """The authority of its origin."""
        return host_of(self.uri)


@dataclass(frozen=True, slots=True)
class Held:
    """A row with what only we know of it: `document` are the origin's signed bytes, None for our own things.

    `verified` is None until the proof was looked at. `listed` rows count in digests. `offered`: we hold it,
    and its origin has neither it nor a tombstone.
    """

    what: Listed
    listed: bool
    offered: bool
    document: bytes | None
    verified: bool | None


@dataclass(frozen=True, slots=True)
class Part:
    """A period (`2026-11`, `2026-11-23`, `2026-11-23T14`, …) with the digest of all that lies in it.

    `total` counts the days of a month, else the rows.
    """

    name: str
    total: int
    digest: str


@dataclass(frozen=True, slots=True)
class Period:
    """One digest document's matter: narrower `parts`, or the `rows` themselves where they are few."""

    name: str
    digest: str
    parts: tuple[Part, ...] = ()
    rows: tuple[Listed, ...] = ()
