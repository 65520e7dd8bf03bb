"""Runs an instance in this process, web and jobs in one event loop, until it is told to stop.

It binds no port and reads no settings: both are handed in by who starts it.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from fedi_cluster.cli.common import is_terminal
from fedi_cluster.cli.draining import DrainingServer
from fedi_cluster.cli.listening import BACKLOG
from fedi_cluster.cli.memory import given_back, keep_what_is_loaded, share_one_arena
from fedi_cluster.cli.succession import hold_signals, listen_to_signals
from fedi_cluster.cli.telling import begin_tracing
from fedi_cluster.community.regions.founding import check_identity
from fedi_cluster.federation.inbox import retention
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.bell import bell_of
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.settings import Settings
from fedi_cluster.storage.changes import Changes
from fedi_cluster.storage.unit import Unit
from fedi_cluster.telemetry.traces import end_traces
from fedi_cluster.wiring import House, close_house, open_house

_log = logging.getLogger(__name__)

GRACE = 10
"""Seconds that open requests have to end when the server stops."""


async def run_instance(
    settings: Settings,
    listening: socket.socket,
    *,
    jobs: bool,
    greet: bool,
    on_ready: Callable[[], None],
    may_begin_again: Callable[[], bool] | None = None,
) -> socket.socket | None:
    """Serves requests from `listening` (bound already) until SIGTERM or SIGINT, then ends what is open.

    With `jobs` it works the queue, too; with `greet` it greets the sisters. `on_ready` is called once when
    requests are answered. Raises `ClusterError` where the database belongs to another instance.

    Where SIGHUP asked for a new start and `may_begin_again` allowed it, it gives the socket that still
    listens, and signals wait; else None. Without `may_begin_again` it is one of several processes: it ignores
    SIGHUP, and ends when its parent does.
    """
    from fedi_cluster.app import build_app

    share_one_arena()
    begin_tracing(settings)
    # Writers, readers and the loop hand over to each other all the time: who waits for the usual 5 ms waits
    # longer than his whole work takes.
    sys.setswitchinterval(0.0005)
    house = open_house(settings)
    try:
        await house.db.read(check_identity, settings)
        run = _Run(house, listening, build_app(house), on_ready, may_begin_again)
        if greet:
            try:
                await house.db.write(_begin)
            except Unavailable as error:  # a full disk: what is there can be read all the same
                _log.warning("the sisters are not greeted: %s", error.detail)
        keep_what_is_loaded()
        async with given_back():
            await run.until_told(jobs=jobs)
    finally:
        await close_house(house)
        end_traces()
    return run.handed_on


class _Run:
    """One run of a server: what each signal means to it, and the order in which its parts end."""

    def __init__(
        self,
        house: House,
        listening: socket.socket,
        app: object,
        on_ready: Callable[[], None],
        may_begin_again: Callable[[], bool] | None,
    ) -> None:
        self.handed_on: socket.socket | None = None
        self._house = house
        self._listening = listening
        self._may_begin_again = may_begin_again
        self._server = DrainingServer(
            _config(house.settings, app), on_ready, on_orphaned=None if may_begin_again else self._end
        )
        self._stop = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._ask)
        listen_to_signals()

    async def until_told(self, *, jobs: bool) -> None:
        """Serve, and work the jobs, until a signal; then end what is open."""
        self._working = asyncio.create_task(self._work()) if jobs else None
        try:
            await self._server.serve(sockets=[self._listening])
        finally:
            self._stop.set()
            if self._working is not None:
                await self._working
            if self.handed_on is not None:
                hold_signals()

    async def _work(self) -> None:
        try:
            await run_jobs(self._house, self._stop)
        finally:
            # A server that answers but works no jobs would look well: it ends with what ended them. And where
            # it begins again, requests are answered until the jobs have ended.
            self._leave()

    def _end(self) -> None:
        if self.handed_on is not None:
            self.handed_on.close()
            self.handed_on = None
        self._stop.set()
        self._leave()

    def _leave(self) -> None:
        if not self._server.should_exit:
            if self.handed_on is None:
                self._house.readiness.drain()
            self._server.leave(handed_on=self.handed_on is not None)

    def _ask(self) -> None:
        if is_terminal():  # which was closed: nobody asks for a new start
            self._end()
        elif self._may_begin_again and self._asking is None and not self._stop.is_set():
            self._asking = asyncio.create_task(self._begin_again(self._may_begin_again))

    async def _begin_again(self, may_begin_again: Callable[[], bool]) -> None:
        if await asyncio.to_thread(may_begin_again) and not self._stop.is_set():
            # uvicorn closes what it was given; this copy goes on listening.
            self.handed_on = self._listening.dup()
            self._stop.set()
            if self._working is None:
                self._leave()
        self._asking = None


async def run_jobs(house: House, stop: asyncio.Event) -> None:
    """Works the queue until `stop` is set, and wakes when another process has written."""
    watching = asyncio.create_task(Changes(house.db.engine).call(bell_of(house.db.engine).ring))
    try:
        await Worker(house.db, house.handlers, house.clock).run(stop)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


def _config(settings: Settings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )


def _begin(unit: Unit) -> None:
    queue.enqueue(unit, "cluster.greet_all", {})
    retention.begin(unit)
