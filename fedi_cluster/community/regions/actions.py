"""Acts of a region: announce what is addressed to it."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import PostPublished
from fedi_cluster.community.regions import rules
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit


def consider(unit: Unit, at: Addresses, published: PostPublished) -> None:
    """Announces a fresh post as the region where the rule says so."""
    if not published.local:
        return
    post = post_queries.by_id(unit, published.post_id)
    region = actor_queries.local(unit, REGION)
    if post and region and rules.announces(post, region.uri):
        post_actions.announce(unit, region, post, at.activity(unit.new_id()))
