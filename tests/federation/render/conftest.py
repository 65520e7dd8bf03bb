"""What the tests of rendering share."""

from pathlib import Path

import pytest

from tests.federation.render.golden_shapes import Golden


@pytest.fixture(scope="session")
def golden(shared: Path) -> Golden:
    """The golden documents with their test keys."""
    return Golden(shared / "design" / "golden")
