"""The rooms of federation as far as they need no network; whoever asks for more is told `NeedsNetwork`.

An activity that needs none is worked whole in one transaction; one that does begins again outside.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from fedi_cluster.federation.remote.actors import ReadActor, RemoteActors
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.remote.objects import RemoteObjects
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader, Unit

P = ParamSpec("P")
T = TypeVar("T")


class NeedsNetwork(Exception):
    """What is asked for lies on another server; no error, and nothing that anybody refuses."""


class _InsideDatabase:
    """Reads in the transaction that runs: what the one before has written is seen."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def read(self, fn: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return fn(self._unit, *args, **kwargs)

    async def write(self, fn: Callable[Concatenate[Unit, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        # A handler writes before its outcome only what it has fetched.
        raise NeedsNetwork


class _NoFetcher:
    async def document(self, uri: str) -> Json:
        raise NeedsNetwork

    async def part(self, uri: str) -> Json:
        raise NeedsNetwork

    async def webfinger(self, resource: str, host: str) -> str:
        raise NeedsNetwork


class _KnownActors(RemoteActors):
    async def read(self, uri: str, *, fresh: bool = False) -> ReadActor:
        raise NeedsNetwork


def inside(federation: Federation, unit: Unit) -> Federation:
    """The same instance for handlers that run inside `unit`."""
    # They read by `db.read` and nothing else; the rest of a Database is not for them.
    db = cast(Database, _InsideDatabase(unit))
    fetcher = cast(Fetcher, _NoFetcher())
    actors = _KnownActors(federation.at, db, federation.clock, fetcher)
    objects = RemoteObjects(federation.at, db, federation.clock, fetcher, actors)
    return replace(federation, db=db, fetcher=fetcher, actors=actors, objects=objects)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What a handler returns that waits for nothing; raises `NeedsNetwork` where it does wait."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    work.close()
    raise NeedsNetwork
