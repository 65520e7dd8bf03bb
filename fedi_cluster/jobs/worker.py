"""Runs due jobs, of each queue so many at once; it knows no kind of job: handlers are handed in by name.

A handler awaits what needs the network and returns what is to be written. That runs in the transaction that
deletes the job, so its effect happens exactly once, also where the process is killed between the two; what
the handler awaited may happen again. Whatever goes wrong with one job, the loop goes on.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from fedi_cluster.jobs import mending, queue, reports
from fedi_cluster.jobs.bell import bell_of
from fedi_cluster.jobs.mending import worker_name
from fedi_cluster.jobs.queue import MAIN, Job
from fedi_cluster.jobs.schedule import JOB_LONGEST, job_delay
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import ClusterError, TooMany, Unavailable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit

Outcome = Callable[[Unit], None]
"""Writes what a job brings about; it may be run again after a conflict, so it changes only the database."""


@dataclass(frozen=True, slots=True)
class Locking:
    """An outcome that is written as in `Database.write_locking`: many ask for the same standing jobs."""

    write: Outcome

    def __call__(self, unit: Unit) -> None:
        """Writes it."""
        self.write(unit)


Handler = Callable[[Job], Awaitable[Outcome]]
"""Does a job up to its outcome. May raise Postpone, Rest, GiveUp, a ClusterError (tried again where `again`
says so, buried otherwise), or anything else (logged, tried again by `job_delay`, buried at the end)."""

INBOX = "inbox"
RETRY = "retry"
DELIVERY = "delivery"
CAPACITY: Mapping[str, int] = {MAIN: 32, INBOX: 64, RETRY: 8, DELIVERY: 256}
"""How many jobs of each queue run at once: whoever waits for a slow server must not hold back the others. A
delivery waits more than it works, and each is another server's."""

POLL = 0.2
_BREATH = 0.01
"""Seconds between two looks, however often somebody rings: much that goes out rings at each commit."""

LEASE = timedelta(seconds=30)
DEADLINE = timedelta(seconds=120)
GRACE = timedelta(seconds=10)

_log = logging.getLogger(__name__)


class Postpone(Exception):
    """The job waits for `delay`, and its lane with it, because of `reason`; `effect` is written with that."""

    def __init__(self, delay: timedelta, reason: str, effect: Outcome | None = None) -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason
        self.effect = effect


class Rest(Exception):
    """A standing job did its part and goes on after `delay`, or as soon as it is asked for."""

    def __init__(self, delay: timedelta = timedelta()) -> None:
        super().__init__()
        self.delay = delay


class GiveUp(Exception):
    """The job is buried because of `reason`; its lane goes on without it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _LeaseLost(Exception):
    """Somebody else has the job, or it is gone: nothing of this run may be kept."""


def nothing(_unit: Unit) -> None:
    """The outcome of a job that has nothing more to write."""


class Worker:
    """Works the queues of one database in one event loop.

    Of each queue in `capacity` so many jobs run at once; other queues are left to others. A job that takes
    longer than `deadline` is cancelled and tried again; its lease of `lease` is renewed until then. At the
    end running jobs have `grace` to finish. `poll` is in seconds: how long a job that nobody announced may
    lie. `clock` decides what is due.
    """

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, Handler],
        clock: Clock,
        *,
        name: str | None = None,
        capacity: Mapping[str, int] = CAPACITY,
        poll: float = POLL,
        lease: timedelta = LEASE,
        deadline: timedelta = DEADLINE,
        grace: timedelta = GRACE,
    ) -> None:
        self._db = db
        self._handlers = handlers
        self._clock = clock
        self._name = name or worker_name()
        self._capacity = capacity
        self._poll = poll
        self._lease = lease
        self._deadline = deadline
        self._grace = grace
        self._running: dict[asyncio.Task[None], Job] = {}
        self._awake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done = 0

    def wake(self) -> None:
        """There may be work: look at once. From any thread; before `run` it does nothing."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._awake.set)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then finish what runs within `grace`, and give back the rest."""
        self._loop = asyncio.get_running_loop()
        with suppress(Unavailable):  # they run out by themselves
            await self._db.write_locking(mending.free_leases)
        bell = bell_of(self._db.engine)
        bell.listen(self.wake)
        watch = asyncio.create_task(self._wake_at(stop))
        try:
            async with self._renewing():
                try:
                    while not stop.is_set():
                        self._awake.clear()
                        next_look = time.monotonic() + _BREATH
                        pause = await self._fill()
                        if pause > 0 and not stop.is_set():
                            with suppress(TimeoutError):
                                async with asyncio.timeout(pause):
                                    await self._awake.wait()
                            await asyncio.sleep(next_look - time.monotonic())
                finally:
                    await self._wind_down()
        finally:
            watch.cancel()
            bell.forget(self.wake)

    async def run_once(self) -> int:
        """Run what is due at this moment, as much as fits at once, to its end; gives how many jobs ran.

        Errors of the database come through. For tests that move the clock, and for commands.
        """
        before = self._done
        async with self._renewing():
            try:
                for queue_name, room in self._capacity.items():
                    await self._claim(queue_name, room)
                while self._running:
                    await asyncio.wait(self._running)
            finally:
                await self._wind_down()
        return self._done - before

    async def drain(self, most: int = 100_000) -> int:
        """Run jobs until none is due, also those that jobs enqueue; gives how many ran.

        Raises RuntimeError after `most`: jobs then enqueue each other without end.
        """
        total = 0
        await self._db.write_locking(mending.free_the_future, self._lease)
        while ran := await self.run_once():
            total += ran
            if total > most:
                raise RuntimeError(f"still jobs due after {total}")
        return total

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._awake.set()

    async def _fill(self) -> float:
        """Claim what there is room for; gives for how many seconds there is nothing more to do."""
        room = self._room()
        if not room:
            return self._poll
        try:
            due = await self._db.read(reports.next_runs, room)
            now = self._clock.now()
            pause = self._poll
            for queue_name, moment in due.items():
                wait = (moment - now).total_seconds()
                # After a claim more may be due at once; without one, what is due is blocked or elsewhere.
                if wait <= 0 and await self._claim(queue_name, room[queue_name]):
                    pause = 0
                elif wait > 0:
                    pause = min(pause, wait)
        except Unavailable as error:
            _log.warning("the queue cannot be read: %s", error.detail)
        except Exception:
            _log.exception("the queue cannot be read")
        else:
            return pause
        return max(self._poll, 1.0)

    def _room(self) -> dict[str, int]:
        """How many more jobs of each queue may run; those that are full are missing."""
        busy = Counter(job.queue for job in self._running.values())
        return {name: most - busy[name] for name, most in self._capacity.items() if most > busy[name]}

    async def _claim(self, queue_name: str, room: int) -> int:
        jobs = await self._db.write_locking(queue.claim, self._name, room, self._lease, queue=queue_name)
        for job in jobs:
            task = asyncio.create_task(self._work(job), name=f"job {job.id} {job.kind}")
            self._running[task] = job
            task.add_done_callback(self._ended)
        return len(jobs)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._awake.set()
        if task.cancelled():
            return
        self._done += 1
        if (error := task.exception()) is not None:
            # Could not even be put off: the lease runs out, and the job comes back.
            _log.error("%s was left to its lease", task.get_name(), exc_info=error)

    async def _work(self, job: Job) -> None:
        try:
            await self._attempt(job)
        except _LeaseLost:
            _log.warning("job %d (%s) was taken over or dropped while it ran", job.id, job.kind)
        except Postpone as error:
            await self._postpone(job, error.delay, error.reason, error.effect, foreseen=True)
        except Rest as pause:
            await self._db.write_locking(queue.rest, job, self._clock.now() + pause.delay)
        except GiveUp as error:
            await self._bury(job, error.reason)
        except ClusterError as error:
            if not error.again:
                await self._bury(job, f"{type(error).__name__}: {error.detail}")
                return
            least = timedelta(seconds=error.retry_after) if isinstance(error, TooMany) else timedelta()
            await self._try_again(job, f"{type(error).__name__}: {error.detail}", least)
        except TimeoutError:
            _log.warning("job %d (%s) took longer than its deadline", job.id, job.kind)
            await self._try_again(job, f"took longer than {self._deadline.total_seconds():g} s")
        except Exception as error:
            _log.exception("job %d (%s) failed", job.id, job.kind)
            await self._try_again(job, f"{type(error).__name__}: {error}")

    async def _attempt(self, job: Job) -> None:
        if job.damaged is not None:
            raise GiveUp(f"its payload cannot be read: {job.damaged}")
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise GiveUp(f"nobody here knows jobs of the kind {job.kind!r}")
        async with asyncio.timeout(self._deadline.total_seconds()):
            outcome = await handler(job)
        # Without an outcome the row's own lock is enough; that spares PostgreSQL needless conflicts.
        locking = outcome is nothing or isinstance(outcome, Locking)
        settle = self._db.write_locking if locking else self._db.write
        # The network part is done: while the lease lasts, a database that is busy is no reason to repeat it.
        for pause in (0.1, 0.3, 1.0, 3.0):
            try:
                await settle(_settle, job, outcome)
                return
            except Unavailable as error:
                _log.warning("job %d (%s) cannot be settled yet: %s", job.id, job.kind, error.detail)
            await asyncio.sleep(pause)
        await settle(_settle, job, outcome)

    async def _try_again(self, job: Job, reason: str, least: timedelta = timedelta()) -> None:
        delay = job_delay(job.tries)
        if delay is None and job.key is not None:
            delay = JOB_LONGEST  # its work lies elsewhere and goes on waiting: no fault ends it
        if delay is None:
            await self._bury(job, f"given up after {job.tries} tries: {reason}")
        else:
            await self._postpone(job, max(delay, least), reason)

    async def _postpone(
        self,
        job: Job,
        delay: timedelta,
        reason: str,
        effect: Outcome | None = None,
        *,
        foreseen: bool = False,
    ) -> None:
        where = job.lane or job.key
        _log.info("job %d (%s, %s) waits for %s: %s", job.id, job.kind, where, delay, reason)
        run_at = self._clock.now() + delay

        def write(unit: Unit) -> None:
            if queue.postpone(unit, job, run_at, reason, foreseen=foreseen) and effect is not None:
                effect(unit)

        await self._db.write_locking(write)

    async def _bury(self, job: Job, reason: str) -> None:
        _log.warning("job %d (%s, %s) is given up: %s", job.id, job.kind, job.lane, reason)
        await self._db.write_locking(queue.bury, job, reason)

    @asynccontextmanager
    async def _renewing(self) -> AsyncIterator[None]:
        renewal = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal

    async def _renew(self) -> None:
        """Renew the leases of running jobs, three times as often as they need it; and free what a clock that
        was put right has left waiting."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                await self._db.write_locking(mending.free_the_future, self._lease)
                await self._db.write_locking(queue.extend, list(self._running.values()), self._lease)
            except Exception as error:  # two more chances; then _settle finds the lease lost
                _log.warning("leases cannot be renewed: %s", error)

    async def _wind_down(self) -> None:
        if not self._running:
            return
        await asyncio.wait(self._running, timeout=self._grace.total_seconds())
        left = dict(self._running)
        for task in left:
            task.cancel()
        if not left:
            return
        await asyncio.wait(left)
        try:
            await self._db.write_locking(_release_all, list(left.values()))
        except Exception as error:
            _log.warning("%d jobs were left to their leases: %s", len(left), error)


def _settle(unit: Unit, job: Job, outcome: Outcome) -> None:
    if not queue.finish(unit, job):
        raise _LeaseLost
    outcome(unit)


def _release_all(unit: Unit, jobs: list[Job]) -> None:
    for job in jobs:
        queue.release(unit, job)
