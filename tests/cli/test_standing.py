"""How `cluster status` words what was found when a sister was compared."""

from dataclasses import replace

import pytest

from fedi_cluster.cli.standing import Sister

IN_STEP = Sister(
    host="rostock.example",
    name="Rostock",
    state="member",
    admitted=True,
    compare_state="in_step",
    compare_error=None,
    missing=0,
    offered=0,
    held_for_us=0,
    checked_at="2026-11-25T09:00:00Z",
    away_since=None,
    waiting=0,
    given_up=0,
    error=None,
    last_heard=None,
    heard="never",
    checked="2 min ago",
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "in step (checked 2 min ago)"),
        ({"compare_state": "none"}, "not compared yet"),
        ({"compare_state": "running", "missing": 7}, "7 missing (checked 2 min ago)"),
        (
            {"offered": 2, "held_for_us": 1},
            "2 offered to it: it lost them, 1 of ours held there: run “cluster recover” (checked 2 min ago)",
        ),
        (
            {"compare_state": "behind", "compare_error": "The digest is of the future."},
            "cannot be compared: The digest is of the future.",
        ),
        (
            {"away_since": "2026-11-25T08:00:00Z", "missing": 3, "compare_error": "refused"},
            "does not answer since 2026-11-25T08:00:00Z",
        ),
    ],
)
def test_copies_in_words(changes: dict[str, object], told: str) -> None:
    assert replace(IN_STEP, **changes).copies == told  # type: ignore[arg-type]
