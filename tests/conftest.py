"""What all tests share: the design folder beside the repository, and how async tests run."""

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio: the server runs on nothing else."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of design and vectors; skipped with the reason where a clone stands alone, not in CI."""
    if not _SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail("the folder shared/ is missing beside the repository")
        pytest.skip("the folder shared/ (design and vectors) is not beside this clone")
    return _SHARED
