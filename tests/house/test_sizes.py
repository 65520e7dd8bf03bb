"""No file has more than 400 lines and no function more than 60: what grows further is divided.

Migrations are left out: a step is written once, as one list, and never changed.
"""

from tests.house.source import Module, modules, told

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60


def _measured() -> list[Module]:
    return [m for m in modules() if not m.path.startswith("migrations/versions/")]


def test_no_file_is_longer_than_400_lines() -> None:
    faults = [f"{m.path}: {m.lines} lines" for m in _measured() if m.lines > MOST_LINES_OF_A_FILE]
    assert not faults, told(faults)


def test_no_function_is_longer_than_60_lines() -> None:
    faults = [
        f"{m.path}:{f.lineno} {f.name}: {lines} lines"
        for m in _measured()
        for f in m.functions()
        if (lines := (f.end_lineno or f.lineno) - f.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]
    assert not faults, told(faults)
