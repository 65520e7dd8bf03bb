"""What the project's papers claim, taken from their Markdown: paths, tests, commands; it judges nothing."""

import ast
import re

from tests.house.source import ROOT, Function

_TEST = re.compile(r"`(tests/[\w/.-]+?)(?:::(\w+))?`")
_MAP_ROW = re.compile(r"^\| `([\w./-]+(?:/|\.py))` \| (.+?) \|$", re.M)


def read(name: str) -> str:
    """A paper by its path below the root; fails the test that reads a missing one."""
    path = ROOT / name
    assert path.is_file(), f"{name} is missing"
    return path.read_text("utf-8")


def named_tests(text: str) -> list[tuple[str, str | None]]:
    """Every `tests/...` in backticks, with the function behind `::`."""
    return [(found[1], found[2]) for found in _TEST.finditer(text)]


def missing_test(path: str, function: str | None) -> str | None:
    """What is wrong with a named test, or None where it is there."""
    whole = ROOT / path
    if whole.is_dir():
        return None if any(whole.rglob("test_*.py")) else f"{path} has no tests"
    if not whole.is_file():
        return f"{path} is missing"
    if function is None:
        return None
    tree = ast.parse(whole.read_text("utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, Function)}
    return None if function in names else f"{path} has no {function}"


def rooms_on_the_map() -> dict[str, str]:
    """Path to sentence, from the tables of CONTRIBUTING.md."""
    rows = _MAP_ROW.findall(read("CONTRIBUTING.md"))
    double = {path for path, _ in rows if [row[0] for row in rows].count(path) > 1}
    assert not double, f"more than once on the map: {', '.join(sorted(double))}"
    return dict(rows)
