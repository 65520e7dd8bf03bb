"""The ledger: which version stays, what is listed, and that the digest of a day follows."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import event

from fedi_cluster.community.regions import digests, ledger, periods
from fedi_cluster.community.regions.shapes import Listed, Period
from tests.builders import FAR, START, Hands

PREFIX = f"https://{FAR}/cluster/digest"


def note(number: int = 1, later: float = 0, *, deleted: bool = False) -> Listed:
    """A version of a note, so many seconds after it was published."""
    version = START + timedelta(seconds=later)
    return Listed(f"https://{FAR}/objects/{number}", "Note", START, version, deleted)


def root(hands: Hands) -> Period:
    """All that FAR has."""
    return hands.do(digests.period, FAR, PREFIX, "")


def test_what_is_kept_is_listed_later(hands: Hands) -> None:
    empty = root(hands).digest
    hands.do(ledger.put, note(), listed=False, document=b"{}")
    assert root(hands).digest == empty
    assert hands.do(ledger.enlist, note().uri)
    listed = root(hands).digest
    assert listed != empty
    hands.do(ledger.enlist, note().uri)
    assert root(hands).digest == listed
    hands.do(ledger.unlist, note().uri)
    assert root(hands).digest == empty
    assert not hands.do(ledger.enlist, "https://nowhere.example/1")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_whatever_comes_first_the_same_row_stays(hands: Hands, order: tuple[int, ...]) -> None:
    acts: list[Callable[[], object]] = [
        lambda: hands.do(ledger.put, note(later=0), listed=True),
        lambda: hands.do(ledger.put, note(later=5), listed=False, document=b"{}"),
        lambda: hands.do(ledger.put, note(later=3, deleted=True), listed=False, document=b"gone"),
        lambda: hands.do(ledger.put, note(later=9), listed=False, document=b"{}"),
    ]
    for place in order:
        acts[place]()
    found = hands.see(ledger.held, note().uri)
    assert found is not None
    assert (found.what, found.document, found.listed) == (note(later=3, deleted=True), b"gone", True)
    (part,) = root(hands).parts
    assert part.digest == periods.digest_of_parts(PREFIX, hands.do(digests.days, FAR, "2026-11"))
    assert hands.do(digests.period, FAR, PREFIX, "2026-11-25").rows == (note(later=3, deleted=True),)


def test_a_verified_copy_is_not_replaced_by_the_same_version(hands: Hands) -> None:
    hands.do(ledger.put, note(), listed=True, document=b"one")
    hands.do(ledger.put, note(), listed=True, document=b"two")
    (waiting,) = hands.see(ledger.unverified, 10)
    assert waiting.document == b"two"
    hands.do(ledger.note_verified, [(waiting, b"two", True)])
    assert not hands.do(ledger.put, note(), listed=True, document=b"three")
    found = hands.see(ledger.held, note().uri)
    assert found is not None
    assert (found.document, found.verified) == (b"two", True)
    assert hands.see(ledger.is_all_verified, FAR)
    hands.do(ledger.put, note(later=1), listed=True, document=b"four")
    assert not hands.see(ledger.is_all_verified, FAR)
    # What was looked at meanwhile is not said of the newer version.
    hands.do(ledger.note_verified, [(waiting, None, False)])
    found = hands.see(ledger.held, note().uri)
    assert found is not None
    assert (found.document, found.verified) == (b"four", None)


def test_copies_of_all_instances_are_looked_at_together(hands: Hands) -> None:
    other = Listed("https://other.example/objects/1", "Note", START, START)
    for what in (*(note(number) for number in range(5)), other):
        hands.do(ledger.put, what, listed=True, document=b"{}")
    assert [one.what.host for one in hands.see(ledger.unverified, 4)] == ["other.example", FAR, FAR, FAR]
    assert len(hands.see(ledger.unverified, 1)) == 1


def test_a_digest_reads_no_documents(hands: Hands) -> None:
    hands.do(ledger.put, note(), listed=True, document=b"{}")
    said: list[str] = []

    def note_statement(*given: object) -> None:
        said.append(str(given[2]))

    event.listen(hands.db.engine, "before_cursor_execute", note_statement)
    try:
        root(hands)
        day = hands.do(digests.period, FAR, PREFIX, "2026-11-25")
        (row,) = hands.see(digests.rows, FAR, "2026-11-25")
    finally:
        event.remove(hands.db.engine, "before_cursor_execute", note_statement)
    assert (row.what, row.document, row.verified) == (day.rows[0], None, None)
    read = [one for one in said if "FROM cluster_object" in one]
    assert len(read) == 3
    assert not [one for one in read if "document" in one]


def test_the_origin_has_the_last_word_on_a_day(hands: Hands) -> None:
    hands.do(ledger.put, note(), listed=True)
    moved = Listed(note().uri, "Note", START - timedelta(days=1), START - timedelta(days=1))
    assert not hands.do(ledger.put, moved, listed=True)
    assert hands.do(ledger.put, moved, listed=True, forced=True)
    assert [day.name for day in hands.do(digests.days, FAR)] == ["2026-11-24"]


def test_many_rows_are_told_by_what_is_narrower() -> None:
    rows = [
        Listed(f"https://{FAR}/objects/{n}", "Note", when := START + timedelta(seconds=7 * (n % 700)), when)
        for n in range(1400)
    ]
    day = digests.of_rows("2026-11-25", rows)
    assert [part.name for part in day.parts] == ["2026-11-25T09", "2026-11-25T10"]
    assert sum(part.total for part in day.parts) == 1400
    assert day.digest == periods.digest_of_rows(reversed(rows))
    inside = [row for row in rows if periods.name_at(row.published_at, 13) == "2026-11-25T09"]
    hour = digests.of_rows("2026-11-25T09", inside)
    assert hour.digest == day.parts[0].digest
    assert len(hour.parts) == 60
    second = digests.of_rows("2026-11-25T09:00:00", rows)
    assert len(second.rows) == 1400


@pytest.mark.parametrize(
    ("name", "first", "seconds"),
    [
        ("2026-02", "2026-02-01T00:00:00+00:00", 28 * 86_400),
        ("2026-12", "2026-12-01T00:00:00+00:00", 31 * 86_400),
        ("2026-11-25", "2026-11-25T00:00:00+00:00", 86_400),
        ("2026-11-25T09", "2026-11-25T09:00:00+00:00", 3_600),
        ("2026-11-25T09:30", "2026-11-25T09:30:00+00:00", 60),
        ("2026-11-25T09:30:07", "2026-11-25T09:30:07+00:00", 1),
    ],
)
def test_names_of_periods(name: str, first: str, seconds: int) -> None:
    start, end = periods.span(name)
    assert (start.isoformat(), (end - start).total_seconds()) == (first, seconds)
    assert periods.name_at(start, len(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026",
        "2026-13",
        "2026-1 ",
        "2026-02-30",
        "2026-11-25 09",
        "2026-11-25T9",
        "../../../x",
        "２０２６-11",
    ],
)
def test_what_is_no_period(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|month|day|match|convert"):
        periods.span(name)
