"""Nothing of a test's logging stays behind: pytest's own handlers stand again afterwards."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def own_logging() -> Iterator[None]:
    """The root logger as it was, once the test has begun its own log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    kept = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)
    root.handlers = []  # `force` closes what it replaces, and these are pytest's
    yield
    logging.captureWarnings(False)
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = kept
    root.handlers = handlers
    root.setLevel(level)
