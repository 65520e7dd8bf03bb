"""The fixture `hands`, for the conftest files of rooms that act on a database; emptied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import Hands
from tests.plugins.databases import PostgresServer

_ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session", params=_ENGINES)
def lasting_hands(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hands]:
    """One migrated database for all tests on an engine."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("migrated_sqlite")
        file = shutil.copyfile(source, tmp_path_factory.mktemp("hands") / "hands.sqlite")
        made = Hands.on(f"sqlite:///{file}")
        yield made
        made.db.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create(template=request.getfixturevalue("migrated_postgres"))
    made = Hands.on(server.url(name))
    yield made
    made.db.close()
    server.drop(name)


@pytest.fixture
def hands(lasting_hands: Hands) -> Iterator[Hands]:
    """An empty instance; what a test left is removed after it."""
    yield lasting_hands
    lasting_hands.begin_again()
