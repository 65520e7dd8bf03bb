"""Counts and latencies of this process, kept in memory or shared in files; no label ever names a person.

What is measured stands in MEASURED and nowhere else. Two functions, each about a microsecond:

    count("refusals", route="/inbox", reason="Unauthenticated")
    observe("job", seconds, kind=job.kind, outcome="done")

Labels are given in full and in any order; every value is from a small fixed set (a kind, a class, a status),
never a host, an address or an id. Gauges are not kept at all: whoever answers a scrape asks the database for
them and hands them in as `Gauge`.

Several processes of one machine share what they count: `share(folder)` before the first count makes each of
them write to a file of its own in that folder, and a scrape of any of them adds all files up.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "fedi_cluster_"
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_ROOM = 2 * 1024 * 1024  # some 700 label sets of a latency

_log = logging.getLogger(__name__)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_LONG = (0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 3600, 86_400, 604_800)


@dataclass(frozen=True, slots=True)
class Measured:
    """One family: what it says, its labels, and the upper bounds of its latencies (none: a counter)."""

    text: str
    labels: tuple[str, ...]
    seconds: tuple[float, ...] = ()


MEASURED: Mapping[str, Measured] = {
    "http_request": Measured(
        "Requests answered, and how long it took.", ("method", "route", "status"), _SECONDS
    ),
    "refusals": Measured("Requests refused, by class of error.", ("route", "reason")),
    "inbox_processed": Measured(
        "Activities worked to their end, by type and outcome; seconds since they were received.",
        ("type", "outcome"),
        _LONG,
    ),
    "delivery": Measured("Deliveries tried, and how long the receiver took.", ("outcome",), _SECONDS),
    "job": Measured("Jobs run, and how long it took.", ("kind", "outcome"), _SECONDS),
    "database_write": Measured(
        "Transactions asked for, queueing and commit included.", ("outcome",), _SECONDS
    ),
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value of this moment, read for a scrape: name without prefix, text, label values to value."""

    name: str
    text: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


def count(name: str, **labels: str) -> None:
    """One more of the counter `name` of MEASURED; raises `KeyError` for an unknown name or missing label."""
    _child(name, labels).inc()


def observe(name: str, seconds: float, **labels: str) -> None:
    """One more of the latency `name` of MEASURED, which took `seconds`; raises as `count`."""
    _child(name, labels).observe(seconds)


def share(folder: Path) -> None:
    """Lets the processes of one machine that use `folder` count together; before anything is counted.

    Files of processes that have ended are dropped first: what they counted is gone, as after a restart.
    Raises `OSError` where the folder cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdecimal() and not _runs(int(process)):
            file.unlink(missing_ok=True)
    # The library reads this when it is imported: now, so that processes forked from here share its memory.
    os.environ[_FOLDER_VARIABLE] = str(folder)
    import prometheus_client  # noqa: F401


def exposition(gauges: Iterable[Gauge] = ()) -> bytes:
    """Everything counted, and `gauges`, in Prometheus' text format (0.0.4)."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest

    if folder := os.environ.get(_FOLDER_VARIABLE):
        from prometheus_client.multiprocess import MultiProcessCollector

        counted = CollectorRegistry()
        MultiProcessCollector(counted, path=folder)  # type: ignore[no-untyped-call]
    else:
        counted = _registry()
    now = CollectorRegistry(auto_describe=False)
    now.register(_Present(gauges))
    return generate_latest(counted) + generate_latest(now)


class _Present:
    """Gauges as a collector, for one scrape."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        for gauge in self._gauges:
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.text, labels=gauge.labels)
            for labels, value in gauge.values.items():
                family.add_metric(labels, value)
            yield family


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reserve(folder: Path) -> None:
    """Takes the room on the disk before the library maps its files; raises `OSError` where there is none.

    A mapped page for which a full disk has no room ends the process (SIGBUS): counting must never do that.
    """
    for kind in ("counter", "histogram"):
        with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)


def _count_alone() -> None:
    """Back to memory: the library has chosen files when it was imported."""
    from prometheus_client import values

    del os.environ[_FOLDER_VARIABLE]
    values.ValueClass = values.MutexValue


@cache
def _registry() -> "CollectorRegistry":
    if folder := os.environ.get(_FOLDER_VARIABLE):
        try:
            _reserve(Path(folder))
        except OSError as error:
            _log.warning("this process counts for itself alone: %s", error)
            _count_alone()
    from prometheus_client import CollectorRegistry, ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)  # memory, processor time, open files: of this process
    return registry


@cache
def _family(name: str) -> Any:
    from prometheus_client import Counter, Histogram

    measured = MEASURED[name]
    if measured.seconds:
        return Histogram(
            f"{PREFIX}{name}_seconds",
            measured.text,
            measured.labels,
            registry=_registry(),
            buckets=measured.seconds,
        )
    return Counter(f"{PREFIX}{name}_total", measured.text, measured.labels, registry=_registry())


# The library's own look-up of labels takes a lock and costs twice what the counting does.
_children: dict[tuple[object, ...], Any] = {}


def _child(name: str, labels: Mapping[str, str]) -> Any:
    key = (name, *labels.items())
    child = _children.get(key)
    if child is None:
        measured = MEASURED[name]
        if set(labels) != set(measured.labels):
            raise KeyError(f"{name} has the labels {', '.join(measured.labels)}")
        child = _children[key] = _family(name).labels(**labels)
    return child
