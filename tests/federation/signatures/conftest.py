"""Pairs of keys and the readers of golden files that the tests of this room share."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fedi_cluster.federation.signatures.keys import PrivateKeys, ed25519_pem_of, generate_pair
from fedi_cluster.kernel.json import Json


@pytest.fixture(scope="session")
def ala() -> PrivateKeys:
    """A fresh pair of an actor of ours."""
    return PrivateKeys("https://szczecin.example/actors/ala", *generate_pair())


@pytest.fixture(scope="session")
def read(shared: Path) -> Callable[[str], Json]:
    """Reads a JSON file of the shared folder by its path there."""

    def reader(name: str) -> Json:
        found: Json = json.loads((shared / name).read_text("utf-8"))
        return found

    return reader


@pytest.fixture(scope="session")
def golden_pairs(read: Callable[[str], Json]) -> dict[str, PrivateKeys]:
    """The test keys of the golden documents by actor."""
    listed = read("design/golden/test-keys.json")["keys"]
    assert isinstance(listed, list)
    return {
        key["actor"]: PrivateKeys(
            key["actor"], key["rsaPrivateKeyPem"], ed25519_pem_of(bytes.fromhex(key["ed25519SeedHex"]))
        )
        for key in listed
    }
