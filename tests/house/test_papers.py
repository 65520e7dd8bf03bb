"""The papers say what is so: tests, commands and targets that they name exist; decisions are complete."""

import re

import pytest

from tests.house.papers import missing_test, named_tests, read
from tests.house.source import ROOT, told

DECISIONS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/decisions").glob("*.md"))
PARTS = ("Context.", "Decision.", "Cost.", "Not chosen.", "Guarded by.")
_COMMAND = re.compile(r"(?:^|`)fedi-cluster ([a-z][a-z ]*)", re.M)
_TARGET = re.compile(r"(?:^|`)make ([a-z-]+)", re.M)


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(re.findall(r"/(\d{4})-[a-z0-9-]+\.md$", path)[0]) for path in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", DECISIONS)
def test_a_decision_has_its_five_parts_and_a_test(path: str) -> None:
    text = read(path)
    assert text.startswith(f"# {path.rsplit('/', maxsplit=1)[-1][:4]}: ")
    places = [text.find(f"**{part}**") for part in PARTS]
    missing = [part for part, place in zip(PARTS, places, strict=True) if place < 0]
    assert not missing
    assert places == sorted(places), "the parts stand in another order"
    assert len(text.splitlines()) <= 60, "longer than a page"
    named = named_tests(text[places[-1] :])
    assert named, "no test guards it"
    faults = [fault for test in named if (fault := missing_test(*test))]
    assert not faults, told(faults)


@pytest.mark.parametrize("paper", ["FEDERATION.md", "README.md"])
def test_tests_that_a_paper_names_exist(paper: str) -> None:
    faults = [fault for test in named_tests(read(paper)) if (fault := missing_test(*test))]
    assert not faults, told(faults)


def test_every_line_of_federation_names_its_test() -> None:
    rows = [line for line in read("FEDERATION.md").splitlines() if line.startswith("| [")]
    assert rows
    faults = [row for row in rows if not named_tests(row)]
    assert not faults, told(faults)


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md"])
def test_targets_that_a_paper_names_exist(paper: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    assert set(_TARGET.findall(read(paper))) <= targets


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md", "FEDERATION.md"])
def test_commands_that_a_paper_names_exist(paper: str) -> None:
    import click

    from fedi_cluster.cli import main

    faults = []
    for words in _COMMAND.findall(read(paper)):
        command: click.Command | None = main
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            if command is None:
                faults.append(f"fedi-cluster {words.strip()}")
    assert not faults, told(faults)
