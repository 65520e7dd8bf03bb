"""Fixtures of whole instances, on the engine that the test runs on."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.plugins.databases import PostgresServer
from tests.towns.town import Towns

_ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=_ENGINES)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes a migrated database by name and gives its URL; the test runs once on each engine."""
    if request.param == "sqlite":
        source: Path = request.getfixturevalue("migrated_sqlite")

        def copy(name: str) -> str:
            file = tmp_path / f"{name}.sqlite"
            shutil.copyfile(source, file)
            return f"sqlite:///{file}"

        yield copy
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("migrated_postgres")
    names: list[str] = []

    def create(_name: str) -> str:
        made = server.create(template=template)
        names.append(made)
        return server.url(made)

    yield create
    for name in names:
        server.drop(name)


@pytest.fixture
async def towns(new_database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Towns]:
    """An empty sea: instances are founded by `towns.found(slug, language)`."""
    made = Towns(tmp_path, new_database)
    yield made
    await made.close()
