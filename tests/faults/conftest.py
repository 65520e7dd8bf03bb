"""One real instance and one peer for a test of the fault campaign."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedi_cluster.demo.servers import free_ports
from tests.faults.machine import Machine
from tests.faults.peer import Peer, peer


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """One founded instance on SQLite that does not run yet; ended at the end."""
    made = Machine("victim", free_ports(1)[0], tmp_path / "victim")
    await made.found()
    yield made
    made.stop()


@pytest.fixture
async def there() -> AsyncIterator[Peer]:
    """A peer that behaves well until told otherwise."""
    async with peer("peer") as made:
        yield made
