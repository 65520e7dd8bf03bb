"""All tables, one file an idea; table files never import each other (foreign keys are texts)."""

from fedi_cluster.storage.tables import (
    actors,
    auth,
    cluster,
    federation,
    inbox,
    instances,
    jobs,
    posts,
    rate_limits,
    relationships,
    timelines,
)
from fedi_cluster.storage.tables.base import metadata

__all__ = [
    "actors",
    "auth",
    "cluster",
    "federation",
    "inbox",
    "instances",
    "jobs",
    "metadata",
    "posts",
    "rate_limits",
    "relationships",
    "timelines",
]
