"""Real server processes for tests: started, waited for, stopped; never left behind."""

import asyncio
import contextlib
import os
import pty
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tests.cli.conftest import ENVIRONMENT

PATIENCE = 60
"""Seconds for anything that a process does: many start at once, on a machine that has other work, too."""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@dataclass
class Running:
    """A started process and what it said so far."""

    process: "subprocess.Popen[str]"
    output: TextIO
    lines: list[str] = field(default_factory=list)
    spoke: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Collects the lines of its standard output."""
        with contextlib.suppress(OSError):  # a terminal whose other end is closed
            for line in self.output:
                self.lines.append(line.rstrip())
                self.spoke.set()
        self.spoke.set()

    def has_said(self, lines: int) -> Callable[[], bool]:
        """Whether it has said so many lines by now."""
        return lambda: len(self.lines) >= lines

    def stop(self) -> int:
        """Ends it with SIGTERM; gives its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def started(file: Path, *arguments: str, terminal: bool = False) -> Iterator[Running]:
    """A command with the settings of `file`, after its first line; killed at the end if it still runs.

    What it logs is in `errors.txt` beside the settings. With `terminal` its output goes to one.
    """
    errors = file.with_name("errors.txt")
    reading, writing = pty.openpty() if terminal else os.pipe()
    with errors.open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fedi_cluster", "--config", str(file), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=log,
            text=True,
            env=ENVIRONMENT,
        )
    os.close(writing)
    running = Running(process, os.fdopen(reading, encoding="utf-8", newline="\n"))
    listener = threading.Thread(target=running.listen, daemon=True)
    listener.start()
    try:
        assert running.spoke.wait(PATIENCE), "it said nothing"
        assert running.lines, errors.read_text()
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
        listener.join(PATIENCE)
        running.output.close()


async def until(done: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Waits until something is so, while the event loop goes on; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        await asyncio.sleep(0.05)
