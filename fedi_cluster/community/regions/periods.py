"""Periods of UTC time by their names, and digests over what lies in them; pure, it reads nothing.

Source: golden README, “Digests”. A day with more than `MOST_ROWS` rows is told by its hours, an hour by its
minutes; a minute, should an import fill one, by its seconds.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from fedi_cluster.community.regions.shapes import Listed, Part
from fedi_cluster.kernel.clock import to_wire

MOST_ROWS = 500
"""Rows that one document lists; a period with more of them lists narrower periods."""

# The length of a name says how long its period is; the empty name is all time.
_FORMS = {7: "%Y-%m", 10: "%Y-%m-%d", 13: "%Y-%m-%dT%H", 16: "%Y-%m-%dT%H:%M", 19: "%Y-%m-%dT%H:%M:%S"}
_LENGTHS = (0, *_FORMS)
_STEPS = {
    10: timedelta(days=1),
    13: timedelta(hours=1),
    16: timedelta(minutes=1),
    19: timedelta(seconds=1),
}
MONTH, DAY, SECOND = 7, 10, 19


def span(name: str) -> tuple[datetime, datetime]:
    """First moment (inclusive) and end (exclusive) of a period; raises ValueError for what is no name."""
    form = _FORMS.get(len(name))
    if form is None:
        raise ValueError("not the name of a period")
    start = datetime.strptime(name, form).replace(tzinfo=UTC)
    if start.strftime(form) != name:  # strptime also reads other spellings
        raise ValueError("not the name of a period")
    if len(name) == MONTH:
        return start, (start + timedelta(days=31)).replace(day=1)
    return start, start + _STEPS[len(name)]


def name_at(moment: datetime, length: int) -> str:
    """The name of the period of this length that an aware moment lies in."""
    return moment.astimezone(UTC).strftime(_FORMS[length])


def day_of(moment: datetime) -> str:
    """The UTC day of an aware moment."""
    return moment.astimezone(UTC).date().isoformat()


def narrower(name: str) -> int:
    """The length of the names one step below; raises ValueError below a second, or for what is no name."""
    if len(name) not in _LENGTHS[:-1]:
        raise ValueError("nothing is narrower")
    return _LENGTHS[_LENGTHS.index(len(name)) + 1]


def address(prefix: str, name: str) -> str:
    """The id of a period's document below the id of the root (`https://…/cluster/digest`)."""
    return f"{prefix}/{name}" if name else prefix


def digest_of_rows(rows: Iterable[Listed]) -> str:
    """SHA-256 over the lines of rows, in lower-case hex."""
    return _digest(
        f"{row.uri} {to_wire(row.version)} deleted\n"
        if row.deleted
        else f"{row.uri} {to_wire(row.version)}\n"
        for row in rows
    )


def digest_of_parts(prefix: str, parts: Iterable[Part]) -> str:
    """The same over narrower digests; `prefix` is the id of the root document, ours or another's."""
    return _digest(f"{address(prefix, part.name)} {part.digest}\n" for part in parts)


def _digest(lines: Iterable[str]) -> str:
    return sha256(b"".join(sorted(line.encode() for line in lines))).hexdigest()
