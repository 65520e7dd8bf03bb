"""An activity on its way from the log to its handler."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.signatures.verify import VerifiedSender
from fedi_cluster.federation.vocab.types import Activity
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.kernel.json import Json

A = TypeVar("A", bound=Activity)


class Ignored(Refused):
    """Understood, and of no interest to anybody here: nothing is stored of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """`document` is the activity as it came; `forwarded` says that another than its actor signed it."""

    log_id: int
    sender: VerifiedSender
    document: Json
    received_at: datetime
    forwarded: bool


Handler = Callable[[Federation, Message, A], Awaitable[Outcome]]
"""Reads what is missing from the network, then returns what is to be written; may raise `Refused`."""


async def acting(federation: Federation, message: Message, actor: str) -> Actor:
    """The known actor who acts; only what she signed herself counts. Raises `Refused` otherwise."""
    if message.forwarded or message.sender.actor != actor:
        raise Refused("This activity must be signed by its own actor.", detail=actor)
    return await federation.actors.ensure(actor)
