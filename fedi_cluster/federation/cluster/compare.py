"""Compares what a sister has in public with what we hold of it, and fetches what is missing.

The origin's versions and tombstones win, and a deletion is never undone. What we hold with the origin's
proof and it neither lists nor has a tombstone for is not deleted: it is kept, and offered. A run is bounded
in number and time; how far it came lies in the ledger itself, so nothing is lost where it breaks off. One
thing that cannot be had, or cannot be stored, holds back no other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast

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
from fedi_cluster.federation.remote.digests import DigestReader, KnownPeriods
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, Rest, nothing
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.storage.faults import concerns_all, reason_of
from fedi_cluster.storage.unit import Reader, Unit

_AT_ONCE = 4
_CHUNK = 50
_MOST_CHUNKS = 20
# Then no other chunk is begun, and nobody looks for more before what was found is fetched.
_SECONDS = 60.0
# Then all ends; less than the deadline of the job, which would end without a word about what was found.
_LONGEST = 110.0
_MOST_FOR_US = 500
_LONGEST_REASON = 500
_SOON = timedelta(seconds=10)

T = TypeVar("T")

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
    run = _Run(federation, member, before.missing, before.offered, before.held_for_us)
    try:
        goes_on = await run.all()
    except Exception as error:
        hers = isinstance(error, ClusterError) and not concerns_all(error)
        await _note_trouble(run, error, hers=hers)
        if not hers:
            raise
        # A newcomer may be faster than the news of it.
        raise Rest(watch.pause() if before.checked_at else _SOON) from error
    await federation.db.write(membership.note_comparison, host, run.told(goes_on=goes_on))
    raise Rest(timedelta() if goes_on else watch.pause())


async def _note_trouble(run: "_Run", error: Exception, *, hers: bool) -> None:
    """Why a run broke off: the sister is away, or else we are behind, whosever fault it is."""
    federation, host, before = run.federation, run.member.host, run.member.comparison
    heard = before.away_since is None and before.error is None
    _log.log(logging.WARNING if heard else logging.INFO, "%s cannot be compared: %s", host, reason_of(error))
    state, away_since = "behind", None
    if hers and cast(ClusterError, error).again:
        state = "behind" if run.missing else before.state
        away_since = before.away_since or federation.clock.now()
    said = (str(error) if hers else reason_of(error))[:_LONGEST_REASON]
    told = replace(before, state=state, error=said, away_since=away_since, missing=run.missing)
    try:
        await federation.db.write(membership.note_comparison, host, told)
    except Exception as trouble:
        # What ended the run says more than that this could not be written, too.
        _log.warning("the comparison with %s cannot be noted: %s", host, reason_of(trouble))


@dataclass(slots=True)
class _Run:
    """One run with one sister, at first with the numbers of the one before.

    `failed` are things that cannot be had now, so that others get their turn, each with the reason where
    the fault is ours. `late` says that there was no time to see or fetch it all. Where a run does not come
    to its end, what was `read` of her digests is left for the next one, which comes further with it.
    """

    federation: Federation
    member: Member
    missing: int
    offered: int
    held_for_us: int
    failed: dict[str, str | None] = field(default_factory=dict)
    late: bool = False
    ends: float = 0.0
    stops: float = 0.0
    read: KnownPeriods = field(default_factory=KnownPeriods)
    readers: list[DigestReader] = field(default_factory=list)

    async def all(self) -> bool:
        """Chunk by chunk; gives whether there is more to do at once. Raises what reading the root raises."""
        clock, host = asyncio.get_running_loop().time, self.member.host
        self.ends, self.stops = clock() + _SECONDS, clock() + _LONGEST
        self.read = self.federation.digests.setdefault(host, self.read)
        before, done = self.read.count, 0
        await self._in_time(self.federation.actors.ensure(self.member.entry.region))
        for _chunk in range(_MOST_CHUNKS):
            found = await self._differences()
            if found is None:
                self.missing = self.offered = 0
                break
            self.missing = found.left + found.wanted + len(self.failed)
            taken = await self._chunk(found)
            self.missing -= taken
            done += taken
            if self.late or clock() > self.ends or not (taken or found.left):
                break
        await self._count_for_us()
        if not self.late:
            self.federation.digests.pop(host, None)
        further = done or (self.late and self.read.count > before)
        return bool(further and self.missing > len(self.failed))

    async def _in_time(self, work: Awaitable[T]) -> T | None:
        """What it gives; None where the run has to stop before."""
        try:
            async with asyncio.timeout_at(self.stops):
                return await work
        except TimeoutError:
            self.late = True
            return None

    def told(self, *, goes_on: bool) -> Comparison:
        """How it stands now."""
        known = [self.member.comparison.digest_updated, *(reader.seen for reader in self.readers)]
        seen = [moment for moment in known if moment is not None]
        return Comparison(
            state="running" if goes_on else "behind" if self.missing else "in_step",
            error=self._trouble(),
            checked_at=self.federation.clock.now(),
            away_since=None,
            digest_updated=max(seen, default=None),
            missing=self.missing,
            offered=self.offered,
            held_for_us=self.held_for_us,
        )

    def _trouble(self) -> str | None:
        """What a host reads about things that were not taken."""
        faults = [f"{uri}: {reason}" for uri, reason in self.failed.items() if reason is not None]
        told = []
        if len(self.failed) > len(faults):
            told.append(f"{len(self.failed) - len(faults)} cannot be read there")
        if faults:
            told.append(f"{len(faults)} cannot be stored here, the first is {faults[0]}")
        if self.late:
            told.append("it takes too long to answer")
        return "; ".join(told)[:_LONGEST_REASON] or None

    def _reader(self, origin: str, prefix: str) -> DigestReader:
        federation, newest = self.federation, self.member.comparison.digest_updated
        made = DigestReader(
            federation.fetcher, federation.clock, self.member, origin, prefix, newest, known=self.read
        )
        self.readers.append(made)
        return made

    async def _differences(self) -> Differences | None:
        """What differs as far as there is time to see it, None where nothing does."""
        reader = self._reader(self.member.entry.actor, _at(self.member).digest)
        walk = Walk(self.federation.db, reader, self.member.host, self._is_wanted, _CHUNK, self.ends)
        try:
            found = await self._in_time(walk.differences())
            if not self.late:
                return found
        except ClusterError as error:
            # What was found until then is fetched first.
            if concerns_all(error) or not walk.found.wanted:
                raise
            _log.info("a digest of %s cannot be read: %s", self.member.host, error.detail)
        walk.found.left += 1
        return walk.found

    def _is_wanted(self, row: Listed, held: Held | None) -> bool:
        """Whether the sister's version is to be fetched: the later one, and never what we know as deleted."""
        if row.uri in self.failed:
            return False
        if held is None or not held.listed:
            return held is None or row.deleted or not held.what.deleted
        if row.deleted != held.what.deleted:
            return row.deleted
        return row.deleted or row.version > held.what.version

    async def _chunk(self, found: Differences) -> int:
        """Fetches what is wanted and writes it in one transaction, with what is offered; gives how much was
        taken. What came until the run has to stop is kept."""
        gate = asyncio.Semaphore(_AT_ONCE)
        wanted = [(row, held) for row, held in found.theirs if self._is_wanted(row, held)]
        taken: dict[str, Effect] = {}
        lost: dict[str, bool | None] = {}
        takes = (
            self._apart(gate, row.uri, partial(take, self.federation, self.member, row, held), taken)
            for row, held in wanted
        )
        looks = (
            self._apart(gate, held.what.uri, partial(self._is_lost, held), lost)
            for held in found.ours[:_CHUNK]
        )
        await self._in_time(asyncio.gather(*takes, *looks))
        ahead = [held for row, held in found.theirs if held and _is_ahead(held, row)]
        offered = [*ahead, *(held for held in found.ours if lost.get(held.what.uri))]
        offered = [one for one in offered if one.verified is not False]
        if not self.late:
            self.offered = len(offered) + max(0, len(found.ours) - _CHUNK)
        effects = list(taken.items())
        effects += [(one.what.uri, partial(_offer, held=one)) for one in offered]
        effects += [
            (uri, partial(ledger.unlist, uri=uri)) for uri, is_lost in lost.items() if is_lost is False
        ]
        failed = await self.federation.db.write(_write, effects)
        self.failed |= {uri: reason for uri, reason in failed.items() if uri in taken}
        return len(taken.keys() - failed.keys())

    async def _apart(
        self, gate: asyncio.Semaphore, uri: str, read: Callable[[], Awaitable[T]], into: dict[str, T]
    ) -> None:
        """Puts what was read of one thing `into` the rest; one that fails holds back no other."""
        async with gate:
            try:
                into[uri] = await read()
            except Exception as error:
                if concerns_all(error):
                    raise
                foreseen = isinstance(error, ClusterError)
                self.failed[uri] = None if foreseen else reason_of(error)
                if foreseen:
                    _log.info("%s is listed and cannot be read: %s", uri, reason_of(error))
                else:
                    _log.exception("%s is listed and cannot be read", uri)

    async def _is_lost(self, held: Held) -> bool | None:
        """Whether the origin lost it, None where nobody can tell now; what is not proven is not offered."""
        if held.offered:
            return True
        lost = await lost_there(self.federation, held)
        return False if lost and held.verified is False else lost

    async def _count_for_us(self) -> None:
        """How much the sister holds of ours that we lack: a database that was restored lost it.

        The former number stands where it cannot be read: that is not nothing.
        """
        db, own = self.federation.db, self.federation.at.host
        reader = self._reader(self.federation.at.instance_actor, _at(self.member).digest_of(own))
        walk = Walk(db, reader, own, lambda _row, _held: True, _MOST_FOR_US)
        try:
            found = await self._in_time(walk.differences())
        except ClusterError as error:
            if concerns_all(error):
                raise
            _log.info("what %s holds of ours cannot be read: %s", self.member.host, reason_of(error))
            return
        if not self.late:
            self.held_for_us = await db.read(_lacking, found.theirs) if found is not None else 0


def _at(member: Member) -> Addresses:
    return Addresses(member.entry.actor.removesuffix("/actor"), "")


def _is_ahead(held: Held, row: Listed) -> bool:
    """Whether ours is the later version, or a deletion that the origin lost."""
    if held.what.deleted != row.deleted:
        return held.what.deleted
    return not row.deleted and held.what.version > row.version


def _write(unit: Unit, effects: Sequence[tuple[str, Effect]]) -> dict[str, str]:
    """Each whole or not at all; gives the reasons of those that failed, by id."""
    failed: dict[str, str] = {}
    for uri, effect in effects:
        try:
            with unit.attempt():
                effect(unit)
        except Exception as error:
            if concerns_all(error):
                raise
            # One that a rule refuses, or that we cannot store, says nothing about the others.
            failed[uri] = reason_of(error)
            if isinstance(error, ClusterError):
                _log.info("%s is listed and not taken: %s", uri, error.detail)
            else:
                _log.exception("%s is listed and cannot be stored", uri)
    if ledger.unverified(unit, 1):
        ask_for_verification(unit)
    return failed


def _offer(unit: Unit, held: Held) -> None:
    # A deletion that came before the thing itself was not listed yet.
    ledger.enlist(unit, held.what.uri)
    if not held.offered:
        ledger.note_offered(unit, [held.what.uri])


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
