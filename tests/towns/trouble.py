"""What goes wrong in a town or on its way: rows that its database refuses, and answers that never come."""

import asyncio
from collections.abc import Callable, Mapping

from sqlalchemy import text

from fedi_cluster.outbound import Answer, Bounds
from fedi_cluster.storage.engine import is_sqlite
from tests.towns.town import Town
from tests.towns.transport import TownTransport


async def refuse_rows(town: Town, act: str, when: str) -> None:
    """From now on the database of a town refuses certain rows, as a fault of ours would have it.

    `act` is one on a table (`INSERT ON post`), `when` a condition on the row `NEW`.
    """
    if is_sqlite(town.house.db.engine):
        lines = [
            f"CREATE TRIGGER trouble BEFORE {act} FOR EACH ROW WHEN {when}"
            " BEGIN SELECT RAISE(ABORT, 'a fault of ours'); END"
        ]
    else:
        lines = [
            "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RAISE check_violation USING MESSAGE = ''a fault of ours''; END'",
            f"CREATE TRIGGER trouble BEFORE {act} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION trouble()",
        ]
    await town.house.db.write(lambda unit: [unit.connection.execute(text(line)) for line in lines])


async def take_rows(town: Town, table: str) -> None:
    """Its table takes all rows again."""
    line = "DROP TRIGGER trouble" if is_sqlite(town.house.db.engine) else f"DROP TRIGGER trouble ON {table}"
    await town.house.db.write(lambda unit: unit.connection.execute(text(line)))


class SlowTransport:
    """Before a transport: requests wait so many `seconds` where `is_slow` says so of their address."""

    def __init__(self, inner: TownTransport, is_slow: Callable[[str], bool], seconds: float) -> None:
        self._exchange = inner.exchange
        self.is_slow = is_slow
        self.seconds = seconds
        inner.exchange = self.exchange  # type: ignore[method-assign]  # every house has this very transport

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """One request, in its own time."""
        if self.is_slow(url):
            await asyncio.sleep(self.seconds)
        return await self._exchange(method, url, headers, body, bounds)
