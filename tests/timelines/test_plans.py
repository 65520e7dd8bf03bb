"""Every list finds its rows by an index, in its order: nothing is sorted, and no table is read whole."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.storage.engine import is_sqlite
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries
from tests.builders import START, Hands, actor_shape, post_shape

ACTOR = actor_shape(5)
PARTS = {
    "newest": PageRequest(20),
    "older": PageRequest(20, before=1 << 50),
    "newer": PageRequest(20, after=1 << 40),
}
LISTS: dict[str, Callable[[Reader, PageRequest], object]] = {
    "cluster": queries.cluster_spots,
    "region": lambda reader, ask: queries.cluster_spots(reader, ask, 7),
    "local": queries.local_spots,
    "profile": lambda reader, ask: queries.profile_spots(reader, ACTOR, ask),
    "home": lambda reader, ask: queries.home(reader, ACTOR, ask),
    "tag": lambda reader, ask: queries.tagged_spots(reader, "harbour", ask),
    "thread": lambda reader, _ask: queries.thread(reader, post_shape(ACTOR)),
    "newest of each": lambda reader, _ask: queries.newest_of_each(reader, [5, 7]),
    "cards": lambda reader, _ask: post_queries.stamps(reader, range(20)),
    "count": lambda reader, _ask: post_queries.count_of_author(reader, 5),
}


def plans(hands: Hands, ask: Callable[[Reader], object]) -> list[str]:
    """How the engine would find the rows of each statement that `ask` runs."""
    said: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, text: str, values: object, *_more: object) -> None:
        said.append((text, values))

    engine = hands.db.engine
    embedded = is_sqlite(engine)
    with engine.connect() as connection:
        if not embedded:
            # Small tables are read whole and sorted whatever indexes there are, unless that is forbidden.
            connection.exec_driver_sql(
                "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off"
            )
        sa.event.listen(connection, "before_cursor_execute", note)
        ask(Reader(connection, START))
        sa.event.remove(connection, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN " if embedded else "EXPLAIN "
        found = [
            str(row[-1])
            for text, values in said
            if text.startswith("SELECT")
            for row in connection.exec_driver_sql(explain + text, values)  # type: ignore[arg-type]
        ]
        connection.invalidate()
    return found


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_found_by_indexes_in_its_order(hands: Hands, name: str) -> None:
    for part, ask in PARTS.items():
        steps = plans(hands, lambda reader, ask=ask: LISTS[name](reader, ask))  # type: ignore[misc]
        assert steps, part
        # SQLite calls a walk along the primary key a scan: of cluster_post, newest first, it is the list.
        bad = [
            step
            for step in steps
            if re.search(r"TEMP B-TREE|Sort|Seq Scan", step)
            or (step.startswith("SCAN") and step != "SCAN cluster_post")
        ]
        assert not bad, (part, steps)
