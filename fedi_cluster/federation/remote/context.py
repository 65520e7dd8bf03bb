"""What the rooms of federation share at run time; it holds parts and decides nothing."""

from dataclasses import dataclass

from fedi_cluster.federation.remote.actors import RemoteActors
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.remote.keys import KeyRing
from fedi_cluster.federation.remote.objects import RemoteObjects
from fedi_cluster.federation.remote.signing import OwnSigners
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.outbound.client import Outbound
from fedi_cluster.settings import Settings
from fedi_cluster.storage.database import Database


@dataclass(frozen=True, slots=True)
class Federation:
    """One instance's ways to speak with others."""

    settings: Settings
    at: Addresses
    db: Database
    clock: Clock
    outbound: Outbound
    signers: OwnSigners
    fetcher: Fetcher
    keys: KeyRing
    actors: RemoteActors
    objects: RemoteObjects


def open_federation(
    settings: Settings, at: Addresses, db: Database, clock: Clock, outbound: Outbound
) -> Federation:
    """The parts, put together."""
    signers = OwnSigners(db)
    fetcher = Fetcher(at, db, clock, outbound, signers)
    actors = RemoteActors(at, db, clock, fetcher)
    return Federation(
        settings=settings,
        at=at,
        db=db,
        clock=clock,
        outbound=outbound,
        signers=signers,
        fetcher=fetcher,
        keys=KeyRing(db, clock, fetcher, actors, settings.limits),
        actors=actors,
        objects=RemoteObjects(at, db, clock, fetcher, actors),
    )
