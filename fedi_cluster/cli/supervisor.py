"""Keeps several server processes on one listening socket: starts, replaces and ends them; it serves nothing.

uvicorn's own supervisor holds one more Python with nothing to do but that, and starts each from nothing;
forked ones share what was loaded before.
"""

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from fedi_cluster.kernel.errors import ClusterError

PAUSE = 1.0
"""Seconds before a process that ended by itself is replaced, so that a lasting fault does not spin."""

PATIENCE = 20.0
"""Seconds that processes have to end before they are killed."""

Serve = Callable[[int, Callable[[], None]], None]
"""Runs one process of a number from 0 on; calls what it is handed when it answers requests."""


def supervise(number: int, serve: Serve, *, on_ready: Callable[[], None]) -> None:
    """Runs `number` processes until SIGTERM or SIGINT; `on_ready` is called once when all answer.

    A process that ends by itself is replaced. Raises `ClusterError` where one ends before it ever answered:
    then the next one would, too. No thread may run in this process when it is called.
    """
    _import_first()
    running: dict[int, int] = {}
    stop = _Stop()
    ready, waiting = os.pipe()
    try:
        for place in range(number):
            running[_start(place, serve, waiting)] = place
        answered = False
        silent = number
        while not stop.wanted:
            if not answered:
                silent -= _heard(ready)
                if silent <= 0:
                    answered = True
                    on_ready()
            else:
                time.sleep(0.2)
            ended = _ended(running)
            if ended is None or stop.wanted:
                continue
            place = running.pop(ended)
            if not answered:
                raise ClusterError("A server process ended before it answered; what it said stands above.")
            time.sleep(PAUSE)
            running[_start(place, serve, waiting)] = place
    finally:
        _end_all(running)
        stop.restore()
        os.close(ready)
        os.close(waiting)


class _Stop:
    """Remembers that a signal asked for the end."""

    def __init__(self) -> None:
        self.wanted = False
        self._former = {one: signal.signal(one, self._note) for one in (signal.SIGTERM, signal.SIGINT)}

    def _note(self, _number: int, _frame: object) -> None:
        self.wanted = True

    def restore(self) -> None:
        for one, handler in self._former.items():
            signal.signal(one, handler)


def _import_first() -> None:
    """What every process needs is loaded before they part, so that they share its memory."""
    import fedi_cluster.app
    import fedi_cluster.cli.running  # noqa: F401


def _start(place: int, serve: Serve, waiting: int) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, signal.SIG_DFL)
        serve(place, lambda: _tell(waiting))
        code = 0
    except ClusterError as error:
        sys.stderr.write(f"fedi-cluster: {error}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)  # nothing of the parent may run a second time here


def _tell(waiting: int) -> None:
    os.write(waiting, b".")


def _heard(ready: int) -> int:
    """How many processes said since the last time that they answer; waits a moment."""
    readable, _, _ = select.select([ready], [], [], 0.1)
    return len(os.read(ready, 64)) if readable else 0


def _ended(running: dict[int, int]) -> int | None:
    """A process that has ended, None where all run."""
    for process in running:
        with suppress(ChildProcessError):
            if os.waitpid(process, os.WNOHANG)[0] == 0:
                continue
        return process
    return None


def _end_all(running: dict[int, int]) -> None:
    for process in running:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    left = dict(running)
    while left and time.monotonic() < until:
        ended = _ended(left)
        if ended is None:
            time.sleep(0.05)
        else:
            del left[ended]
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
