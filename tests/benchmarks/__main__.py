"""`make bench`: prints each figure beside its floor and writes them to `.bench/latest.json`; it never judges.

`python -m tests.benchmarks [NAME …]` runs the named ones, all of the default run without names.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.growth import growth, growth_instances, growth_posts, growth_slow
from tests.benchmarks.inbox import inbox_accept, inbox_process
from tests.benchmarks.measure import FOLDER, LOAD_CPU, ROOT, SERVER_CPU, CannotRun, Figure, keep, read, tell
from tests.benchmarks.outgoing import deliver
from tests.benchmarks.publishing import enqueue_10k_instances, publish
from tests.benchmarks.reading import ASKED, cluster_timeline, home_timeline, requested
from tests.benchmarks.scene import Scene, open_scene
from tests.benchmarks.sizes import SMALL, Sizes
from tests.benchmarks.standing import cold_start, idle
from tests.benchmarks.table import as_markdown, write_into

Benchmark = Callable[[Scene, Sizes], list[Figure]]

DEFAULT: Mapping[str, Benchmark] = {
    "inbox_accept": inbox_accept,
    "inbox_process": inbox_process,
    "deliver": deliver,
    "enqueue_10k_instances": enqueue_10k_instances,
    "home_timeline": home_timeline,
    "cluster_timeline": cluster_timeline,
    "publish": publish,
    "webfinger": partial(requested, ["webfinger"]),
    "actor_document": partial(requested, ["actor_document"]),
    "region_page": partial(requested, ["region_page"]),
    "cold_start": cold_start,
    "idle": idle,
}

GROWTH: Mapping[str, Benchmark] = {
    "growth": growth,
    "growth_instances": growth_instances,
    "growth_slow": growth_slow,
    "growth_posts": growth_posts,
}


def _steps(names: Sequence[str], known: Mapping[str, Benchmark]) -> list[tuple[str, Benchmark]]:
    """What is run in turn; what is asked over HTTP is asked of one server, all together."""
    asked = [name for name in names if name in ASKED]
    steps = [(name, known[name]) for name in names if name not in ASKED]
    return [*steps, (" ".join(asked), partial(requested, asked))] if asked else steps


def run(
    names: Sequence[str], sizes: Sizes, *, on_postgres: bool, folder: Path = FOLDER
) -> tuple[list[Figure], list[str]]:
    """The figures of these benchmarks, printed as they come and written to `folder`; and what could not run."""
    known = {**DEFAULT, **GROWTH}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CannotRun(f"there is no {', '.join(unknown)}; there are: {', '.join(known)}")
    figures: list[Figure] = []
    failed: list[str] = []
    with open_scene(on_postgres=on_postgres) as scene:
        for name, benchmark in _steps(names, known):
            began = time.monotonic()
            try:
                for one in benchmark(scene, sizes):
                    figures.append(one)
                    print(one.line(), flush=True)
            except Exception as error:
                if not isinstance(error, CannotRun):
                    import traceback

                    traceback.print_exc()
                failed.append(f"{name}: {error}")
                tell(f"{name} could not run: {error}")
            tell(f"  ({name} took {time.monotonic() - began:.0f} s)")
            keep(figures, folder)
    return figures, failed


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every benchmark gave its figures; 1 where one could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="which (else the variable ONLY, else the default run)")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL (else DB=postgresql)")
    parser.add_argument("--small", action="store_true", help="as little as shows that it runs")
    parser.add_argument(
        "--table", action="store_true", help="print the newest figures as Markdown, run nothing"
    )
    parser.add_argument(
        "--docs", action="store_true", help="write that table into docs/sizing.md, run nothing"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the JSON files are")
    given = parser.parse_args(arguments)
    if given.table:
        print(as_markdown(read(given.folder / "all.json")))
        return 0
    if given.docs:
        write_into(ROOT / "docs" / "sizing.md", read(given.folder / "all.json"))
        return 0
    names = given.names or os.environ.get("ONLY", "").replace(",", " ").split() or list(DEFAULT)
    on_postgres = given.postgresql or os.environ.get("DB", "sqlite").startswith("postgres")
    where = f"processors {SERVER_CPU} and {LOAD_CPU}" if SERVER_CPU != LOAD_CPU else "one processor for all"
    tell(
        f"{'PostgreSQL' if on_postgres else 'SQLite'}, {where}; the figures are for one process of the server"
    )
    try:
        _figures, failed = run(
            names, SMALL if given.small else Sizes(), on_postgres=on_postgres, folder=given.folder
        )
    except CannotRun as error:
        tell(f"The benchmarks cannot run: {error}")
        return 1
    for fault in failed:
        tell(f"Could not run: {fault}")
    return 1 if failed else 0


def _stopped(number: int, _frame: object) -> None:
    """As Ctrl-C does: servers and folders are cleared away on the way out."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)
    sys.exit(main())
