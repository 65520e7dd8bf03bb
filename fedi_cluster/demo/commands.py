"""Runs `fedi-cluster` commands, each in a process of its own that is forked from one with all parts loaded.

Loading takes most of a short command's time, and the demo runs two dozen of them. What runs is what
`python -m fedi_cluster` runs; servers, whose start is measured, are started from nothing.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOADED = [
    "fedi_cluster.wiring",
    "fedi_cluster.storage.migrate",
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "tomlkit",
    *(f"fedi_cluster.cli.{name}" for name in ("init", "cluster", "post", "demo", "standing", "invitation")),
]


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    said: str
    complained: str


def run_command(arguments: Sequence[str], seconds: float) -> Done:
    """Runs one command to its end; raises `TimeoutError`, and ends it, after `seconds`.

    Variables `FEDI_CLUSTER_*` are hidden from it: they are settings of another instance.
    """
    with tempfile.TemporaryDirectory(prefix="fedi-cluster-command-") as folder:
        said, complained = Path(folder, "said"), Path(folder, "complained")
        process = _CONTEXT.Process(target=_command, args=(list(arguments), str(said), str(complained)))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError
        return Done(process.exitcode, _text(said), _text(complained))


def _text(file: Path) -> str:
    return file.read_text("utf-8", errors="replace") if file.exists() else ""


def _command(arguments: list[str], said: str, complained: str) -> None:
    """In the fork: what `python -m fedi_cluster ARGUMENTS` does, its output in files."""
    for place, number in ((said, 1), (complained, 2)):
        os.dup2(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    for name in [name for name in os.environ if name.startswith("FEDI_CLUSTER_")]:
        del os.environ[name]
    sys.argv = ["fedi-cluster", *arguments]
    runpy.run_module("fedi_cluster", run_name="__main__")


_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_LOADED)
