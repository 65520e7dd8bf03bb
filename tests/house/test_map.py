"""The map in CONTRIBUTING.md is true both ways: every room stands on it, and everything on it is there."""

from pathlib import Path

from tests.house.papers import rooms_on_the_map
from tests.house.source import PACKAGE, ROOT, files, told

_UNDER_TESTS = "tests"
_DEEPEST = 3  # fedi_cluster/community/posts


def _rooms() -> set[str]:
    """Packages down to the third level, modules at the package's top, folders of tests and of the top."""
    found = set()
    for path in files():
        parts = path.relative_to(ROOT).parts
        if len(parts) > 1 and not parts[0].startswith("."):
            found.add(f"{parts[0]}/")
        if path.is_relative_to(PACKAGE) and path.name == "__init__.py":
            found.add("/".join(parts[:-1][:_DEEPEST]) + "/")
        if path.parent == PACKAGE and path.suffix == ".py" and path.name != "__init__.py":
            found.add("/".join(parts))
        if parts[0] == _UNDER_TESTS and len(parts) > 2:
            found.add(f"{parts[0]}/{parts[1]}/")
    return found


def test_every_room_is_on_the_map() -> None:
    faults = sorted(_rooms() - rooms_on_the_map().keys())
    assert not faults, told([f"not on the map: {room}" for room in faults])


def test_everything_on_the_map_is_there() -> None:
    faults = [path for path in rooms_on_the_map() if not Path(ROOT, path).exists()]
    assert not faults, told([f"on the map, but not there: {room}" for room in faults])


def test_every_room_is_told_in_a_sentence() -> None:
    faults = [path for path, sentence in rooms_on_the_map().items() if not sentence.endswith(".")]
    assert not faults, told([f"no whole sentence: {room}" for room in faults])
