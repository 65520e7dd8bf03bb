"""What all tests share: the design folder beside the repository, databases, and that CI skips nothing."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

pytest_plugins = ["tests.plugins.databases", "tests.plugins.disks", "tests.plugins.towns"]

_SHARED = Path(__file__).resolve().parents[2] / "shared"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio: the server runs on nothing else."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of design and vectors; skipped with the reason where a clone stands alone, not in CI."""
    if not _SHARED.is_dir():
        pytest.skip("the folder shared/ (design and vectors) is not beside this clone")
    return _SHARED


def _skipped_nothing(report: Report) -> Report:
    """In CI a skip is a failure that tells its reason: what is missing there must be installed."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (report.longrepr,)
        report.outcome = "failed"
        report.longrepr = f"Nothing is skipped in CI, but this was: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests that skip themselves, by a mark or from a fixture."""
    return _skipped_nothing((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Whole files that skip themselves."""
    return _skipped_nothing((yield))
