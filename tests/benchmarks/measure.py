"""Figures, and how they are taken: processor time and memory of a process, pinning, medians; it never judges."""

import json
import math
import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".bench"

_TICKS = os.sysconf("SC_CLK_TCK")
_CPUS = sorted(os.sched_getaffinity(0))

SERVER_CPU = _CPUS[0]
"""Where the measured process and its floor run where they are held to one processor."""

LOAD_CPU = _CPUS[-1]
"""Where load comes from and arrives: another processor where there are two."""


class CannotRun(Exception):
    """A benchmark that gives no figure; the text says why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure with its floor from the same run.

    `value` and `floor` are in `unit`, `ratio` is value by floor: of rates the share that is reached, of times
    and memory how much more it takes. `rss_mib` is the greatest memory of the measured process, in MiB;
    `cpu_ms` its processor time for one operation (for `idle`: for a second), in milliseconds. None where a
    figure has no such thing.
    """

    name: str
    value: float
    unit: str
    floor: float | None
    ratio: float | None
    rss_mib: float | None
    cpu_ms: float | None

    def line(self) -> str:
        """As it is printed."""
        return (
            f"{self.name:32} {_short(self.value):>10} {self.unit:14} floor {_short(self.floor):>10}"
            f"   ratio {_short(self.ratio):>7}   rss_mib {_short(self.rss_mib):>7}   cpu_ms {_short(self.cpu_ms):>8}"
        )


def _short(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


@dataclass(frozen=True, slots=True)
class Round:
    """One round: value and floor of the same moment, memory in MiB, processor time in ms an operation."""

    value: float
    floor: float | None = None
    rss_mib: float | None = None
    cpu_ms: float | None = None


def figure(name: str, unit: str, rounds: Sequence[Round]) -> Figure:
    """The medians of the rounds; the ratio is the median of the rounds' own, so that a busy minute counts once."""
    if not rounds:
        raise CannotRun(f"{name}: no round was measured")
    return Figure(
        name,
        _rounded(statistics.median(one.value for one in rounds)),
        unit,
        _median(one.floor for one in rounds),
        _median(one.value / one.floor if one.floor else None for one in rounds),
        max(sizes)
        if (sizes := [_rounded(one.rss_mib) for one in rounds if one.rss_mib is not None])
        else None,
        _median(one.cpu_ms for one in rounds),
    )


def _median(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return _rounded(statistics.median(known)) if known else None


def _rounded(number: float) -> float:
    """Five digits: more would claim more than was measured."""
    return float(f"{number:.5g}")


def cpu_ms(pid: int) -> float:
    """Processor time that a process and its ended threads took so far, in ms (steps of 10)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS


def rss_mib(pid: int, *, peak: bool = False) -> float:
    """Memory of a process that lies in RAM, in MiB; with `peak` the most since its start."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) / 1024
    raise CannotRun(f"process {pid} has no {wanted[:-1]}")


def pin(cpu: int) -> None:
    """Holds this process (and what it starts) to one processor."""
    os.sched_setaffinity(0, {cpu})


def pinned_pool(cpu: int) -> ProcessPoolExecutor:
    """One fresh process on one processor; it works what it is given one after the other."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=pin, initargs=(cpu,))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all do not exceed."""
    if not values:
        raise CannotRun("nothing was measured")
    place = math.ceil(round(share * len(values), 9))
    return sorted(values)[max(place, 1) - 1]


def keep(figures: Sequence[Figure], folder: Path = FOLDER) -> None:
    """Writes a run to `latest.json`; `all.json` keeps the newest of each name, for the table in the docs."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(one) for one in figures]
    _write(folder / "latest.json", rows)
    known = {str(row["name"]): row for row in read(folder / "all.json")}
    known |= {str(row["name"]): row for row in rows}
    _write(folder / "all.json", list(known.values()))


def read(file: Path) -> list[dict[str, object]]:
    """The rows of an earlier run; none where there was none."""
    if not file.exists():
        return []
    found: list[dict[str, object]] = json.loads(file.read_text("utf-8"))
    return found


def _write(file: Path, rows: Sequence[object]) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    fresh.replace(file)


def tell(text: str) -> None:
    """A line of progress, on standard error: standard output is for figures."""
    print(text, file=sys.stderr, flush=True)
