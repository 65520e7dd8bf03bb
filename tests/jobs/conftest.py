"""A migrated database on each engine, with a clock that the tests move."""

from collections.abc import Iterator

import pytest

from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from tests.jobs.clock import MovedClock


@pytest.fixture
def clock() -> MovedClock:
    """Stands at 2026-11-23 09:00 UTC."""
    return MovedClock()


@pytest.fixture
def db(migrated_url: str, clock: MovedClock) -> Iterator[Database]:
    """An empty database with all tables, once on each engine."""
    database = Database(migrated_url, clock, IdSource())
    yield database
    database.close()
