"""The benchmarks cannot rot: each of them runs with small numbers and writes what `make bench` promises."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import DEFAULT, main
from tests.benchmarks.measure import ROOT, Round, figure, percentile
from tests.benchmarks.table import as_markdown, write_into

NAMES = {
    "inbox_accept", "inbox_process", "deliver", "enqueue_10k_instances", "home_timeline", "cluster_timeline",
    "publish", "webfinger", "actor_document", "region_page", "cold_start", "idle",
}  # fmt: skip
MEMBERS = {"name", "value", "unit", "floor", "ratio", "rss_mib", "cpu_ms"}


def test_every_promised_figure_is_there() -> None:
    assert set(DEFAULT) == NAMES


def test_each_runs_and_writes_its_figure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--small", "--folder", str(tmp_path)],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "latest.json").read_text("utf-8"))
    by_name = {row["name"]: row for row in rows}
    assert by_name.keys() >= NAMES
    for row in rows:
        assert row.keys() == MEMBERS
        assert row["value"] > 0, row
    for name in NAMES:
        row = by_name[name]
        assert row["floor"] > 0, row
        assert row["rss_mib"] > 1, row
        assert row["cpu_ms"] is not None, row
        assert f"\n{name} " in f"\n{done.stdout}", done.stdout
        assert f"| `{name}` |" in as_markdown(rows)


def test_the_page_takes_the_tables_between_its_marks(tmp_path: Path) -> None:
    rows = [
        {"name": name, "value": 10.0, "unit": "x", "floor": 1.0, "ratio": 10.0, "rss_mib": 1.0, "cpu_ms": 2.0}
        for name in ("inbox_process", "deliver", "publish", "region_page", "publish_1000_posts")
    ]
    page = tmp_path / "sizing.md"
    page.write_text((ROOT / "docs" / "sizing.md").read_text("utf-8"), "utf-8")
    write_into(page, rows)
    once = page.read_text("utf-8")
    # 100 members: half a post to 20 instances, ten received, twenty pages, 2 ms each.
    assert "| 100 | 20 | 8 s | under 1 % |" in once
    assert once.index("| `deliver` | 10 x | 1 | 10 | 1 | 2 |") < once.index("| `publish_1000_posts` |")
    assert once.endswith("for `idle` for one second.\n")
    write_into(page, rows)
    assert page.read_text("utf-8") == once


def test_an_unknown_name_is_told_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_thing", "--small", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "there is no no_such_thing; there are: inbox_accept," in told
    assert not (tmp_path / "latest.json").exists()


def test_a_figure_is_the_median_of_its_rounds() -> None:
    rounds = [Round(100, 200, 50, 1), Round(300, 400, 70, 3), Round(200, 1000, 60, 2)]
    found = figure("some", "posts/s", rounds)
    assert (found.value, found.floor, found.ratio) == (200, 400, 0.5)
    assert (found.rss_mib, found.cpu_ms) == (70, 2)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], share) == expected
