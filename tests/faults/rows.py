"""All rows of a town taken out and put back: a fresh start for the next of a thousand runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.unit import Reader, Unit
from tests.towns.town import Town

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


async def rows(town: Town) -> Rows:
    """What each table holds now."""

    def read(reader: Reader) -> Rows:
        return {
            table.name: [
                dict(row)
                for row in reader.connection.execute(
                    select(table).order_by(*table.primary_key.columns)  # a parent before its answers
                ).mappings()
            ]
            for table in metadata.sorted_tables
        }

    return await town.house.db.read(read)


async def put_back(town: Town, before: Rows) -> None:
    """Makes the tables hold again what they held."""

    def write(unit: Unit) -> None:
        for table in reversed(metadata.sorted_tables):
            unit.connection.execute(delete(table))
        for table in metadata.sorted_tables:
            if found := before[table.name]:
                unit.connection.execute(insert(table), [dict(row) for row in found])

    await town.house.db.write(write)
