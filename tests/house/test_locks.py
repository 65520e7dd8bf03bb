"""Lock files pin everything by hash, agree with each other, and name no index that they came from."""

import json
import re
import tomllib

import pytest

from tests.house.papers import read
from tests.house.source import ROOT, files, told

_PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)( ; [^\\]+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
LOCKS = ["requirements.lock", "requirements-test.lock"]


def _pins(name: str) -> dict[tuple[str, str], str]:
    """Package and its condition to version."""
    found = (_PINNED.match(line) for line in read(name).splitlines())
    return {(pin[1], pin[3] or ""): pin[2] for pin in found if pin}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_pin_a_hash_or_a_remark(name: str) -> None:
    faults = [
        line
        for line in read(name).splitlines()
        if not (_PINNED.match(line) or _HASH.match(line) or line.startswith("    #"))
    ]
    assert not faults, told(faults)


@pytest.mark.parametrize("name", LOCKS)
def test_no_address_stands_in_a_lock(name: str) -> None:
    assert "://" not in read(name)


def test_tests_run_with_the_versions_that_servers_get() -> None:
    tested = {name: version for (name, _), version in _pins("requirements-test.lock").items()}
    faults = [
        f"{name} {version}, but tests have {tested.get(name)}"
        for (name, _), version in _pins("requirements.lock").items()
        if tested.get(name) != version
    ]
    assert not faults, told(faults)


def _normal(requirement: str) -> str:
    name = re.split(r"[\[<>=;! ]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"]
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-test.lock": [*project["project"]["dependencies"], *groups["test"], *groups["interop"]],
    }
    faults = [
        f"{name} is not in {lock}: run make lock"
        for lock, requirements in wanted.items()
        for name in map(_normal, requirements)
        if name not in {pinned for pinned, _ in _pins(lock)}
    ]
    assert not faults, told(faults)


def test_node_locks_name_no_registry() -> None:
    locks = [path for path in files() if path.name == "package-lock.json"]
    assert locks
    for path in locks:
        packages = json.loads(path.read_text("utf-8"))["packages"]
        resolved = [name for name, package in packages.items() if "resolved" in package]
        unhashed = [name for name, package in packages.items() if name and "integrity" not in package]
        assert not resolved + unhashed, told([f"{path.relative_to(ROOT)}: {resolved + unhashed}"])
        assert "omit-lockfile-registry-resolved=true" in (path.parent / ".npmrc").read_text("utf-8")
