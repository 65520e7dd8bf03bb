"""Keeps several server processes on one listening socket: starts, replaces and ends them; it serves nothing.

uvicorn's own supervisor holds one more Python with nothing to do but that, and starts each from nothing;
forked ones share what was loaded before.
"""

import gc
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress

from fedi_cluster.cli.common import is_terminal
from fedi_cluster.cli.succession import OURS, Succession, end, listen_to_signals
from fedi_cluster.kernel.errors import ClusterError

PAUSE = 1.0
"""Seconds before a process that ended by itself is replaced, so that a lasting fault does not spin."""

PATIENCE = 20.0
"""Seconds that processes have to end before they are killed."""

Serve = Callable[[int, Callable[[], None]], object]
"""Runs one process of a number from 0 on; calls what it is handed when it answers requests."""


def supervise(
    number: int,
    serve: Serve,
    *,
    on_ready: Callable[[], None],
    succession: Succession | None = None,
    former: Collection[int] = (),
) -> None:
    """Runs `number` processes until SIGTERM or SIGINT; `on_ready` is called once when all answer.

    A process that ends by itself is replaced. At SIGHUP `succession` begins, and this process becomes the
    next supervisor; to that `former` names the children that serve until its own answer. Raises
    `ClusterError` where one ends before it ever answered: then the next one would, too. But while former ones
    are there, they go on. No thread may run in this process when it is called.
    """
    gc.collect()
    gc.freeze()  # no collection in a child touches, and so copies, what was loaded before
    crew = _Crew(serve, former)
    wanted = _Wanted()
    listen_to_signals()
    try:
        for place in range(number):
            crew.start(place)
        while not wanted.end:
            if crew.hear():
                on_ready()
            crew.look_after()
            if wanted.again and crew.settled:
                wanted.again = False
                if succession is not None and succession.is_possible():
                    succession.begin(former=crew.running)
    finally:
        if succession is not None:
            succession.listening.close()  # whoever comes now is refused, not left waiting
        crew.end_all()
        wanted.restore()


class _Wanted:
    """Remembers what signals asked for."""

    def __init__(self) -> None:
        self.end = False
        self.again = False
        self._former = {one: signal.signal(one, self._note) for one in OURS}

    def _note(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP and not is_terminal():  # else the terminal was closed
            self.again = True
        else:
            self.end = True

    def restore(self) -> None:
        for one, handler in self._former.items():
            signal.signal(one, handler)


class _Crew:
    """The processes: `running` ones by their number, and former ones that serve until these answer."""

    def __init__(self, serve: Serve, former: Collection[int]) -> None:
        self.running: dict[int, int] = {}
        self._serve = serve
        self._former = set(former)
        self._leaving: dict[int, float] = {}
        self._ready, self._waiting = os.pipe()
        self._silent = 0
        self._answered = False

    @property
    def settled(self) -> bool:
        """Whether all answer, and nobody is about to leave."""
        return self._answered and not self._leaving

    def start(self, place: int) -> None:
        """Forks one process."""
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process:
            self.running[process] = place
            self._silent += 1
            return
        code = 1
        try:
            for one in OURS:
                signal.signal(one, signal.SIG_IGN if one == signal.SIGHUP else signal.SIG_DFL)
            self._serve(place, lambda: _tell(self._waiting))
            code = 0
        except ClusterError as error:
            sys.stderr.write(f"fedi-cluster: {error}\n")
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)  # nothing of the parent may run a second time here

    def hear(self) -> bool:
        """Waits a moment for processes that say that they answer; True once, when all do."""
        readable, _, _ = select.select([self._ready], [], [], 0.2)
        if readable:
            self._silent -= len(os.read(self._ready, 64))
        if self._answered or self._silent > 0:
            return False
        self._answered = True
        self._dismiss(self._former)
        self._former = set()
        return True

    def look_after(self) -> None:
        """Replaces a process that has ended; kills one that was told to and did not."""
        for process, until in list(self._leaving.items()):
            if _has_ended(process):
                del self._leaving[process]
            elif time.monotonic() > until:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self._former -= {process for process in self._former if _has_ended(process)}
        for process in [process for process in self.running if _has_ended(process)]:
            place = self.running.pop(process)
            if self._answered:
                time.sleep(PAUSE)
                self.start(place)
            else:
                self._give_up()
                return

    def _give_up(self) -> None:
        said = "A server process ended before it answered; what it said stands above."
        if not self._former:
            raise ClusterError(said)
        sys.stderr.write(f"fedi-cluster: {said} The former processes go on.\n")
        self._dismiss(self.running)
        self.running = {process: place for place, process in enumerate(sorted(self._former))}
        self._former = set()
        self._answered = True

    def _dismiss(self, processes: Collection[int]) -> None:
        for process in processes:
            end(process)
            self._leaving[process] = time.monotonic() + PATIENCE

    def end_all(self) -> None:
        """Ends all, and waits for that; kills who does not."""
        self._dismiss(self._former | self.running.keys())
        while self._leaving:
            self.running = {}
            self._former = set()
            self.look_after()
            time.sleep(0.05)
        os.close(self._ready)
        os.close(self._waiting)


def _tell(waiting: int) -> None:
    os.write(waiting, b".")


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True
