"""Hands on a migrated database, on each engine."""

from collections.abc import Iterator

import pytest

from tests.builders import Hands


@pytest.fixture
def hands(migrated_url: str) -> Iterator[Hands]:
    """An empty instance."""
    made = Hands.on(migrated_url)
    yield made
    made.db.close()
