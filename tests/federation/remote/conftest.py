"""One town that reads, and strangers that are read; the engine is of no account here."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plugins.hands import hands, lasting_hands
from tests.towns.town import Town, Towns

__all__ = ["hands", "lasting_hands"]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the tests of a file, since their town lives in it."""
    return "asyncio"


@pytest.fixture(scope="module")
async def sea(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Towns]:
    """A network for all tests of a file."""
    folder = tmp_path_factory.mktemp("sea")
    made = Towns(folder, lambda name: f"sqlite:///{shutil.copyfile(migrated_sqlite, folder / name)}")
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def town(sea: Towns) -> Town:
    """Who reads."""
    return await sea.found("szczecin", "pl")
