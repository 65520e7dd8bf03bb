"""Compares what a sister has in public with what we hold of it, and fetches what is missing.

The origin's versions and tombstones win, and a deletion is never undone. What we hold with the origin's
proof and it neither lists nor has a tombstone for is not deleted: it is kept, and offered. A run is bounded
in number and time; how far it came lies in the ledger itself, so nothing is lost where it breaks off.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.shapes import Comparison, Member
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Held, Listed
from fedi_cluster.federation.cluster import watch
from fedi_cluster.federation.cluster.differences import Differences, Walk
from fedi_cluster.federation.cluster.taking import Effect, lost_there, take
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import ask_for_verification
from fedi_cluster.federation.remote.digests import DigestReader
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, Rest, nothing
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import ClusterError, Refused
from fedi_cluster.storage.unit import Reader, Unit

_AT_ONCE = 4
_CHUNK = 50
_MOST_CHUNKS = 20
_SECONDS = 60.0
_MOST_FOR_US = 500
_SOON = timedelta(seconds=10)

_log = logging.getLogger(__name__)


async def compare(federation: Federation, job: Job) -> Outcome:
    """One comparison with the sister on `host`; then the job rests until the next one is due."""
    host = cast(str, job.payload["host"])
    member = await federation.db.read(queries.member, host)
    if member is None or not await federation.db.read(queries.is_sister, federation.at.host, host):
        return nothing
    if job.key is None:
        return lambda unit: watch.compare_now(unit, host)
    before = member.comparison
    try:
        run = _Run(federation, member)
        goes_on = await run.all()
    except ClusterError as error:
        heard = before.away_since is None and before.error is None
        _log.log(logging.WARNING if heard else logging.INFO, "%s cannot be compared: %s", host, error.detail)
        if error.again:
            told = replace(
                before, away_since=before.away_since or federation.clock.now(), error=str(error)[:500]
            )
        else:
            told = replace(before, away_since=None, state="behind", error=str(error)[:500])
        await federation.db.write(membership.note_comparison, host, told)
        # A newcomer may be faster than the news of it.
        raise Rest(watch.pause() if before.checked_at else _SOON) from error
    await federation.db.write(membership.note_comparison, host, run.told(goes_on=goes_on))
    raise Rest(timedelta() if goes_on else watch.pause())


@dataclass(slots=True)
class _Run:
    """One run with one sister: `failed` are things that cannot be had now, so that others get their turn."""

    federation: Federation
    member: Member
    failed: set[str] = field(default_factory=set)
    offered: int = 0
    missing: int = 0
    held_for_us: int = 0
    readers: list[DigestReader] = field(default_factory=list)

    async def all(self) -> bool:
        """Chunk by chunk; gives whether there is more to do at once. Raises what reading the root raises."""
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.federation.actors.ensure(self.member.entry.region)
        done = 1
        for _chunk in range(_MOST_CHUNKS):
            found = await self._differences()
            failed = len(self.failed)
            # From here on: a slow sister takes longer to be walked through than this.
            done = len(await self._chunk(found, clock() + _SECONDS))
            self.missing = found.left + found.wanted - done + failed if found else 0
            if found is None or (not done and not found.left) or clock() > began + _SECONDS:
                break
        await self._count_for_us()
        return bool(done and self.missing > len(self.failed))

    def told(self, *, goes_on: bool) -> Comparison:
        """How it stands now."""
        known = [self.member.comparison.digest_updated, *(reader.seen for reader in self.readers)]
        seen = [moment for moment in known if moment is not None]
        return Comparison(
            state="running" if goes_on else "behind" if self.missing else "in_step",
            error=f"{len(self.failed)} cannot be read there" if self.failed else None,
            checked_at=self.federation.clock.now(),
            away_since=None,
            digest_updated=max(seen, default=None),
            missing=self.missing,
            offered=self.offered,
            held_for_us=self.held_for_us,
        )

    def _reader(self, origin: str, prefix: str) -> DigestReader:
        federation, newest = self.federation, self.member.comparison.digest_updated
        made = DigestReader(federation.fetcher, federation.clock, self.member, origin, prefix, newest)
        self.readers.append(made)
        return made

    async def _differences(self) -> Differences | None:
        actor = self.member.entry.actor
        reader = self._reader(actor, _at(self.member).digest)
        walk = Walk(self.federation.db, reader, self.member.host, self._is_wanted, _CHUNK)
        return await walk.differences()

    def _is_wanted(self, row: Listed, held: Held | None) -> bool:
        """Whether the sister's version is to be fetched: the later one, and never what we know as deleted."""
        if row.uri in self.failed:
            return False
        if held is None or not held.listed:
            return held is None or row.deleted or not held.what.deleted
        if row.deleted != held.what.deleted:
            return row.deleted
        return row.deleted or row.version > held.what.version

    async def _chunk(self, found: Differences | None, ends: float) -> list[Effect]:
        """Fetches what is wanted and writes it in one transaction; sees what is offered."""
        self.offered = 0
        if found is None:
            return []
        gate = asyncio.Semaphore(_AT_ONCE)
        wanted = [(row, held) for row, held in found.theirs if self._is_wanted(row, held)]
        taken = await asyncio.gather(*(self._take(gate, ends, row, held) for row, held in wanted))
        effects = [effect for effect in taken if effect is not None]
        ahead = [held for row, held in found.theirs if held and _is_ahead(held, row)]
        verdicts = await asyncio.gather(*(self._lost(gate, ends, held) for held in found.ours[:_CHUNK]))
        lost = [held for held, verdict in zip(found.ours, verdicts, strict=False) if verdict]
        unlisted = [held for held, verdict in zip(found.ours, verdicts, strict=False) if verdict is False]
        offered = [one for one in (*ahead, *lost) if one.verified is not False]
        self.offered = len(offered) + max(0, len(found.ours) - _CHUNK)
        await self.federation.db.write(_write, effects, offered, unlisted)
        return effects

    async def _take(
        self, gate: asyncio.Semaphore, ends: float, row: Listed, held: Held | None
    ) -> Effect | None:
        async with gate:
            if asyncio.get_running_loop().time() > ends:
                return None
            try:
                return await take(self.federation, self.member, row, held)
            except ClusterError as error:
                _log.info("%s is listed and cannot be read: %s", row.uri, error.detail)
                self.failed.add(row.uri)
                return None

    async def _lost(self, gate: asyncio.Semaphore, ends: float, held: Held) -> bool | None:
        if held.offered:
            return True
        async with gate:
            if asyncio.get_running_loop().time() > ends:
                return None
            lost = await lost_there(self.federation, held)
        # What nobody can prove is not offered.
        return False if lost and held.verified is False else lost

    async def _count_for_us(self) -> None:
        """How much the sister holds of ours that we lack: a database that was restored lost it."""
        db, own = self.federation.db, self.federation.at.host
        reader = self._reader(self.federation.at.instance_actor, _at(self.member).digest_of(own))
        try:
            found = await Walk(db, reader, own, lambda _row, _held: True, _MOST_FOR_US).differences()
        except ClusterError as error:
            _log.info("what %s holds of ours cannot be read: %s", self.member.host, error.detail)
            return
        if found is not None:
            self.held_for_us = await db.read(_lacking, found.theirs)


def _at(member: Member) -> Addresses:
    return Addresses(member.entry.actor.removesuffix("/actor"), "")


def _is_ahead(held: Held, row: Listed) -> bool:
    """Whether ours is the later version, or a deletion that the origin lost."""
    if held.what.deleted != row.deleted:
        return held.what.deleted
    return not row.deleted and held.what.version > row.version


def _write(unit: Unit, effects: Sequence[Effect], offered: Sequence[Held], unlisted: Sequence[Held]) -> None:
    for effect in effects:
        try:
            with unit.attempt():
                effect(unit)
        except Refused as error:
            # One that a rule refuses says nothing about the others.
            _log.info("a listed thing is not taken: %s", error.detail)
    for held in offered:
        # A deletion that came before the thing itself was not listed yet.
        ledger.enlist(unit, held.what.uri)
    ledger.note_offered(unit, [held.what.uri for held in offered if not held.offered])
    for held in unlisted:
        ledger.unlist(unit, held.what.uri)
    if ledger.unverified(unit, 1):
        ask_for_verification(unit)


def _lacking(reader: Reader, theirs: Sequence[tuple[Listed, Held | None]]) -> int:
    """How many of a sister's copies are of things that we have not, or only in an older version."""
    return sum(is_lacking(reader, row, held) for row, held in theirs)


def is_lacking(reader: Reader, row: Listed, held: Held | None) -> bool:
    """Whether a copy of ours that a sister holds is more than what we have ourselves."""
    if held is not None:
        if row.deleted or held.what.deleted:
            return row.deleted and not held.what.deleted
        return row.version > held.what.version
    if post_queries.tombstone(reader, row.uri) is not None:
        return False
    post = post_queries.by_uri(reader, row.uri)
    return post is None or (row.deleted and post.deleted_at is None) or row.version > post.version
