"""What the rooms of federation share at run time; it holds parts and decides nothing."""

import asyncio
from dataclasses import dataclass, field

from fedi_cluster.federation.remote.actors import RemoteActors
from fedi_cluster.federation.remote.digests import KnownPeriods
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.remote.keys import KeyRing
from fedi_cluster.federation.remote.log import InboxLog
from fedi_cluster.federation.remote.objects import RemoteObjects
from fedi_cluster.federation.remote.parcels import Parcels
from fedi_cluster.federation.remote.policies import Policies
from fedi_cluster.federation.remote.reach import Arrived, settle
from fedi_cluster.federation.remote.signing import OwnSigners
from fedi_cluster.http.kept_by_row import KeptByRow
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.outbound.client import Outbound
from fedi_cluster.outbound.places import Places
from fedi_cluster.settings import Settings
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.gather import Gatherer

_MOST_PROBES = 48


@dataclass(frozen=True, slots=True)
class Federation:
    """One instance's ways to speak with others.

    `arrived` writes down deliveries that were taken; `probes` are for lanes that fail, `places` for
    those that send. `digests` is what was read of a sister (by host) in a comparison that had to break off.
    """

    settings: Settings
    at: Addresses
    db: Database
    clock: Clock
    outbound: Outbound
    signers: OwnSigners
    policies: Policies
    parcels: Parcels
    arrived: Gatherer[Arrived]
    probes: asyncio.Semaphore
    places: Places
    log: InboxLog
    fetcher: Fetcher
    keys: KeyRing
    actors: RemoteActors
    objects: RemoteObjects
    documents: KeptByRow
    digests: dict[str, KnownPeriods] = field(default_factory=dict)


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
        policies=Policies(db, clock),
        parcels=Parcels(at),
        arrived=Gatherer(db, settle),
        probes=asyncio.Semaphore(_MOST_PROBES),
        places=Places(),
        log=InboxLog(db, clock, settings.limits),
        fetcher=fetcher,
        keys=KeyRing(db, clock, fetcher, actors, settings.limits),
        actors=actors,
        objects=RemoteObjects(at, db, clock, fetcher, actors),
        documents=KeptByRow(db),
    )
