"""Ids grow, tell their moment, and are read back only where they can be ids."""

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedi_cluster.kernel.ids import IdSource, first_id_at, id_at, moment_of, parse_id

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(st.lists(MOMENTS, min_size=2, max_size=30))
def test_ids_of_a_source_grow_whatever_the_clock_does(moments: list[datetime]) -> None:
    source = IdSource()
    made = [source.new(moment) for moment in moments]
    assert all(one < other for one, other in itertools.pairwise(made))
    assert made[0] >= 0
    assert made[-1] < 2**63


@given(MOMENTS, st.lists(MOMENTS, min_size=1, max_size=30))
def test_no_id_up_to_a_border_is_given(border: datetime, moments: list[datetime]) -> None:
    source, last = IdSource(), id_at(border)
    source.begin_after(last)
    made = [source.new(moment) for moment in moments]
    assert made[0] > last
    assert all(one < other for one, other in itertools.pairwise(made))


def test_two_processes_behind_a_border_go_on_apart() -> None:
    border = id_at(datetime(2026, 11, 26, tzinfo=UTC))
    before = datetime(2026, 11, 25, tzinfo=UTC)
    made: set[int] = set()
    for _ in range(2):
        source = IdSource()
        source.begin_after(border)
        mine = [source.new(before) for _ in range(1000)]
        assert mine[0] > border
        assert mine[-1] < first_id_at(moment_of(border) + timedelta(seconds=62))
        made.update(mine)
    assert len(made) == 2000


@given(MOMENTS)
def test_an_id_tells_its_millisecond(moment: datetime) -> None:
    made = id_at(moment)
    assert moment_of(made) == moment - timedelta(microseconds=moment.microsecond % 1000)
    assert first_id_at(moment) <= made < first_id_at(moment + timedelta(milliseconds=1))
    assert parse_id(str(made)) == made


def test_what_claims_to_be_older_than_ids_has_one() -> None:
    """It was negative: no address could name it, and no list of answers showed it."""
    made = id_at(datetime(1900, 1, 1, tzinfo=UTC))
    assert 0 <= made < 2**16
    assert parse_id(str(made)) == made


def test_threads_never_get_the_same() -> None:
    source, now, made = IdSource(), datetime(2026, 11, 25, tzinfo=UTC), list[int]()
    threads = [
        threading.Thread(target=lambda: made.extend(source.new(now) for _ in range(500))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 2000


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", " 1", "1 ", "1\n", "x", "١", "²", "9223372036854775808", "1" * 20, "1_0"]
)
def test_what_is_no_id(text: str) -> None:
    assert parse_id(text) is None


def test_the_borders_of_ids() -> None:
    assert parse_id("0") == 0
    assert parse_id("9223372036854775807") == 2**63 - 1
