"""A disk that is full or read-only, and a database that somebody else holds: refused clearly, nothing lost."""

import asyncio
import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fedi_cluster.demo.servers import free_ports
from tests.faults import looking
from tests.faults.ledger import Note
from tests.faults.machine import Machine, environment
from tests.faults.peer import Peer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

MIB = 2**20
_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


async def _say(
    there: Peer, client: httpx.AsyncClient, machine: Machine, text: str
) -> tuple[Note, int | None]:
    document = there.note(there.person("mia"), text)
    activity = there.activity(there.person("mia"), "Create", document, to=document["to"], cc=document["cc"])
    return Note(str(document["id"]), text, machine.base), await there.tell(client, machine, activity)


async def _acquainted(machine: Machine, there: Peer) -> None:
    """Somebody here follows mia there, so that what she says is kept."""
    await machine.said("follow", "office", there.person("mia"))


async def _all_kept(machine: Machine, notes: list[Note]) -> None:
    """Waits until all that was taken stands there."""
    house = machine.house()
    try:
        ends = time.monotonic() + 90
        while lost := [one.uri for one in notes if looking.has(house, one.uri) is None]:
            assert time.monotonic() < ends, (len(lost), len(notes), lost[:5])
            await asyncio.sleep(0.2)
    finally:
        house.db.close()
    assert looking.integrity(machine) == []


class Room:
    """A place for a database that can be filled up and emptied again."""

    def __init__(self, machine: Machine, mounted: Path | None) -> None:
        self._machine = machine
        self._ballast = mounted / "ballast" if mounted else None

    def fill(self) -> None:
        """Almost nothing can be written from now on."""
        if self._ballast is None:
            largest = max(file.stat().st_size for file in self._machine.folder.glob("*.sqlite*"))
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (largest + 65_536, resource.RLIM_INFINITY))
            return
        with self._ballast.open("wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 65_536)
            except OSError:
                out.truncate(max(out.tell() - 65_536, 0))

    def make_room(self) -> None:
        """There is room again."""
        if self._ballast is None:
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, _UNLIMITED)
        else:
            self._ballast.unlink()

    @property
    def _pid(self) -> int:
        return self._machine.processes["serve"].pid


def _may_mount() -> bool:
    """Whether this machine lets us mount; where not, a limit of the process takes the disk's place."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "faults", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(params=["a limit of the process", *(["a small tmpfs"] if _may_mount() else [])])
async def small(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Machine, Room]]:
    """A running instance and the room that it has."""
    folder = tmp_path / "victim"
    made = Machine("victim", free_ports(1)[0], folder)
    if request.param == "a small tmpfs":
        with _small_disk(folder):
            await made.found()
            await made.start()
            yield made, Room(made, folder)
            made.stop()
    else:
        await made.found()
        await made.start()
        yield made, Room(made, None)
        made.stop()


async def test_a_full_disk_is_told_and_survived(small: tuple[Machine, Room], there: Peer) -> None:
    machine, room = small
    await _acquainted(machine, there)
    taken: list[Note] = []
    async with machine.client() as client:
        note, status = await _say(there, client, machine, "before")
        assert status == 202
        taken.append(note)
        room.fill()
        refused = 0
        for number in range(400):
            note, status = await _say(there, client, machine, f"{number} " + "full " * 2_000)
            assert status in (202, 503), status
            if status == 202:
                taken.append(note)
            else:
                refused += 1
                if refused == 3:
                    break
        assert refused == 3, "the disk was never full"
        assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 200
        answer = await client.post("/inbox", content=b"{}", headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 401)
        room.make_room()
        ends = time.monotonic() + 20
        while (await _say(there, client, machine, "after"))[1] != 202:
            assert time.monotonic() < ends, machine.last_words()
            await asyncio.sleep(0.2)
    assert machine.processes["serve"].poll() is None
    await _all_kept(machine, taken)


async def test_the_refusal_says_when_to_come_again(small: tuple[Machine, Room], there: Peer) -> None:
    machine, room = small
    room.fill()
    async with machine.client() as client:
        for number in range(400):
            document = there.note(there.person("mia"), f"{number} " + "full " * 2_000)
            status = await there.tell(
                client, machine, there.activity(there.person("mia"), "Create", document, to=document["to"])
            )
            if status == 503:
                break
        assert there.last_headers.get("retry-after", "").isdigit(), there.last_headers
    room.make_room()


async def test_a_read_only_disk_stops_the_start_with_a_sentence(machine: Machine) -> None:
    machine.launcher = ("-m", "tests.faults.unprivileged")
    await machine.start()
    machine.stop()
    _set_modes(machine.folder, 0o555, 0o444)
    try:
        for line in (["serve"], ["post", "Is this kept?"]):
            told = await _fails(machine, *line)
            assert told.startswith("fedi-cluster: "), told
            assert "Traceback" not in told
    finally:
        _set_modes(machine.folder, 0o755, 0o644)
    await machine.start()
    await machine.said("post", "Now it is kept.")
    assert looking.integrity(machine) == []


async def _fails(machine: Machine, *arguments: str) -> str:
    """What a command says that must end with 1."""
    process = await asyncio.create_subprocess_exec(
        *machine.line(*arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    told, _nothing = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1, told.decode()
    return told.decode()


def _set_modes(folder: Path, of_folder: int, of_files: int) -> None:
    for file in folder.iterdir():
        file.chmod(of_files)
    folder.chmod(of_folder)


async def test_a_database_that_somebody_holds(machine: Machine, there: Peer) -> None:
    await machine.start()
    await _acquainted(machine, there)
    holder = sqlite3.connect(machine.file, isolation_level=None)
    async with machine.client() as client:
        taken = [(await _say(there, client, machine, "before"))[0]]
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        waiting = asyncio.create_task(_say(there, client, machine, "meanwhile"))
        while not waiting.done():
            asked = time.monotonic()
            assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 200
            assert time.monotonic() - asked < 4, "readers wait for a writer"
            await asyncio.sleep(0.2)
        note, status = await waiting
        assert status == 503
        assert 4 < time.monotonic() - began < 15
        holder.execute("ROLLBACK")
        holder.close()
        note, status = await _say(there, client, machine, "after")
        assert status == 202
        taken.append(note)
    await _all_kept(machine, taken)
