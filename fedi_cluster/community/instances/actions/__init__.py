"""Acts on instances: what we learn of a server, and the membership of the cluster."""

from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.actions.known import heard_from, reached, remember_identity

__all__ = ["heard_from", "membership", "reached", "remember_identity"]
