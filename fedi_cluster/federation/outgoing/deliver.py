"""One delivery: signed at this moment, sent, and its answer turned into done, again later, or given up."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import cast

from sqlalchemy import select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.signing import Form, form_for, own_private_keys, signer
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.schedule import delivery_delay
from fedi_cluster.jobs.worker import GiveUp, Outcome, Postpone
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.transport import Answer
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Reader, Unit

_NOT_UNDERSTOOD = (400, 401, 403)
# The instance is there and refuses: this inbox, or what it was sent.
_OF_ONE_INBOX = (400, 401, 403, 404)
_REFUSED_FOR = timedelta(days=7)
_LONGEST_WAIT = timedelta(hours=24)
# What no repetition changes: it was read, and cannot be taken.
_PERMANENT = (405, 406, 413, 415, 422, 501)


async def deliver(federation: Federation, job: Job) -> Outcome:
    """Sends what the job names to its inbox (limits.md: retry, permanent answers).

    Raises `Postpone` or `GiveUp` with the reason that a host reads in the list of jobs.
    """
    inbox = cast(str, job.payload["inbox"])
    host = host_of(inbox)
    if job.lane == f"out:{host}" and await federation.db.read(_waits_in, _side_lane(inbox)):
        return _aside(job, inbox, timedelta())
    body, keys, form = await federation.db.read(_load, federation, job, host)
    try:
        answer, form = await _knock(federation, inbox, body, keys, form)
    except Unreachable as error:
        if error.permanent:
            raise GiveUp(error.detail) from error
        raise _again(federation, job, error.detail) from error
    if 200 <= answer.status < 300:
        return lambda unit: _reached(unit, host, form)
    verdict = _judged(federation, job, answer)
    if isinstance(verdict, Postpone) and answer.status in _OF_ONE_INBOX and job.lane == f"out:{host}":
        return _aside(job, inbox, verdict.delay)
    raise verdict


def _side_lane(inbox: str) -> str:
    """What waits for one inbox that refuses, in its order, so that the others of its instance do not wait."""
    return f"out:{host_of(inbox)}#{sha256(inbox.encode()).hexdigest()[:16]}"


def _waits_in(reader: Reader, lane: str) -> bool:
    waiting = select(job_table.c.id).where(job_table.c.lane == lane, job_table.c.state != queue.DEAD)
    return reader.connection.execute(waiting.limit(1)).first() is not None


def _aside(job: Job, inbox: str, wait: timedelta) -> Outcome:
    """The delivery leaves the lane of its instance for that of its inbox, and keeps its age."""
    payload = {**job.payload, "since": job.created_at.isoformat()}
    return lambda unit: _move(unit, payload, _side_lane(inbox), wait)


def _move(unit: Unit, payload: Mapping[str, object], lane: str, wait: timedelta) -> None:
    queue.enqueue(unit, "federation.deliver", payload, lane=lane, run_at=unit.now + wait)


def _age(federation: Federation, job: Job) -> timedelta:
    since = job.payload.get("since")
    began = datetime.fromisoformat(since) if isinstance(since, str) else job.created_at
    return federation.clock.now() - began


def _load(reader: Reader, federation: Federation, job: Job, host: str) -> tuple[bytes, PrivateKeys, Form]:
    actor = actor_queries.by_id(reader, cast(int, job.payload["signer"]))
    keys = own_private_keys(reader, actor)
    if "log_id" in job.payload:
        table, identifier = inbox_log.c.raw, inbox_log.c.id == job.payload["log_id"]
    else:
        table, identifier = activity_table.c.document, activity_table.c.id == job.payload["activity_id"]
    body = reader.connection.execute(select(table).where(identifier)).scalar()
    if body is None:
        raise GiveUp("What was to be sent is not kept any more.")
    return bytes(body), keys, form_for(reader, federation.at, host)


async def _knock(
    federation: Federation, inbox: str, body: bytes, keys: PrivateKeys, form: Form
) -> tuple[Answer, Form]:
    """A second knock with the other form where the first was not understood (federation.md 2.3)."""
    answer = await _post(federation, inbox, body, keys, form)
    if answer.status in _NOT_UNDERSTOOD and form.other:
        second = await _post(federation, inbox, body, keys, form.other)
        if 200 <= second.status < 300:
            return second, form.other
    return answer, form


async def _post(federation: Federation, inbox: str, body: bytes, keys: PrivateKeys, form: Form) -> Answer:
    return await federation.outbound.post(
        inbox,
        body,
        content_type=ACTIVITY_JSON,
        headers={"Accept": ACTIVITY_JSON},
        signer=signer(keys, form, federation.clock.now()),
    )


def _reached(unit: Unit, host: str, form: Form) -> None:
    scheme = "cavage" if form is Form.CAVAGE else "rfc9421"
    instance_actions.reached(unit, host, scheme)


def _judged(federation: Federation, job: Job, answer: Answer) -> Exception:
    """What follows from an answer that is not a success."""
    reason = f"answered {answer.status}"
    if answer.status == 410:
        return GiveUp("The inbox is gone (410).")
    if answer.status in _PERMANENT:
        return GiveUp(f"{reason}: this delivery cannot be taken")
    if answer.status in _OF_ONE_INBOX and _age(federation, job) > _REFUSED_FOR:
        return GiveUp(f"{reason} for seven days")
    if answer.status in (429, 503):
        wait = _retry_after(answer.headers.get("retry-after"), federation.clock.now())
        if wait is not None:
            return Postpone(wait, reason)
    return _again(federation, job, reason)


def _again(federation: Federation, job: Job, reason: str) -> Exception:
    wait = delivery_delay(job.tries, random.Random(), age=_age(federation, job))
    return GiveUp(f"{reason}; given up after 30 days") if wait is None else Postpone(wait, reason)


def _retry_after(said: str | None, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3), at most a day; None where it cannot be read."""
    if said is None:
        return None
    if said.strip().isdigit():
        return min(timedelta(seconds=int(said.strip()[:9])), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment - now, timedelta(seconds=1)), _LONGEST_WAIT)
