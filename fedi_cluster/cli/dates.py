"""Dates as people type them, in the instance's time zone, and how long ago a moment was; no other text."""

from datetime import datetime
from zoneinfo import ZoneInfo

from fedi_cluster.kernel.errors import Invalid


def parse_moment(text: str, zone: str) -> datetime:
    """An ISO 8601 date or time as an aware datetime; without an offset it is meant in `zone` (IANA name).

    A date alone is its beginning. Raises `Invalid` where it is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(f"“{text}” is no date; write 2026-11-23 or 2026-11-23T09:00.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago an aware moment was, in the largest unit that fits: `3 min ago`; `never` for None."""
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for length, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {name} ago"
    return f"{seconds} s ago"
