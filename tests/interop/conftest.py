"""Running strangers for the interop tests: a Fedify server, and a second one that it proves itself with."""

from collections.abc import Iterator

import pytest

from tests.interop.peer import FedifyPeer, fedify_peer, require_peer


@pytest.fixture(scope="session")
def _fedify_process() -> Iterator[FedifyPeer]:
    require_peer()
    with fedify_peer() as peer:
        yield peer


@pytest.fixture(scope="session")
def _other_fedify_process() -> Iterator[FedifyPeer]:
    require_peer()
    with fedify_peer() as peer:
        yield peer


@pytest.fixture
def fedify(_fedify_process: FedifyPeer) -> FedifyPeer:
    """A Fedify server with one Person, fay, that remembers nothing of earlier tests but its keys."""
    _fedify_process.reset()
    return _fedify_process


@pytest.fixture
def other_fedify(_other_fedify_process: FedifyPeer) -> FedifyPeer:
    """A second one, with keys and memory of its own."""
    _other_fedify_process.reset()
    return _other_fedify_process
