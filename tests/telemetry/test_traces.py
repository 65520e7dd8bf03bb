"""Spans reach a collector over OTLP, children beside their parents; without one nothing is imported."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.telemetry import traces
from tests.telemetry.collector import Collector

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made
        traces.end_traces()


def test_spans_reach_the_collector(collector: Collector) -> None:
    traces.begin_traces(collector.url, "szczecin.example")
    with traces.span("job", job=12, kind="federation.deliver"), traces.span("database_write"):
        pass
    with pytest.raises(ValueError, match="told"), traces.span("request"):
        raise ValueError("told")
    traces.end_traces()
    found = {span.name: span for span in collector.spans}
    assert found.keys() == {"job", "database_write", "request"}
    assert found["database_write"].parent_span_id == found["job"].span_id
    told = {one.key: one.value for one in found["job"].attributes}
    assert told["fedi_cluster.job"].int_value == 12
    assert told["fedi_cluster.kind"].string_value == "federation.deliver"
    assert found["request"].status.code == 2  # an error


def test_without_a_collector_nothing_is_imported() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from fedi_cluster.telemetry.traces import span\n"
            "with span('job', job=1) as opened: print(opened, 'opentelemetry' in sys.modules)",
        ],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "None False\n"


def test_where_the_extra_is_missing_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ClusterError, match=r"pip install 'fedi-cluster\[otel\]'"):
        traces.begin_traces("http://127.0.0.1:1/v1/traces", "szczecin.example")
    with traces.span("job") as opened:
        assert opened is None


def test_a_collector_that_is_away_harms_nobody_for_long() -> None:
    traces.begin_traces("http://127.0.0.1:1/v1/traces", "szczecin.example")
    with traces.span("job"):
        pass
    began = time.monotonic()
    traces.end_traces()
    assert time.monotonic() - began < 5
