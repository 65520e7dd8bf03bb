"""Dates as people type and read them."""

from datetime import UTC, datetime, timedelta

import pytest

from fedi_cluster.cli.dates import ago, parse_moment
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.errors import Invalid

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("2026-11-23", "2026-11-22T23:00:00Z"),
        ("2026-07-01T09:00", "2026-07-01T07:00:00Z"),
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("2026-11-23T09:00:00+05:30", "2026-11-23T03:30:00Z"),
    ],
)
def test_without_an_offset_the_zone_of_the_instance_is_meant(text: str, wire: str) -> None:
    assert to_wire(parse_moment(text, "Europe/Berlin")) == wire


@pytest.mark.parametrize("text", ["", "yesterday", "23.11.2026", "2026-13-01"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_moment(text, "Europe/Berlin")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7200, "2 h ago"),
        (200_000, "2 d ago"),
        (-9, "0 s ago"),
    ],
)
def test_the_largest_unit_that_fits(before: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=before), NOW) == said


def test_never_is_never() -> None:
    assert ago(None, NOW) == "never"
