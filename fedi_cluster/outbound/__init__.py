"""The only HTTP client for strangers: guards addresses, size and time; it knows no ActivityPub and no key."""

from fedi_cluster.outbound.client import Outbound, Signer
from fedi_cluster.outbound.network import NetworkTransport
from fedi_cluster.outbound.transport import Answer, Bounds, Transport

__all__ = ["Answer", "Bounds", "NetworkTransport", "Outbound", "Signer", "Transport"]
