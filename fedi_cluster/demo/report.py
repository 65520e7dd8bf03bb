"""What the demo check found: a table of checks, one of figures, whether all is well; it checks nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fedi_cluster.kernel.errors import ClusterError

MOST_FAULTS = 8
"""Faults of one check that are told; the others are counted."""


@dataclass
class Check:
    """One check; `faults` says what is wrong, in sentences."""

    name: str
    note: str = ""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its target, both in `unit`; above the target it is marked, and nothing fails."""

    name: str
    value: float | None
    target: float
    unit: str


@dataclass
class Report:
    """Everything that was checked and measured; `explain` may tell more when a check was broken off."""

    say: Callable[[str], None]
    explain: Callable[[], str] = str
    checks: list[Check] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    @contextmanager
    def check(self, name: str) -> Iterator[Check]:
        """One check, told when it is done; what is raised inside is its fault and goes no further."""
        found = Check(name)
        self.checks.append(found)
        began = time.monotonic()
        try:
            yield found
        except ClusterError as error:
            found.faults.append(f"{error} {self.explain()}".strip())
        finally:
            found.seconds = time.monotonic() - began
        told = found.note or "done"
        if found.faults:
            told = f"FAILED, {found.faults[0]}"
        self.say(f"  {found.seconds:5.1f} s  {name}: {told}")

    def measured(self, name: str, value: float | None, target: float, unit: str) -> None:
        """Keeps a figure."""
        self.figures.append(Figure(name, value, target, unit))

    @property
    def is_well(self) -> bool:
        """Whether no check has a fault."""
        return not any(one.faults for one in self.checks)

    def tell(self, seconds: float) -> None:
        """Prints both tables and all faults; `seconds` is how long everything took."""
        rows = [("CHECK", "", "SECONDS", "")]
        rows += [
            (one.name, "FAILED" if one.faults else "ok", f"{one.seconds:.1f}", one.note)
            for one in self.checks
        ]
        self.say("")
        _table(self.say, rows)
        self.say("")
        _table(self.say, [("FIGURE", "VALUE", "TARGET", ""), *(_row(one) for one in self.figures)])
        for one in self.checks:
            for fault in one.faults[:MOST_FAULTS]:
                self.say(f"\n{one.name}: {fault}")
            if len(one.faults) > MOST_FAULTS:
                self.say(f"{one.name}: and {len(one.faults) - MOST_FAULTS} more")
        failed = sum(bool(one.faults) for one in self.checks)
        ended = "All is well" if not failed else f"{failed} of {len(self.checks)} checks failed"
        self.say(f"\n{ended} after {seconds:.0f} s.")


def _row(figure: Figure) -> tuple[str, str, str, str]:
    target = f"< {figure.target:g} {figure.unit}"
    if figure.value is None:
        return figure.name, "not told here", target, ""
    mark = "" if figure.value < figure.target else "above its target"
    return figure.name, f"{figure.value:.1f} {figure.unit}", target, mark


def _table(say: Callable[[str], None], rows: Sequence[tuple[str, str, str, str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
