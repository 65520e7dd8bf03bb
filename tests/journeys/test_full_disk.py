"""A disk is full while strangers come: 503 with Retry-After, pages go on, and what was accepted is there."""

import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Reader
from tests.plugins.disks import SmallDisk
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

_MOST = 400
_LONG = "długie słowo " * 400


@pytest.fixture
async def narrow(small_disk: SmallDisk, migrated_sqlite: Path) -> AsyncIterator[Towns]:
    """Towns whose databases are on the small disk."""

    def copy(name: str) -> str:
        shutil.copyfile(migrated_sqlite, small_disk.folder / f"{name}.sqlite")
        return f"sqlite:///{small_disk.folder}/{name}.sqlite"

    made = Towns(small_disk.folder, copy)
    yield made
    small_disk.free()
    await made.close()


def _logged(reader: Reader) -> set[str]:
    return set(reader.connection.scalars(select(inbox_log.c.activity_uri)))


async def _speak(town: Town, there: Stranger, mia: Guest) -> tuple[str, int]:
    activity = there.create(mia, there.note(mia, _LONG))
    answer = await there.post(town, mia, activity)
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
        assert "try again" in answer.json()["error"]
    return str(activity["id"]), answer.status_code


async def test_the_inbox_on_a_full_disk(
    narrow: Towns, small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    town = await narrow.found("szczecin", "pl")
    there = stranger(narrow)
    mia = there.person("mia")
    await town.post("ola", "Otwarte pracownie", to_region=True)
    await town.work()
    first, status = await _speak(town, there, mia)  # now its key is known
    assert status == 202
    accepted, refused = {first}, set[str]()
    small_disk.fill()
    with caplog.at_level(logging.INFO, "fedi_cluster"):
        for _ in range(_MOST):
            uri, status = await _speak(town, there, mia)
            assert status in (202, 503)
            (accepted if status == 202 else refused).add(uri)
            if len(refused) == 5:
                break
    assert len(refused) == 5, "the disk was never full"
    reason = "the disk of the database is full" if small_disk.real else "is full, or cannot be"
    assert any(reason in record.getMessage() for record in caplog.records), "the log does not say which"

    page = await town.page("/")
    assert page.status_code == 200
    assert "Otwarte pracownie" in page.text
    assert (await town.client.get("/ready")).status_code == 200, "reads go on"
    assert await town.house.db.read(_logged) == accepted

    small_disk.free()
    later, status = await _speak(town, there, mia)
    assert status == 202, "it goes on without a restart"
    assert await town.house.db.read(_logged) == accepted | {later}
