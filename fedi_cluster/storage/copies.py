"""Copies of a whole database while it is used, and the way back; it knows no settings and no folder.

Each engine has its own way, with the same steps: `sqlite_copies` and `postgres_copies`.
"""

from pathlib import Path

import sqlalchemy

from fedi_cluster.storage.copy_shapes import Place


def place_of(url: str) -> Place:
    """The database of a URL that the settings have checked; it need not be there."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        from fedi_cluster.storage.sqlite_copies import SqlitePlace

        return SqlitePlace(Path(parsed.database or "").absolute())
    from fedi_cluster.storage.postgres_copies import PostgresPlace

    return PostgresPlace(url)
