"""Running servers for the interop tests: Fedify, a second one that it proves itself with, and one of ours."""

from collections.abc import Iterator

import pytest

from tests.interop.peer import FedifyPeer, fedify_peer, require_peer
from tests.interop.region import RegionServer, running_region
from tests.plugins.databases import PostgresServer


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


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
)
def region_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegionServer]:
    """A region of our own, founded and served by its commands, once on each engine.

    It remembers what earlier tests did to it.
    """
    folder = tmp_path_factory.mktemp("interop") / "rostock"
    if request.param == "sqlite":
        with running_region(folder) as server:
            yield server
        return
    databases: PostgresServer = request.getfixturevalue("postgres_server")
    name = databases.create()
    with running_region(folder, "--database-url", databases.url(name)) as server:
        yield server
    databases.drop(name)
