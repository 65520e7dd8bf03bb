"""Works the lane to one instance: signs and sends in order, one at a time, until it is empty or fails.

An answer becomes arrived, given up, aside (this inbox refuses) or failed (the instance does): then all of the
lane waits, and nobody else's (limits.md: retry, permanent answers, breaker). Receivers are not chosen here.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Concatenate, ParamSpec, cast

from fedi_cluster.federation.remote import lanes, reach
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.parcels import AT_ONCE, Load, Parcel
from fedi_cluster.federation.remote.reach import Arrived
from fedi_cluster.federation.remote.signing import Form, signer
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.schedule import delivery_delay, outage_delay
from fedi_cluster.jobs.worker import Outcome, Postpone, Rest, nothing
from fedi_cluster.kernel.errors import Forbidden, Unreachable
from fedi_cluster.outbound.transport import Answer
from fedi_cluster.storage.unit import Unit

P = ParamSpec("P")

_NOT_UNDERSTOOD = (400, 401, 403)
# The instance is there and refuses: this inbox, or what it was sent.
_OF_ONE_INBOX = (400, 401, 403, 404)
_REFUSED_FOR = timedelta(days=7)
_LONGEST_WAIT = timedelta(hours=24)
# What no repetition changes: it was read, and cannot be taken.
_PERMANENT = (405, 406, 413, 415, 422, 501)

_TURN = 20.0
_UNSETTLED = 20
"""Deliveries that may have arrived without being written down: so many are repeated after a kill."""

_NOTED_FOR = timedelta(minutes=10)
_NO_TURN = timedelta(seconds=5)


class _Failed(Exception):
    """The instance does not take anything now; `wait` is what it asked for."""

    def __init__(self, reason: str, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


class _GivenUp(Exception):
    """This delivery will never be taken."""


class _InboxGone(Exception):
    """410: the inbox is gone."""


@dataclass(slots=True)
class _Refused(Exception):
    """This inbox does not take it now."""

    reason: str


async def deliver(federation: Federation, job: Job) -> Outcome:
    """Sends what waits for the instance `host`; raises `Postpone` where it fails, `Rest` where more waits."""
    host = cast(str, job.payload["host"])
    try:
        await federation.policies.refuse_blocked(host)
    except Forbidden:
        return lambda unit: reach.give_up_all(unit, host, "This instance is blocked here.")
    load = await federation.db.read(federation.parcels.load, host)
    if load.state.failures and federation.probes.locked():
        # Lanes that fail take a share of the places and no more, however many they are.
        raise Postpone(_NO_TURN, "waits for its turn among the lanes that fail")
    if load.state.failures:
        async with federation.probes:
            await _Lane(federation, load).send_all()
    else:
        await _Lane(federation, load).send_all()
    if len(load.parcels) == AT_ONCE:
        raise Rest
    aside = await federation.db.read(reach.next_aside, host)
    if aside is not None:
        raise Rest(max(aside - federation.clock.now(), timedelta()))
    return nothing


class _Lane:
    """One run of a lane."""

    def __init__(self, federation: Federation, load: Load) -> None:
        self._federation = federation
        self._load = load
        self._state = load.state
        self._form = load.form
        self._noted = load.scheme is not None and _is_recent(load.noted_at, federation.clock.now())
        self._settling: list[asyncio.Future[None]] = []

    async def send_all(self) -> None:
        """Sends the loaded deliveries in order; raises `Postpone` at the first that the instance fails."""
        until = time.monotonic() + _TURN
        refusing, gone = set(self._load.refusing), set[str]()
        try:
            for parcel in self._load.parcels:
                if time.monotonic() > until:
                    raise Rest
                if parcel.inbox in gone:
                    continue
                if parcel.inbox in refusing:
                    await self._write(reach.stand_behind, parcel.id, parcel.inbox)
                    continue
                try:
                    await self._send(parcel)
                except _Refused as refusal:
                    refusing.add(parcel.inbox)
                    await self._put_aside(parcel, refusal.reason)
                except _InboxGone:
                    gone.add(parcel.inbox)
                    await self._write(lanes.close_inbox, parcel.inbox)
                except _GivenUp as end:
                    await self._write(reach.give_up, [parcel.id], str(end))
        except _Failed as failure:
            raise self._failed(failure) from failure
        finally:
            # What arrived is written down whatever comes next.
            await asyncio.gather(*self._settling)

    async def _send(self, parcel: Parcel) -> None:
        if parcel.body is None or parcel.keys is None:
            raise _GivenUp("What was to be sent is not kept any more.")
        try:
            answer = await self._knock(parcel.inbox, parcel.body, parcel.keys)
        except Unreachable as error:
            if error.permanent:
                raise _GivenUp(error.detail) from error
            raise _Failed(error.detail) from error
        if not 200 <= answer.status < 300:
            raise self._judged(parcel, answer)
        self._settling = [one for one in self._settling if not one.done() or one.exception()]
        if len(self._settling) >= _UNSETTLED:
            await self._settling.pop(0)
        self._settling.append(self._federation.arrived.add(self._arrived(parcel)))

    def _arrived(self, parcel: Parcel) -> Arrived:
        returned = self._state.failures > 0 and self._form is Form.ED25519
        scheme = "cavage" if self._form is Form.CAVAGE else "rfc9421"
        noted, self._noted = self._noted and scheme == self._load.scheme, True
        self._state = reach.Way(self._state.host, 0, None, 0, None)
        return Arrived(parcel.id, self._state.host, None if noted else scheme, returned)

    async def _knock(self, inbox: str, body: bytes, keys: PrivateKeys) -> Answer:
        """A second knock with the other form where the first was not understood (federation.md 2.3)."""
        answer = await self._post(inbox, body, keys, self._form)
        if answer.status in _NOT_UNDERSTOOD and self._form.other:
            second = await self._post(inbox, body, keys, self._form.other)
            if 200 <= second.status < 300:
                self._form, self._noted = self._form.other, False
                return second
        return answer

    async def _post(self, inbox: str, body: bytes, keys: PrivateKeys, form: Form) -> Answer:
        async with self._federation.places.place():
            return await self._federation.outbound.post(
                inbox,
                body,
                content_type=ACTIVITY_JSON,
                headers={"Accept": ACTIVITY_JSON},
                signer=signer(keys, form, self._federation.clock.now()),
            )

    def _judged(self, parcel: Parcel, answer: Answer) -> Exception:
        """What follows from an answer that is not a success."""
        reason = f"answered {answer.status}"
        now = self._federation.clock.now()
        if answer.status == 410:
            return _InboxGone()
        if answer.status in _PERMANENT:
            return _GivenUp(f"{reason}: this delivery cannot be taken")
        if answer.status in _OF_ONE_INBOX:
            refused_long = now - parcel.created_at > _REFUSED_FOR
            return _GivenUp(f"{reason} for seven days") if refused_long else _Refused(reason)
        if answer.status in (429, 503):
            return _Failed(reason, _retry_after(answer.headers.get("retry-after"), now))
        return _Failed(reason)

    def _failed(self, failure: _Failed) -> Postpone:
        now = self._federation.clock.now()
        state = self._state.after_failure(now)
        wait = failure.wait or outage_delay(now - (state.failing_since or now), random.Random())
        if state.is_open:
            wait = max(wait, reach.BREAKER_PROBE)
        said, asked = failure.reason, failure.wait
        return Postpone(wait, said, lambda unit: reach.fail(unit, state, said, asked))

    async def _put_aside(self, parcel: Parcel, reason: str) -> None:
        wait = delivery_delay(parcel.tries + 1, random.Random(), age=timedelta())
        assert wait is not None, "an inbox does not age"
        until = self._federation.clock.now() + wait
        await self._write(reach.put_aside, parcel.id, parcel.inbox, until, reason)

    async def _write(
        self, fn: Callable[Concatenate[Unit, P], None], *args: P.args, **named: P.kwargs
    ) -> None:
        await self._federation.db.write_locking(fn, *args, **named)


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now < moment + _NOTED_FOR


def _retry_after(said: str | None, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, 10.2.3), at most a day; None where it cannot be read."""
    if said is None:
        return None
    if said.isascii() and said.strip().isdigit():
        return min(timedelta(seconds=int(said.strip()[:9])), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment - now, timedelta(seconds=1)), _LONGEST_WAIT)
