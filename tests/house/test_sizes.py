"""No file has more than 400 lines and no function more than 60: what grows further is divided."""

from tests.house.source import modules, told

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60


def test_no_file_is_longer_than_400_lines() -> None:
    faults = [f"{m.path}: {m.lines} lines" for m in modules() if m.lines > MOST_LINES_OF_A_FILE]
    assert not faults, told(faults)


def test_no_function_is_longer_than_60_lines() -> None:
    faults = [
        f"{m.path}:{f.lineno} {f.name}: {lines} lines"
        for m in modules()
        for f in m.functions()
        if (lines := (f.end_lineno or f.lineno) - f.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]
    assert not faults, told(faults)
