"""One town for the tests of a file: strangers come and go, each test with a host of its own."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.journeys.door import NUMBERS, Door
from tests.plugins.databases import PostgresServer
from tests.towns.looking import row_counts
from tests.towns.stranger import stranger
from tests.towns.town import Town, Towns

_ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One event loop for the tests of a file, since their town lives in it."""
    return "asyncio"


@pytest.fixture(scope="module", params=_ENGINES)
def lasting_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """As `new_database`, for all tests of a file."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("migrated_sqlite")
        folder = tmp_path_factory.mktemp("lasting")

        def copy(name: str) -> str:
            shutil.copyfile(source, folder / f"{name}.sqlite")
            return f"sqlite:///{folder}/{name}.sqlite"

        return copy
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("migrated_postgres")
    # Not dropped: the server goes with the session.
    return lambda _name: server.url(server.create(template=template))


@pytest.fixture(scope="module")
async def sea(
    lasting_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Towns]:
    """A network for all tests of a file."""
    made = Towns(tmp_path_factory.mktemp("sea"), lasting_database)
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def szczecin(sea: Towns) -> Town:
    """The town that strangers speak with."""
    return await sea.found("szczecin", "pl")


@pytest.fixture
async def door(sea: Towns, szczecin: Town) -> Door:
    """A stranger of its own host for each test."""
    there = stranger(sea, f"door{next(NUMBERS)}.example")
    mia = there.person("mia")
    wish = there.activity(mia, "Follow", szczecin.house.at.region)
    return Door(sea, szczecin, there, mia, wish, await row_counts(szczecin), len(sea.network.log))
