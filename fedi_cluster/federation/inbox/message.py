"""An activity on its way from the log to its handler."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.signatures.verify import VerifiedSender
from fedi_cluster.federation.vocab.types import Activity
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.unit import Reader

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


Handler = Callable[[Federation, Message, A], Coroutine[Any, Any, Outcome]]
"""Reads what is missing from the network, then returns what is to be written; may raise `Refused`."""


async def acting(federation: Federation, message: Message, actor: str, *, known_only: bool = False) -> Actor:
    """The known actor who acts; only what she signed herself counts. Raises `Refused` otherwise.

    `known_only` is for what only somebody can do whom we know already: no row is made for a stranger.
    """
    check_own(message, actor)
    if known_only and await federation.db.read(actor_queries.by_uri, actor) is None:
        raise Ignored("This account is not known here.", detail=actor)
    return await federation.actors.ensure(actor)


def check_own(message: Message, actor: str) -> None:
    """Raises `Refused` where another than the actor who acts signed it."""
    if message.forwarded or message.sender.actor != actor:
        raise Refused("This activity must be signed by its own actor.", detail=actor)


def meant(reader: Reader, uri: str) -> Actor:
    """The local actor who is meant; raises `Ignored` where there is none, before anything is read for it."""
    found = actor_queries.by_uri(reader, uri)
    if found is None or not found.local:
        raise Ignored("There is no such account here.", detail=uri)
    return found
