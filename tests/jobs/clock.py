"""A clock that stands still until the test moves it; it moves nothing else."""

from datetime import UTC, datetime, timedelta


class MovedClock:
    """The time that the test says."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment as an aware datetime in UTC."""
        return self._now

    def move(self, **parts: float) -> None:
        """Go on by `timedelta(**parts)`."""
        self._now += timedelta(**parts)
