"""Where a sister's digest and our ledger differ: from all time down to single things; it fetches no thing."""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fedi_cluster.community.regions import digests, ledger, periods
from fedi_cluster.community.regions.periods import DAY
from fedi_cluster.community.regions.shapes import Held, Listed, Part, Period
from fedi_cluster.federation.remote.digests import DigestReader
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader

Wanted = Callable[[Listed, Held | None], bool]


@dataclass(slots=True)
class Differences:
    """`theirs` is listed there and not so here, with what we have of it; `ours` is listed here and not there.

    `wanted` counts those of `theirs` that the caller will do something about. `left` is at least how much
    more there is; 0 where all was looked through.
    """

    theirs: list[tuple[Listed, Held | None]] = field(default_factory=list)
    ours: list[Held] = field(default_factory=list)
    wanted: int = 0
    left: int = 0


@dataclass(slots=True)
class Walk:
    """One way through the differences with a digest of `host`; it stops at `most` that are `wanted`.

    After `ends` (the loop's time) it goes no further as soon as one is wanted: it is fetched before the
    next are looked for.
    """

    db: Database
    reader: DigestReader
    host: str
    wanted: Wanted
    most: int
    ends: float = math.inf
    found: Differences = field(default_factory=Differences)

    async def differences(self) -> Differences | None:
        """What differs, the newest first; None where nothing does. Raises as `DigestReader.period`."""
        mine = await self._mine("")
        theirs = await self.reader.root(mine.digest)
        if theirs is None or theirs.digest == mine.digest:
            return None
        for month, there in self._differing(theirs.parts, mine.parts):
            days = (await self._read(month, there)).parts
            for day, told in self._differing(days, (await self._mine(month)).parts):
                held = await self.db.read(digests.rows, self.host, day)
                await self._within(day, await self._read(day, told), held)
        return self.found

    async def _read(self, name: str, there: Part | None) -> Period:
        return await self.reader.period(there) if there else Period(name, "")

    async def _mine(self, name: str) -> Period:
        return await self.db.write(digests.period, self.host, self.reader.prefix, name)

    def _differing(self, theirs: Sequence[Part], ours: Sequence[Part]) -> Iterator[tuple[str, Part | None]]:
        """Names of periods whose digests differ, with what the sister says of those that she has."""
        there, here = {part.name: part for part in theirs}, {part.name: part for part in ours}
        for name in sorted(there.keys() | here.keys(), reverse=True):
            if name in there and name in here and there[name].digest == here[name].digest:
                continue
            if self._is_enough():
                self.found.left += max(1, there[name].total if name in there and len(name) >= DAY else 1)
                continue
            yield name, there.get(name)

    def _is_enough(self) -> bool:
        wanted = self.found.wanted
        return wanted >= self.most or (wanted > 0 and asyncio.get_running_loop().time() > self.ends)

    async def _within(self, name: str, theirs: Period, held: Sequence[Held]) -> None:
        """A day or less: its rows, or what is narrower."""
        if not theirs.parts:
            await self._rows(theirs.rows, held)
            return
        length = periods.narrower(name)
        by_name: dict[str, list[Held]] = {}
        for one in held:
            by_name.setdefault(periods.name_at(one.what.published_at, length), []).append(one)
        ours = [
            Part(own, len(some), periods.digest_of_rows(one.what for one in some))
            for own, some in by_name.items()
        ]
        for own, there in self._differing(theirs.parts, ours):
            await self._within(own, await self._read(own, there), by_name.get(own, ()))

    async def _rows(self, theirs: Sequence[Listed], held: Sequence[Held]) -> None:
        here = {one.what.uri: one for one in held}
        there = {row.uri for row in theirs}
        unlike = [row for row in theirs if row.uri not in here or not _alike(row, here[row.uri].what)]
        known = here | await self.db.read(_held_of, [row.uri for row in unlike if row.uri not in here])
        for row in unlike:
            if self.found.wanted >= self.most:
                self.found.left += 1
                continue
            one = known.get(row.uri)
            self.found.theirs.append((row, one))
            self.found.wanted += self.wanted(row, one)
        self.found.ours += [one for one in held if one.what.uri not in there]


def _alike(one: Listed, other: Listed) -> bool:
    return (one.version, one.deleted) == (other.version, other.deleted)


def _held_of(reader: Reader, uris: Sequence[str]) -> dict[str, Held]:
    found = {uri: ledger.held(reader, uri) for uri in uris}
    return {uri: one for uri, one in found.items() if one is not None}
