"""Copies taken while everybody acts: each is whole, and one that is put back gets from its sister what it lacks."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from fedi_cluster.demo.servers import free_ports
from tests.faults import looking
from tests.faults.acts import Guests, Office
from tests.faults.ledger import Ledger, Written
from tests.faults.machine import Machine, gather, until
from tests.faults.peer import Peer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

COPIES = 3


async def _copy(machine: Machine, into: Path) -> Path:
    """A fresh copy of a running instance."""
    return Path(json.loads(await machine.said("backup", str(into), "--json"))["copy"])


async def _restored(machine: Machine, copy: Path, folder: Path) -> Machine:
    """The instance as it was in a copy, in another folder."""
    await machine.said("restore", str(copy), "--data-dir", str(folder))
    return Machine(machine.slug, machine.port, folder)


def _lost(machine: Machine, written: list[Written]) -> list[str]:
    house = machine.house()
    try:
        return [one.token for one in written if one.uri and looking.has(house, one.uri) is None]
    finally:
        house.db.close()


async def test_copies_under_load_are_whole_and_old_ones_are_made_new(there: Peer, tmp_path: Path) -> None:
    ports = free_ports(2)
    first, sister = (
        Machine(slug, port, tmp_path / slug) for slug, port in zip(("victim", "sister"), ports, strict=True)
    )
    ledger = Ledger(tmp_path / "ledger.jsonl")
    running = [first, sister]
    try:
        await gather(first, sister)
        await first.said("follow", "office", there.person("mia"))
        copies = await _under_load(first, there, ledger, tmp_path)
        for number, (copy, before) in enumerate(copies):
            again = await _restored(first, copy, tmp_path / f"copy{number}")
            assert looking.integrity(again) == []
            assert _lost(again, before) == []
        await _equal(first, sister, ledger)  # What was not delivered yet, nobody could give back.
        first.stop()
        old = Machine(first.slug, first.port, tmp_path / "copy0")
        running.append(old)
        assert _lost(old, ledger.written), "the copy should be older than what was written since"
        await old.start()
        await old.said("cluster", "recover", "--yes")
        await _equal(old, sister, ledger)
    finally:
        for machine in running:
            machine.stop()


async def _under_load(
    machine: Machine, there: Peer, ledger: Ledger, folder: Path
) -> list[tuple[Path, list[Written]]]:
    """Copies of a busy instance, each with what had been written and acknowledged before it began."""
    stop, chance = asyncio.Event(), random.Random(1)
    people: list[Guests | Office] = [
        Guests("anna", there, machine, ledger, chance, []),
        Office("victim", machine, ledger, chance, cut_off=0),
    ]
    acting = [asyncio.create_task(one.act(stop)) for one in people]
    made = []
    for _number in range(COPIES):
        await asyncio.sleep(2)
        before = [one for one in ledger.written if one.uri and one.gone is False]
        made.append((await _copy(machine, folder / "copies"), before))
    await asyncio.sleep(2)
    stop.set()
    await asyncio.gather(*acting)
    return made


async def _equal(one: Machine, sister: Machine, ledger: Ledger) -> None:
    """Waits until an instance has all of its own posts as they were written, and shows what its sister shows."""
    houses = one.house(), sister.house()
    own_only = Ledger(ledger.file)
    found: list[str] = []

    async def is_equal() -> bool:
        found[:] = [
            *looking.problems(houses[0], own_only, ledger.written),
            *looking.unequal(*(looking.timeline(house) for house in houses)),
        ]
        return not found

    try:
        await until("equal to the sister", is_equal, within=90)
    except AssertionError as error:
        raise AssertionError("\n".join(found[:20])) from error
    finally:
        for house in houses:
            house.db.close()
