"""What a test looks at in a town beyond its pages: row counts, the inbox log, waiting jobs, follows."""

from sqlalchemy import func, select

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.community.relationships.shapes import Follow
from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.tables.federation import delivery as delivery_table
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Reader, Unit
from tests.towns.town import Town


async def row_counts(town: Town) -> dict[str, int]:
    """How many rows each table has, but those that only count what was asked and trim themselves."""

    def read(reader: Reader) -> dict[str, int]:
        return {
            table.name: reader.connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if table.name not in {"key_attempt", "rate_limit"}
        }

    return await town.house.db.read(read)


async def verdicts(town: Town, activity_uri: object) -> list[tuple[str, str | None]]:
    """State and reason of each time that an activity stands in the inbox log."""

    def read(reader: Reader) -> list[tuple[str, str | None]]:
        rows = reader.connection.execute(
            select(inbox_log.c.state, inbox_log.c.reason).where(inbox_log.c.activity_uri == activity_uri)
        )
        return [(row.state, row.reason) for row in rows]

    return await town.house.db.read(read)


async def jobs(town: Town, lane: str | None = None) -> list[tuple[str, str, str | None]]:
    """Kind, state and last error of the jobs that wait or are dead, in their order; of one lane or all."""

    def read(reader: Reader) -> list[tuple[str, str, str | None]]:
        columns = job_table.c
        found = select(columns.kind, columns.state, columns.error).order_by(columns.id)
        if lane is not None:
            found = found.where(columns.lane == lane)
        return [(row.kind, row.state, row.error) for row in reader.connection.execute(found)]

    return await town.house.db.read(read)


async def deliveries(town: Town, host: str | None = None) -> list[tuple[str, str, str | None]]:
    """Inbox, state and last error of what waits to be sent or was given up, in order; to one host or all."""

    def read(reader: Reader) -> list[tuple[str, str, str | None]]:
        columns = delivery_table.c
        found = select(columns.inbox, columns.state, columns.error).order_by(columns.id)
        if host is not None:
            found = found.where(columns.host == host)
        return [(row.inbox, row.state, row.error) for row in reader.connection.execute(found)]

    return await town.house.db.read(read)


async def follow(town: Town, name: str, uri: str) -> tuple[Actor, Actor]:
    """A local actor asks to follow the actor with this id; gives both."""
    follower = await town.person(name)
    target = await town.house.federation.actors.ensure(uri)

    def write(unit: Unit) -> None:
        relationship_actions.follow(unit, follower, target, town.house.at.activity(unit.new_id()))

    await town.house.db.write(write)
    return follower, target


async def between(town: Town, follower: str, target: str) -> Follow | None:
    """The follow between two actors by their ids, as the town has it."""

    def read(reader: Reader) -> Follow | None:
        from_one, to_other = (
            reader.connection.execute(
                select(metadata.tables["actor"].c.id).where(metadata.tables["actor"].c.uri == uri)
            ).scalar()
            for uri in (follower, target)
        )
        if from_one is None or to_other is None:
            return None
        return relationship_queries.follow_between(reader, from_one, to_other)

    return await town.house.db.read(read)
