"""Many followers, accounts and posts, put in by rows: copies of what the acts of the community wrote themselves.

Every table that an act wrote into is filled, whatever it is, so that nothing that costs is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.tables.actors import actor
from fedi_cluster.storage.tables.relationships import follow
from tests.benchmarks.measure import CannotRun
from tests.benchmarks.peers import Place as Address
from tests.benchmarks.place import Place

_AT_ONCE = 2_000
# Far above the ids of today, so that a copy meets no other row; below 2^63.
FIRST_ID = 1 << 61

Row = dict[str, Any]


def add_followers(place: Place, addresses: Sequence[Address], target: str = "office") -> None:
    """On each address an instance with one follower of a local account; made from the sister's region, which
    follows ours."""
    engine = open_engine(place.database_url)
    try:
        with engine.begin() as connection:
            local = sa.select(actor).where(actor.c.local.is_(True), actor.c.username == target)
            followed = connection.execute(local).mappings().one()
            stranger, tie = _a_follower(connection)
            actors, ties = [], []
            for number, (host, port) in enumerate(addresses):
                authority = f"{host}:{port}"
                actors.append(_copied(stranger, FIRST_ID + number, f"http://{authority}/users/reader"))
                fresh = {"id": FIRST_ID + number, "follower_id": FIRST_ID + number}
                uri = f"http://{authority}/follows/1"
                ties.append({**tie, **fresh, "target_id": followed["id"], "uri": uri})
            insert(connection, actor, actors)
            insert(connection, follow, ties)
    finally:
        engine.dispose()


def _a_follower(connection: sa.Connection) -> tuple[Row, Row]:
    found = connection.execute(
        sa.select(follow.c.id, follow.c.follower_id)
        .join(actor, actor.c.id == follow.c.follower_id)
        .where(actor.c.local.is_(False), follow.c.state == "accepted")
        .limit(1)
    ).first()
    if found is None:
        raise CannotRun("the sister does not follow us")
    tie = connection.execute(sa.select(follow).where(follow.c.id == found.id)).mappings().one()
    stranger = connection.execute(sa.select(actor).where(actor.c.id == found.follower_id)).mappings().one()
    return dict(stranger), dict(tie)


def _copied(stranger: Mapping[str, Any], identifier: int, uri: str) -> Row:
    """The same actor with another id: every address that it names lies under the new one."""
    old, authority = str(stranger["uri"]), uri.split("/")[2]
    fresh = {
        name: value.replace(old, uri) if isinstance(value, str) else value for name, value in stranger.items()
    }
    shared = f"http://{authority}/inbox"
    return fresh | {
        "id": identifier,
        "host": authority,
        "handle_host": authority,
        "username": uri.rpartition("/")[2],
        "type": "Person",
        "shared_inbox": shared,
        "keys": [],
    }


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Inserts rows as they were read."""
    for some in _blocks(rows):
        connection.execute(sa.insert(table), some)


def _blocks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
