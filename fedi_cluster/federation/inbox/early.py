"""What speaks of an object that is not here yet waits for it in the log, and is worked again when it comes.

A Like or an answer may overtake its post, and a post may come by another way than who likes it. Nothing is
fetched for it: what never comes is forgotten after 90 days. So that nobody fills the disk with what never
comes, little of each instance waits, and nothing big.
"""

from datetime import timedelta

from sqlalchemy import bindparam, delete, func, select

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import PostPublished
from fedi_cluster.federation.inbox.message import Ignored, Message
from fedi_cluster.federation.remote import log
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.prepared import Prepared, fixed
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.inbox import early as table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader, Unit

KEPT = timedelta(days=90)

MOST_OF_A_HOST = 500
MOST_BYTES = 16 * 1024

_BYTES = select(func.length(inbox_log.c.raw)).where(inbox_log.c.id == bindparam("log_id", type_=BigId))

_WAITING = Prepared(select(table.c.log_id).where(table.c.object == bindparam("uri")).limit(fixed(1)))
_ANY = Prepared(select(table.c.log_id).limit(fixed(1)))
_SOME = "early"


async def wait_for(federation: Federation, message: Message, uri: str) -> Outcome:
    """What remains to be done with a message about the post `uri`, which is not here: it waits.

    Raises `Ignored` where the post will never come: an id of ours, or one that was deleted. So does what
    remains to be done where MOST_OF_A_HOST of the sender's instance wait, or the body has over MOST_BYTES.
    """
    deleted = await federation.db.read(post_queries.tombstone, uri)
    if deleted or federation.at.is_ours(uri):
        raise Ignored("The post that it is about is not here.", detail=uri)
    return lambda unit: _keep(unit, message.log_id, message.sender.host, uri)


def _keep(unit: Unit, log_id: int, host: str, uri: str) -> None:
    here = _is_here(unit, uri)
    if not here:
        _refuse_much(unit, log_id, host)
    values = {"log_id": log_id, "object": uri, "host": host, "created_at": unit.now}
    insert_new(unit.connection, table, values)
    unit.forget(_SOME)
    if here:
        _release_later(unit, uri)  # it came between our look and this transaction


def _refuse_much(unit: Unit, log_id: int, host: str) -> None:
    if unit.connection.execute(_BYTES, {"log_id": log_id}).scalar_one() > MOST_BYTES:
        raise Ignored("The post that it is about is not here, and it is too big to wait for it.", detail=host)
    waiting = select(table.c.log_id).where(table.c.host == host).limit(MOST_OF_A_HOST).subquery()
    if unit.connection.execute(select(func.count()).select_from(waiting)).scalar_one() >= MOST_OF_A_HOST:
        raise Ignored("The post that it is about is not here, and much of its server waits.", detail=host)


def _is_here(reader: Reader, uri: str) -> bool:
    return (
        reader.connection.execute(select(post_table.c.id).where(post_table.c.uri == uri)).first() is not None
    )


def came(unit: Unit, _at: Addresses, published: PostPublished) -> None:
    """What waits for this post is to be worked again."""
    if not unit.held(_SOME, None, lambda: _ANY.first(unit) is not None):
        return
    post = post_queries.by_id(unit, published.post_id)
    if post is not None and _WAITING.first(unit, uri=post.uri) is not None:
        _release_later(unit, post.uri)


def _release_later(unit: Unit, uri: str) -> None:
    # Not in this transaction: who waits may be worked in it, too, and its end notes all as done.
    queue.enqueue(unit, "federation.early", {"uri": uri})


async def release(_federation: Federation, job: Job) -> Outcome:
    """The job that opens again in the log what waited for the post `uri`."""
    uri = str(job.payload["uri"])
    return lambda unit: _release(unit, uri)


def _release(unit: Unit, uri: str) -> None:
    waiting = unit.connection.execute(
        delete(table).where(table.c.object == uri).returning(table.c.log_id)
    ).scalars()
    log_ids = sorted(waiting)
    if log_ids:
        log.reopen(unit, log_ids)


def trim(unit: Unit, most: int = 1000) -> int:
    """Forgets what waited in vain for 90 days; gives how many, `most` at once."""
    old = select(table.c.log_id).where(table.c.created_at < unit.now - KEPT).limit(most)
    return unit.connection.execute(delete(table).where(table.c.log_id.in_(old))).rowcount
