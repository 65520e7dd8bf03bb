"""What is asked for each batch that arrives takes indexes: else receiving costs more with each post that is kept."""

from pathlib import Path

import pytest

from fedi_cluster.community.posts.queries import posts, reactions
from fedi_cluster.community.regions import ledger
from fedi_cluster.federation.inbox import process
from fedi_cluster.federation.remote import lanes
from fedi_cluster.jobs import queue
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.migrate import upgrade
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.unit import Reader

_INDEX = {
    "posts": (posts._BY_URIS, "uri=?"),
    "tombstones": (posts._TOMBSTONES_OF, "uri=?"),
    "orphans": (posts._ALL_ORPHANS, "in_reply_to=?"),
    "orphans of one": (posts._ORPHANS_OF, "in_reply_to=?"),
    "reactions": (reactions._REACTIONS_OF, "uri=?"),
    "ledger": (ledger._BY_URIS, "uri=?"),
    "lanes that fail": (lanes._FAILING, "host=?"),
    "jobs that are taken": (queue._TAKE, "rowid=?"),
    "ends of what arrived": (process._MARK, "rowid=?"),
}


@pytest.mark.parametrize("name", _INDEX)
def test_what_names_several_takes_its_index(name: str, tmp_path: Path) -> None:
    statement, column = _INDEX[name]
    url = f"sqlite:///{tmp_path}/plans.sqlite"
    upgrade(url)
    db = Database(url, SystemClock(), IdSource())
    steps = [step for step in db.read_now(_plan, statement) if "json_each" not in step]
    found = [step for step in steps if step.startswith(("SCAN", "SEARCH"))]
    assert found
    assert all(step.startswith("SEARCH") and column in step for step in found), steps
    db.close()


def _plan(reader: Reader, statement: Prepared) -> list[str]:
    text = statement._for(reader.dialect).text
    rows = reader.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ('["a"]',) * text.count("?"))
    return [str(row[3]) for row in rows]
