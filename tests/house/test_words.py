"""Nothing in the project names a machine's folders or a package index, and nothing is left half done."""

import re
from pathlib import Path

from tests.house.source import ROOT, files, told

# Written so that no pattern finds itself.
_PLACES = re.compile(
    r"(?<![\w.~-])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+)/"
    r"|registry\.(?:npmjs|yarnpkg)|pypi\.(?:org|io)|pythonhoste[d]|--(?:extra-)?index[-]url"
    r"|\"resolve[d]\": *\"http"
)
_HALF_DONE = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|NotImplementedErro[r]")
_SILENCED = re.compile(r"# *type: *ignor[e](?!\[)|# *noq[a](?!:)")
_NO_TEXT = {".woff2", ".png", ".jpg", ".webp", ".ico"}


def _found(pattern: re.Pattern[str], ending: str = "") -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}"
        for path in files()
        if path.name.endswith(ending) and path.suffix not in _NO_TEXT
        for number, line in enumerate(_lines(path), 1)
        if pattern.search(line)
    ]


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", errors="replace").splitlines()


def test_no_folder_of_a_machine_and_no_package_index_is_named() -> None:
    faults = _found(_PLACES)
    assert not faults, told(faults)


def test_nothing_is_left_half_done() -> None:
    faults = _found(_HALF_DONE)
    assert not faults, told(faults)


def test_no_check_is_silenced_without_its_name() -> None:
    faults = _found(_SILENCED, ".py")
    assert not faults, told(faults)
