"""The only HTTP client for strangers: guards addresses, size and time; it knows no ActivityPub and no key."""

from fedi_cluster.outbound.client import Outbound, Signer
from fedi_cluster.outbound.transport import AiohttpTransport, Answer, Bounds, Transport

__all__ = ["AiohttpTransport", "Answer", "Bounds", "Outbound", "Signer", "Transport"]
