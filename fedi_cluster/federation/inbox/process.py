"""The job that works one logged activity: parse, read what is missing, then one transaction."""

from datetime import timedelta
from typing import Any, Literal, cast

from sqlalchemy import select, update

from fedi_cluster.federation.inbox.handlers.table import HANDLERS
from fedi_cluster.federation.inbox.message import Ignored, Message
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.signatures.verify import sender_from_log
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Unreadable
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, nothing
from fedi_cluster.kernel.errors import Gone, NotFound, Refused, Unreachable
from fedi_cluster.kernel.json import parse_object
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Reader, Unit

_MOST_ATTEMPTS = 8
# An activity that fails by a fault of ours must not hold back what its sender says next.
_MOST_IN_LANE = 2
_FIRST_WAIT = timedelta(seconds=30)


async def process(federation: Federation, job: Job) -> Outcome:
    """Works the activity of `log_id`; its effect and the note in the log are one transaction.

    Where a third server does not answer, the activity leaves the lane and is tried again later, so that
    what follows from its sender does not wait.
    """
    log_id, attempt = cast(int, job.payload["log_id"]), cast(int, job.payload.get("attempt", 0))
    if job.lane and job.tries > _MOST_IN_LANE:
        return _later(log_id, 1, job.error or "failed several times")
    message = await federation.db.read(_message, log_id)
    if message is None:
        return nothing
    activity = parse.activity(message.document)
    if isinstance(activity, Unreadable):
        return _note(log_id, "refused", activity.reason)
    handler = HANDLERS.get(type(activity))
    if handler is None:
        return _note(log_id, "ignored", f"no handler for {type(activity).__name__}")
    try:
        effect = await handler(federation, message, activity)
    except Unreachable as error:
        if error.again and attempt + 1 < _MOST_ATTEMPTS:
            return _later(log_id, attempt + 1, error.detail)
        return _note(log_id, "refused", error.detail)
    except (Refused, Gone, NotFound) as error:
        return _note(log_id, "ignored" if isinstance(error, Ignored) else "refused", error.detail)
    return _effect(log_id, effect)


def _message(reader: Reader, log_id: int) -> Message | None:
    row = reader.connection.execute(select(inbox_log).where(inbox_log.c.id == log_id)).first()
    if row is None or row.state not in ("new", "waiting"):
        return None
    document = parse_object(row.raw)
    scheme = cast(Literal["cavage", "rfc9421"], row.scheme)
    kind = cast(Literal["rsa", "ed25519"], row.key_kind)
    sender = sender_from_log(row.sender_actor, row.sender_key, scheme, kind)
    actor = parse.reference(document.get("actor"))
    return Message(log_id, sender, document, row.received_at, forwarded=actor != sender.actor)


def _mark(unit: Unit, log_id: int, state: str, reason: str | None) -> None:
    values: dict[str, Any] = {"state": state, "reason": reason[:500] if reason else None}
    unit.connection.execute(update(inbox_log).where(inbox_log.c.id == log_id).values(**values))


def _note(log_id: int, state: str, reason: str) -> Outcome:
    return lambda unit: _mark(unit, log_id, state, reason)


def _later(log_id: int, attempt: int, reason: str) -> Outcome:
    def write(unit: Unit) -> None:
        _mark(unit, log_id, "waiting", reason)
        wait = _FIRST_WAIT * (1 << (2 * (attempt - 1)))
        queue.enqueue(
            unit, "federation.process", {"log_id": log_id, "attempt": attempt}, run_at=unit.now + wait
        )

    return write


def _effect(log_id: int, effect: Outcome) -> Outcome:
    """The effect of an activity; where a rule refuses it after all, only the note stays."""

    def write(unit: Unit) -> None:
        recorded = len(unit.facts)
        point = unit.connection.begin_nested()
        try:
            effect(unit)
        except Refused as error:
            point.rollback()
            del unit.facts[recorded:]
            _mark(unit, log_id, "ignored" if isinstance(error, Ignored) else "refused", error.detail)
        else:
            point.commit()
            _mark(unit, log_id, "done", None)

    return write
