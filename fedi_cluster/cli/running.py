"""Runs an instance in this process, web and jobs in one event loop, until it is told to stop.

It binds no port and reads no settings: both are handed in by who starts it.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from fedi_cluster.community.regions.founding import check_identity
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.bell import bell_of
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.settings import Settings
from fedi_cluster.storage.changes import Changes
from fedi_cluster.storage.unit import Unit
from fedi_cluster.wiring import House, close_house, open_house

GRACE = 10
"""Seconds that open requests have to end when the server stops."""

_BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: they would send the signal again after a clean stop."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


async def run_instance(
    settings: Settings,
    listening: socket.socket,
    *,
    jobs: bool,
    greet: bool,
    on_ready: Callable[[], None],
) -> None:
    """Serves requests from `listening` (bound already) until SIGTERM or SIGINT, then ends what is open.

    With `jobs` it works the queue, too; with `greet` it greets the sisters. `on_ready` is called once when
    requests are answered. Raises `ClusterError` where the database belongs to another instance.
    """
    from fedi_cluster.app import build_app

    house = open_house(settings)
    try:
        await house.db.read(check_identity, settings)
        server = _Server(_config(settings, build_app(house)), on_ready)
        stop = asyncio.Event()

        def end() -> None:
            server.should_exit = True
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        if greet:
            await house.db.write(_greet)
        gc.collect()
        gc.freeze()  # what is loaded now stays for good: no collection walks through it again
        working = asyncio.create_task(run_jobs(house, stop)) if jobs else None
        if working is not None:
            # A server that answers but works no jobs would look well: it ends with what ended them.
            working.add_done_callback(lambda _task: end())
        try:
            await server.serve(sockets=[listening])
        finally:
            stop.set()
            if working is not None:
                await working
    finally:
        await close_house(house)


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
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )


def _greet(unit: Unit) -> None:
    queue.enqueue(unit, "cluster.greet_all", {})
