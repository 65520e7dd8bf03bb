"""How a server starts itself anew with the code and settings of now: same process id, same listening socket.

It never closes the socket, so nobody is refused meanwhile; and it tries first in a process of its own whether
the new code would start at all, so that a broken one takes no running server away.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from fedi_cluster.cli.listening import FIRST, LOCK

OURS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that mean something to a server."""

FORMER = "_FEDI_CLUSTER_FORMER"
"""The variable that names the processes which serve until the new ones answer."""

TRIAL = "_FEDI_CLUSTER_TRIAL"
"""The variable that asks a `serve` whether it would start; it ends before it listens."""

_TRIAL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Succession:
    """`arguments` follow after the interpreter; `listening` and `lock` (None without one) are handed on."""

    arguments: tuple[str, ...]
    listening: socket.socket
    lock: int | None

    def is_possible(self) -> bool:
        """Whether a server with these arguments would start now; why not is told on standard error."""
        environment = os.environ | {TRIAL: "1"}
        try:
            tried = subprocess.run(  # noqa: S603 - this very program, with its own arguments
                [sys.executable, *self.arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=_TRIAL_SECONDS,
            )
        except (subprocess.TimeoutExpired, OSError):  # it hangs, or there is no room for one more process
            tried = None
        if tried is not None and tried.returncode == 0:
            return True
        sys.stderr.write("fedi-cluster: The new version does not start; the running one goes on.\n")
        sys.stderr.flush()
        return False

    def begin(self, former: Collection[int] = ()) -> NoReturn:
        """Becomes the new server. `former` are its children that go on until the new ones answer.

        Signals wait from here on until the new server listens to them (`listen_to_signals`).
        """
        hold_signals()
        sys.stdout.flush()
        sys.stderr.flush()
        handed = {"http": self.listening.fileno()}
        if self.lock is not None:
            handed[LOCK] = self.lock
        beyond = FIRST + len(handed)
        # First out of the way: one of these may stand where another is wanted.
        copies = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, beyond) for number in handed.values()]
        for place, number in enumerate(copies):
            os.dup2(number, FIRST + place, inheritable=True)
        environment = os.environ | {
            "LISTEN_PID": str(os.getpid()),
            "LISTEN_FDS": str(len(handed)),
            "LISTEN_FDNAMES": ":".join(handed),
            FORMER: " ".join(map(str, former)),
        }
        os.execve(sys.executable, [sys.executable, *self.arguments], environment)  # noqa: S606 - as above


def former_processes() -> tuple[int, ...]:
    """Children that the former image of this process left to serve; asked once, at the start."""
    return tuple(int(one) for one in os.environ.pop(FORMER, "").split() if one.isdecimal())


def hold_signals() -> None:
    """Signals of ours wait from now on, also over the beginning of a new image."""
    signal.pthread_sigmask(signal.SIG_BLOCK, OURS)


def listen_to_signals() -> None:
    """What waited is heard: call it when the handlers are there."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)


def is_trial() -> bool:
    """Whether this process only has to say if it would start."""
    return TRIAL in os.environ


def end(process: int) -> None:
    """Asks a process to end, if it still runs."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
