"""Runs `fedi-cluster` under cProfile and writes, when it ends, one profile of each thread by its processor time.

`python -m tests.benchmarks.profiled FILE ARGUMENTS…`; figures of such a run are not to be believed, shares are.
Waiting (for the lock of the interpreter, for the disk) is not in it: compare with the figures of a plain run.
"""

import cProfile
import itertools
import sys
import threading
import time
from pathlib import Path

from fedi_cluster.cli import main


def _profile_threads(file: Path) -> None:
    """Every thread that begins from now on has a profile of its own beside the main one's."""
    plain, numbers = threading.Thread.run, itertools.count(1)

    def run(self: threading.Thread) -> None:
        mine = file.with_suffix(f".{next(numbers)}.{self.name}.prof")
        profile = cProfile.Profile(time.thread_time)
        try:
            profile.runcall(plain, self)
        finally:
            profile.dump_stats(mine)

    threading.Thread.run = run  # type: ignore[method-assign]


def _main() -> None:
    file = Path(sys.argv[1])
    _profile_threads(file)
    sys.argv = ["fedi-cluster", *sys.argv[2:]]
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    try:
        main()
    finally:
        profile.disable()
        profile.dump_stats(file)


if __name__ == "__main__":
    _main()
