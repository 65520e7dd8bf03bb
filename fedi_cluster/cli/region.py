"""`region`: what this instance says of its region; it changes nothing."""

import click

from fedi_cluster.cli.common import asynchronous, config_option, office, the_house


@click.group()
@config_option
def region() -> None:
    """The region of this instance.

    \b
    Example:
      fedi-cluster region show
    """


@region.command()
@config_option
@asynchronous
async def show() -> None:
    """Show the region: its names and addresses, who writes for it, who follows it.

    \b
    Example:
      fedi-cluster region show
    """
    from fedi_cluster.community.instances import queries as instance_queries
    from fedi_cluster.community.regions import queries
    from fedi_cluster.community.relationships.queries import count_followers
    from fedi_cluster.kernel.clock import to_wire
    from fedi_cluster.kernel.text import plain_text
    from fedi_cluster.storage.unit import Reader

    async with the_house() as house:

        def read(reader: Reader) -> list[tuple[str, str]]:
            group = queries.region(reader)
            cluster = instance_queries.cluster(reader)
            sisters = instance_queries.sisters(reader, house.at.host)
            return [
                ("Name", group.name),
                ("Short name", house.settings.region),
                ("Handle", f"@{group.handle}"),
                ("Page", group.url),
                ("Id", group.uri),
                ("Language", group.language or ""),
                ("About", plain_text(group.summary)),
                ("Editorial account", f"@{office(reader).handle}"),
                ("Instance actor", queries.instance_actor(reader).uri),
                ("Followers", str(count_followers(reader, group.id))),
                ("Founded", to_wire(group.published_at)),
                ("Cluster", cluster.urn if cluster and sisters else "none"),
                ("Sisters", ", ".join(one.host for one in sisters) or "none"),
            ]

        rows = await house.db.read(read)
    for head, value in rows:
        click.echo(f"{head:<18} {value}")
