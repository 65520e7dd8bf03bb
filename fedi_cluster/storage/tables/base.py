"""What all tables share: one MetaData with named constraints, and the column kinds of both engines."""

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite aliases only INTEGER PRIMARY KEY to the row id; both hold 64 bits there.
BigId = BigInteger().with_variant(Integer, "sqlite")

# `json` on PostgreSQL, never `jsonb`: that would sort the members of contentMap, whose first is the language.
OrderedJson = JSON()


def where(condition: str) -> dict[str, str]:
    """The `info` of an index over some rows only; the migration makes it so, and a test compares the two.

    SQLAlchemy's own words for it load the dialects of both databases, which is 3 MiB for nothing.
    """
    return {"where": condition}


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: aware datetimes in, aware datetimes out, on both engines."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses a naive datetime (`ValueError`): it would mean the machine's zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite gives naive texts back, which are UTC by the rule above."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
