"""What follows after what, and which part fills which place; the only page that knows all rooms."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from fedi_cluster.community.actors.facts import ActorChanged, ActorCreated, ActorDeleted
from fedi_cluster.community.instances.facts import MemberEnded, MemberJoined, MembersChanged
from fedi_cluster.community.instances.queries import ids_after
from fedi_cluster.community.posts.facts import (
    Announced,
    Liked,
    PostDeleted,
    PostEdited,
    PostPublished,
    PostRecovered,
    Unannounced,
    Unliked,
)
from fedi_cluster.community.regions import actions as regions
from fedi_cluster.community.regions import listing
from fedi_cluster.community.relationships.facts import (
    Blocked,
    Followed,
    FollowRefused,
    FollowRequested,
    Unblocked,
    Unfollowed,
)
from fedi_cluster.federation.cluster import compare, greet, meet, verify
from fedi_cluster.federation.inbox import early, retention
from fedi_cluster.federation.inbox.process import process, retry
from fedi_cluster.federation.outgoing.deliver import deliver
from fedi_cluster.federation.outgoing.reactions import forward, members, posts, profiles, relationships
from fedi_cluster.federation.remote.context import Federation, open_federation
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.watched import watched
from fedi_cluster.jobs.worker import GiveUp, Handler, Locking, Outcome
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import Clock, SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.outbound.client import Outbound
from fedi_cluster.outbound.network import NetworkTransport
from fedi_cluster.outbound.transport import Transport
from fedi_cluster.settings import Settings
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unfinished import refuse_unfinished
from fedi_cluster.storage.unit import Unit
from fedi_cluster.telemetry.readiness import Readiness
from fedi_cluster.timelines import fanout, home

F = TypeVar("F")
Tell = Callable[[Unit, Addresses, Any], None]


@dataclass(frozen=True, slots=True)
class After:
    """What follows from a fact: `now` in its transaction, `tell` as jobs in the same transaction.

    `tell` runs where the actor who acted is ours (`fact.local`): what strangers did they tell themselves.
    """

    now: tuple[Tell, ...] = ()
    tell: tuple[str, ...] = ()


AFTER: Mapping[type, After] = {
    ActorCreated: After(now=(listing.actor_stated,)),
    ActorChanged: After(now=(listing.actor_stated,), tell=("federation.send_profile",)),
    ActorDeleted: After(now=(home.forget_actor, listing.actor_deleted)),
    FollowRequested: After(tell=("federation.send_follow",)),
    Followed: After(now=(home.add_followed, meet.begin_comparison), tell=("federation.send_accept",)),
    FollowRefused: After(now=(home.remove_unfollowed,), tell=("federation.send_reject",)),
    Unfollowed: After(now=(home.remove_unfollowed,), tell=("federation.send_unfollow",)),
    Blocked: After(now=(home.remove_blocked,), tell=("federation.send_block",)),
    Unblocked: After(tell=("federation.send_unblock",)),
    PostPublished: After(
        now=(early.came, home.add_published, regions.consider, listing.post_published),
        tell=("federation.send_post",),
    ),
    PostRecovered: After(tell=("federation.recall",)),
    PostEdited: After(now=(listing.post_edited,), tell=("federation.send_update",)),
    PostDeleted: After(
        now=(fanout.remove_deleted, home.remove_deleted, listing.post_deleted),
        tell=("federation.send_delete",),
    ),
    Announced: After(
        now=(fanout.add_announced, home.add_announced, listing.announced),
        tell=("federation.send_announce",),
    ),
    Unannounced: After(
        now=(fanout.remove_unannounced, home.remove_unannounced), tell=("federation.send_unannounce",)
    ),
    Liked: After(tell=("federation.send_like",)),
    Unliked: After(tell=("federation.send_unlike",)),
    MembersChanged: After(tell=("federation.send_members",)),
    MemberJoined: After(tell=("cluster.meet",)),
    MemberEnded: After(now=(meet.part,)),
}

# A job of a fact gets the fact back; it writes activities and deliveries, and needs no network.
TOLD: Mapping[str, tuple[type, Tell]] = {
    "federation.send_follow": (FollowRequested, relationships.send_follow),
    "federation.send_accept": (Followed, relationships.send_accept),
    "federation.send_reject": (FollowRefused, relationships.send_reject),
    "federation.send_unfollow": (Unfollowed, relationships.send_unfollow),
    "federation.send_block": (Blocked, relationships.send_block),
    "federation.send_unblock": (Unblocked, relationships.send_unblock),
    "federation.send_profile": (ActorChanged, profiles.send_profile),
    "federation.send_post": (PostPublished, posts.send_post),
    "federation.recall": (PostRecovered, posts.recall),
    "federation.send_update": (PostEdited, posts.send_update),
    "federation.send_delete": (PostDeleted, posts.send_delete),
    "federation.send_announce": (Announced, posts.send_announce),
    "federation.send_unannounce": (Unannounced, posts.send_unannounce),
    "federation.send_like": (Liked, posts.send_like),
    "federation.send_unlike": (Unliked, posts.send_unlike),
    "federation.send_members": (MembersChanged, members.send_members),
}

# These use the network before they write.
NETWORKED: Mapping[str, Callable[[Federation, Job], Awaitable[Outcome]]] = {
    "federation.process": process,
    "federation.retry": retry,
    "federation.trim": retention.trim,
    "federation.early": early.release,
    "federation.deliver": deliver,
    "federation.forward": forward.forward,
    "cluster.ask": members.ask_to_join,
    "cluster.meet": meet.meet,
    "cluster.compare": compare.compare,
    "cluster.verify": verify.verify,
    "cluster.greet_all": greet.greet_all,
    "cluster.greet": greet.greet,
}


@dataclass(frozen=True, slots=True)
class House:
    """One instance, put together; `handlers` are for the worker of its jobs."""

    settings: Settings
    at: Addresses
    clock: Clock
    db: Database
    federation: Federation
    handlers: Mapping[str, Handler]
    readiness: Readiness


def open_house(
    settings: Settings, *, clock: Clock | None = None, transport: Transport | None = None
) -> House:
    """Opens the database of an instance and puts its parts together; nothing runs yet.

    Raises `Conflict` where a restore was killed and has to be run again.
    """
    refuse_unfinished(settings.data_dir)
    time = clock or SystemClock()
    at = Addresses(settings.base_url, settings.handle_domain)
    ids = IdSource()
    db = Database(settings.database_url, time, ids, partial(react, at))
    try:
        ids.begin_after(db.read_now(ids_after))
    except BaseException:
        db.close()
        raise
    outbound = Outbound(settings, transport or NetworkTransport(settings))
    federation = open_federation(settings, at, db, time, outbound)
    return House(settings, at, time, db, federation, handlers(federation), Readiness())


async def close_house(house: House) -> None:
    """Lets go of connections and of the database."""
    await house.federation.outbound.close()
    house.db.close()


def react(at: Addresses, unit: Unit, fact: object) -> None:
    """Runs what follows from a fact, inside its transaction."""
    after = AFTER[type(fact)]
    for step in after.now:
        step(unit, at, fact)
    if getattr(fact, "local", False):
        for kind in after.tell:
            queue.enqueue(unit, kind, asdict(fact), lane=_lane(fact))  # type: ignore[call-overload]


def _lane(fact: object) -> str | None:
    """What is told of one thing is told in its order: a Create before its Delete."""
    post_id = getattr(fact, "post_id", None)
    if post_id is not None:
        return f"tell:{post_id}"
    host = getattr(fact, "host", None)
    return f"meet:{host}" if host else "tell"


def handlers(federation: Federation) -> Mapping[str, Handler]:
    """The handler of each kind of job."""
    found: Mapping[str, Handler] = {
        **{kind: partial(_tell, federation.at, fact, step) for kind, (fact, step) in TOLD.items()},
        **{kind: partial(handler, federation) for kind, handler in NETWORKED.items()},
    }
    return {kind: watched(handler) for kind, handler in found.items()}


async def _tell(at: Addresses, fact: type[F], step: Tell, job: Job) -> Outcome:
    try:
        said = fact(**job.payload)
    except TypeError as error:
        raise GiveUp(f"its payload does not fit: {error}") from error
    return Locking(lambda unit: step(unit, at, said))
