"""Four real servers for many minutes: people act, servers die, lines break; then quiet, and all must be equal.

`python -m tests.faults.soak --minutes 30 --seed 1`; it prints memory and queues as they go, and exits with 1
where something does not hold.
"""

import argparse
import asyncio
import json
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from statistics import linear_regression

import httpx

from fedi_cluster.demo.servers import free_ports
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.wiring import House
from tests.faults import looking
from tests.faults.acts import Guests, Office
from tests.faults.ledger import Ledger
from tests.faults.machine import Machine, gather
from tests.faults.peer import Peer, peer
from tests.faults.proxy import Proxy

SLUGS = ("szczecin", "rostock", "klaipeda", "malmo")
LOSS = 0.01
TELL_EACH = 30.0
_CACHED = re.compile(r"^fedi_cluster_cache_bytes\{.*\} (\S+)$", re.MULTILINE)
QUIET = 240.0
"""Seconds that all have to come to the same state once nothing disturbs them."""
EACH = 6.0
"""Seconds from fault to fault."""
MOST_GROWTH = 8.0
"""MiB that the server which is never killed may grow in an hour, measured in the second half."""


@dataclass(eq=False)
class Soak:
    """What takes part; the first machine is never killed, so that its memory can be watched."""

    machines: Sequence[Machine]
    proxies: Sequence[Proxy]
    there: Peer
    ledger: Ledger
    chance: random.Random
    samples: list[tuple[float, float]] = field(default_factory=list)
    guests: list[Guests] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Acts and faults for so long, then the line is open and everything runs."""
        stop, began = asyncio.Event(), time.monotonic()
        acting = [asyncio.create_task(one.act(stop)) for one in self._people()]
        told = 0.0
        while (passed := time.monotonic() - began) < seconds:
            name, harm = self.chance.choice(
                (("kill", self._kill), ("shut", self._shut), ("stop", self._halt), ("loss", self._lose))
            )
            which = self.chance.randrange(len(self.machines))
            await harm(which)
            await self._measure(passed)
            print(f"{passed:6.0f} s  {name} {SLUGS[which]}", flush=True)
            if passed - told > TELL_EACH:
                told = passed
                print(f"{passed:6.0f} s  {await self.figures()}", flush=True)
            await asyncio.sleep(self.chance.uniform(0.5, EACH))
        stop.set()
        await asyncio.gather(*acting)
        for one in self.guests:
            await one.finish()

    async def _measure(self, passed: float) -> None:
        """What the first machine holds beside its caches, which fill for hours and have bounds."""
        try:
            async with self.machines[0].client() as client:
                told = (await client.get("/metrics")).text
        except httpx.HTTPError:
            return  # it is stopped just now
        cached = sum(float(one) for one in _CACHED.findall(told)) / (1 << 20)
        self.samples.append((passed, self.machines[0].resident() - cached))

    def _people(self) -> "list[Guests | Office]":
        offices = [
            Office(machine.slug, machine, self.ledger, random.Random(machine.slug), cut_off=0.05, pause=0.5)
            for machine in self.machines
        ]
        self.guests = [
            Guests(f"g{machine.slug}", self.there, machine, self.ledger, random.Random(number), [], pause=0.5)
            for number, machine in enumerate(self.machines)
        ]
        return [*offices, *self.guests]

    async def _kill(self, which: int) -> None:
        machine = self.machines[which or 1]
        machine.kill()
        await asyncio.sleep(self.chance.uniform(0, 3))
        await machine.start()

    async def _shut(self, which: int) -> None:
        self.proxies[which].set_shut(True)
        await asyncio.sleep(self.chance.uniform(1, 15))
        self.proxies[which].set_shut(False)

    async def _halt(self, which: int) -> None:
        (process,) = self.machines[which].processes.values()
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(1, 8))
        process.send_signal(signal.SIGCONT)

    async def _lose(self, which: int) -> None:
        self.proxies[which].loss = LOSS
        await asyncio.sleep(self.chance.uniform(1, 10))
        self.proxies[which].loss = 0

    async def figures(self) -> str:
        """How many acts were acknowledged, what waits, and what memory is held, by machine."""
        queues = await asyncio.gather(*(queue_length(machine) for machine in self.machines))
        held = [f"{machine.resident():.0f}" for machine in self.machines]
        return f"{self.ledger.acknowledged} acts, queues {queues}, MiB {held}"

    async def come_to_rest(self) -> list[str]:
        """Waits until all is equal and done; gives what is not, at the latest after `QUIET` seconds."""
        houses = [machine.house() for machine in self.machines]
        try:
            ends = time.monotonic() + QUIET
            while True:
                found = await self._problems(houses)
                if not found or time.monotonic() > ends:
                    return found
                await asyncio.sleep(1)
        finally:
            for house in houses:
                house.db.close()

    async def _problems(self, houses: Sequence[House]) -> list[str]:
        found = []
        shown = [looking.timeline(house) for house in houses]
        for one, other in combinations(range(len(houses)), 2):
            unequal = looking.unequal(shown[one], shown[other])
            found += [f"{SLUGS[one]} and {SLUGS[other]}: {told}" for told in unequal]
        for machine, house in zip(self.machines, houses, strict=True):
            own = [one for one in self.ledger.written if one.token.startswith(machine.slug)]
            part = self.ledger.at(machine.base)
            found += [f"{machine.slug}: {told}" for told in looking.problems(house, part, own)]
            if waiting := await queue_length(machine):
                found.append(f"{machine.slug}: {waiting} waiting")
        return found

    def growth(self) -> float:
        """MiB an hour that the first machine grew in the second half of its time."""
        half = [(at, held) for at, held in self.samples if at > self.samples[-1][0] / 2]
        return linear_regression(*zip(*half, strict=True)).slope * 3600 if len(half) > 2 else 0.0


async def queue_length(machine: Machine) -> int:
    """What is due or failed there: jobs, and deliveries to sisters. What is only planned for later is none."""
    soon = to_wire(datetime.now(UTC) + timedelta(seconds=5))
    jobs = [json.loads(line) for line in (await machine.said("jobs", "list", "--json")).splitlines()]
    status = json.loads(await machine.said("cluster", "status", "--json"))
    owed = sum(int(sister["waiting"]) for sister in status["sisters"])
    due = [job for job in jobs if job["state"] != "dead" and (job["tries"] or job["run_at"] < soon)]
    return owed + len(due)


async def main(minutes: float, seed: int) -> int:
    """The whole soak; gives the exit code."""
    print(f"seed {seed}, {minutes:g} minutes")
    chance, ports = random.Random(seed), free_ports(2 * len(SLUGS))
    with tempfile.TemporaryDirectory(prefix="fedi-cluster-soak-") as folder:
        async with AsyncExitStack() as stack:
            machines, proxies = [], []
            for slug, inner, outer in zip(SLUGS, ports[::2], ports[1::2], strict=True):
                machine = Machine(slug, inner, Path(folder) / slug, reached_by=outer)
                stack.callback(machine.stop)
                proxy = Proxy(outer, inner, chance)
                await proxy.start()
                stack.callback(proxy.close)
                machines.append(machine)
                proxies.append(proxy)
            there = await stack.enter_async_context(peer("peer"))
            await gather(*machines)
            for machine in machines:
                await machine.said("follow", "office", there.person("mia"))
            soak = Soak(machines, proxies, there, Ledger(Path(folder) / "ledger.jsonl"), chance)
            await soak.run(minutes * 60)
            began = time.monotonic()
            found = await soak.come_to_rest()
            print("\n".join(found[:50]) or f"all equal {time.monotonic() - began:.0f} s after the last fault")
            found += [told for machine in machines for told in looking.integrity(machine)]
            growth = soak.growth()
            print(f"{await soak.figures()}; the first grew by {growth:.1f} MiB an hour")
            too_much = minutes >= 10 and growth > MOST_GROWTH
            return 1 if found or too_much else 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Four servers, many faults, one state at the end.")
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = arguments.parse_args()
    sys.exit(asyncio.run(main(given.minutes, given.seed)))
