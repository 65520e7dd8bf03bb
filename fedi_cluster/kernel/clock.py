"""What time it is, always in UTC; code asks a clock that it was handed and never the machine."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time; tests hand in one that they move."""

    def now(self) -> datetime:
        """The present moment as an aware datetime in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment as an aware datetime in UTC."""
        return datetime.now(UTC)


def to_wire(moment: datetime) -> str:
    """An aware datetime as ActivityStreams text with whole seconds: `2026-11-23T09:00:00Z`.

    Whole seconds because one library writes proof times anew before hashing (golden rule 2).
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_second(moment: datetime) -> datetime:
    """The same moment without its fraction: what the wire can carry is what we store."""
    return moment.replace(microsecond=0)
