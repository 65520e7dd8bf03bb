"""The figures of the last runs as the tables of `docs/sizing.md`; it measures nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- figures: make bench ARGS=--docs -->"
END = "<!-- end of figures -->"

_HEAD = "| figure | value | floor | ratio | memory MiB | CPU ms |\n|---|---|---|---|---|---|"
_GROWTH = ("_posts", "_instances", "_slow_of_")

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Location:
    """A location by its members: how many other instances get a post that is written there."""

    members: int
    instances: int


LOCATIONS = (Location(100, 20), Location(1_000, 100), Location(10_000, 300), Location(100_000, 1_000))
WRITTEN, RECEIVED, PAGES = 0.5, 10, 20
"""Of each member on each day: posts written, posts received, pages read. All are assumptions of the page."""

BUSIEST_HOUR = 0.15
"""Share of a day's work that falls into its busiest hour (an assumption, too)."""


def as_markdown(rows: Rows) -> str:
    """Three tables: what a location needs, the default run, and how cost grows; those that have figures."""
    grown = [row for row in rows if _is_growth(str(row["name"]))]
    plain = [row for row in rows if row not in grown]
    parts = [needs(rows), *(_table(part) for part in (plain, grown) if part)]
    return "\n\n".join(part for part in parts if part) or (
        "Nothing was measured yet: make bench, then make bench ONLY=growth."
    )


def write_into(page: Path, rows: Rows) -> None:
    """Replaces what stands between the two marks of a page; raises ValueError where it has none."""
    before, mark, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{page} has no place for the figures: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{as_markdown(rows)}\n\n{END}{after}", "utf-8")


def needs(rows: Rows) -> str:
    """What locations of some sizes need, computed from processor time for one operation; empty without figures."""
    cost = {str(row["name"]): row["cpu_ms"] for row in rows if isinstance(row["cpu_ms"], int | float)}
    wanted = ("inbox_process", "deliver", "publish", "region_page")
    if any(name not in cost for name in wanted):
        return ""
    receive, send, publish, page = (float(str(cost[name])) for name in wanted)
    lines = [
        "| members | other instances that get a post | processor time a day | of one processor in the busiest hour |",
        "|---|---|---|---|",
    ]
    for one in LOCATIONS:
        each = WRITTEN * (publish + one.instances * send) + RECEIVED * receive + PAGES * page
        seconds = one.members * each / 1000
        share = seconds * BUSIEST_HOUR / 3600
        lines.append(
            f"| {one.members:,} | {one.instances:,} | {_duration(seconds)} | "
            f"{'under 1' if share < 0.01 else f'{share:.0%}'.rstrip('%')} % |"
        )
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _is_growth(name: str) -> bool:
    return name != "enqueue_10k_instances" and any(part in name for part in _GROWTH)


def _table(rows: Rows) -> str:
    lines = [_HEAD]
    for row in rows:
        value = f"{_number(row['value'])} {row['unit']}"
        rest = [_number(row[name]) for name in ("floor", "ratio", "rss_mib", "cpu_ms")]
        lines.append(f"| `{row['name']}` | {value} | " + " | ".join(rest) + " |")
    return "\n".join(lines)


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
