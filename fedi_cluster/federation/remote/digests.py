"""Digests of sisters: read, and checked against the key that we pinned, before anything follows from them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fedi_cluster.community.instances.rules import FORMAT
from fedi_cluster.community.instances.shapes import Entry, Member
from fedi_cluster.community.regions import periods
from fedi_cluster.community.regions.periods import DAY
from fedi_cluster.community.regions.shapes import Listed, Part, Period
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.signatures.keys import key_of_multikey
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.digests import DigestDocument
from fedi_cluster.federation.vocab.types import Unreadable
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.clock import Clock, whole_second
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.kernel.json import Json

_CLOCKS_DIFFER = timedelta(hours=1)
_MOST_KEPT = 50


@dataclass(slots=True)
class KnownPeriods:
    """The last periods that were read, by address and digest: what a digest stands for does not change.

    `count` is how many were read in all.
    """

    count: int = 0
    _kept: dict[tuple[str, str], Period] = field(default_factory=dict)

    def get(self, address: str, digest: str) -> Period | None:
        """The period with this digest, where we still have it."""
        return self._kept.get((address, digest))

    def keep(self, address: str, period: Period) -> None:
        """Keeps one, and lets go of what came long before."""
        self.count += 1
        self._kept[address, period.digest] = period
        if len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]


@dataclass(slots=True)
class DigestReader:
    """Reads what `holder` says that `origin` (an instance actor) has, below the id `prefix`.

    `newest` is the latest `updated` that we saw of the holder before; older documents are refused, however
    well signed: somebody keeps them to hide what came since. `seen` is the latest of this reading. What is
    `known` is not read again.
    """

    fetcher: Fetcher
    clock: Clock
    holder: Member
    origin: str
    prefix: str
    newest: datetime | None
    seen: datetime | None = field(default=None)
    known: KnownPeriods = field(default_factory=KnownPeriods)

    async def root(self, known: str) -> Period | None:
        """All time; None where its digest is `known`."""
        document = await self.fetcher.unless(self.prefix, known)
        return None if document is None else self._checked(document, "")

    async def period(self, part: Part) -> Period:
        """A narrower one that is listed. Raises `Refused`, `Unauthenticated`, `Unreachable`, `NotFound`."""
        address = periods.address(self.prefix, part.name)
        found = self.known.get(address, part.digest)
        if found is None:
            found = self._checked(await self.fetcher.document(address), part.name)
            self.known.keep(address, found)
        return found

    def _checked(self, document: Json, name: str) -> Period:
        told = parse.digest(document)
        if isinstance(told, Unreadable):
            raise Refused("The digest cannot be read.", detail=told.reason)
        now = self.clock.now()
        check_signed(told, document, self.holder.entry, now)
        if told.id != periods.address(self.prefix, name) or told.origin != self.origin:
            raise Refused("The digest is of something else.", detail=told.id)
        if self.newest is not None and told.updated < self.newest:
            raise Refused("The digest is older than one that we saw.", detail=told.id)
        self.seen = max(told.updated, self.seen or told.updated)
        parts = tuple(self._parts(told, name, now))
        rows = tuple(self._rows(told, name))
        period = Period(name, told.digest, parts, rows)
        if told.digest not in _digests_of(period, self.prefix):
            raise Refused("The digest does not fit what it lists.", detail=told.id)
        return period

    def _parts(self, told: DigestDocument, name: str, now: datetime) -> list[Part]:
        found = []
        start, end = periods.span(name) if name else (None, None)
        for part in told.parts:
            own = part.id.removeprefix(f"{self.prefix}/")
            try:
                first, _last = periods.span(own)
                right = part.id == periods.address(self.prefix, own) and len(own) == periods.narrower(name)
            except ValueError:
                right = False
            if not right or (start is not None and end is not None and not start <= first < end):
                raise Refused("The digest lists another period.", detail=part.id)
            if first > now + _CLOCKS_DIFFER:
                raise Refused("The digest lists the future; check the clocks.", detail=part.id)
            found.append(Part(own, part.total, part.digest))
        return found

    def _rows(self, told: DigestDocument, name: str) -> list[Listed]:
        if told.rows and len(name) < DAY:
            raise Refused("The digest lists things where it lists periods.", detail=told.id)
        found = []
        start, end = periods.span(name) if told.rows else (None, None)
        for row in told.rows:
            if not same_origin(row.id, self.origin) or host_of(row.id) != host_of(self.origin):
                raise Refused("The digest lists what lies on another server.", detail=row.id)
            if start is None or end is None or not start <= row.published < end:
                raise Refused("The digest lists what is of another day.", detail=row.id)
            published, version = whole_second(row.published), whole_second(row.version)
            found.append(Listed(row.id, row.type, published, version, row.deleted))
        return found


def check_signed(told: DigestDocument, document: Json, signer: Entry, now: datetime) -> None:
    """Raises `Refused` where the digest is another's, of a later format or of the future, and
    `Unauthenticated` where its proof does not fit the pinned key of `signer`."""
    if told.attributed_to != signer.actor:
        raise Refused("The digest is signed by another instance.", detail=told.attributed_to)
    if told.format > FORMAT:
        raise Refused("The digest has a format of a later version; update this server.")
    if told.updated > now + _CLOCKS_DIFFER:
        raise Refused("The digest is of the future; check the clocks.", detail=told.id)
    key_id = proof_key_id(document)
    if key_id is None:
        raise Refused("The digest carries no proof.", detail=told.id)
    verify_proof(document, key_of_multikey(key_id, signer.actor, signer.key), now)


def _digests_of(period: Period, prefix: str) -> tuple[str, ...]:
    """What the digest of a period may be; that of a day told by hours can only be checked with its rows."""
    if not period.parts:
        return (periods.digest_of_rows(period.rows),)
    if len(period.name) < DAY:
        return (periods.digest_of_parts(prefix, period.parts),)
    return (period.digest,)
