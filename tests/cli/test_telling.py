"""Real processes tell what they do: lines with ids, figures of all processes together, spans of a request."""

from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.conftest import Instance
from tests.cli.serving import free_port, started
from tests.telemetry.collector import Collector


def _set(instance: Instance, *lines: str) -> None:
    """Further settings, before the first table of the file."""
    settings = instance.file.read_text("utf-8")
    instance.file.write_text("\n".join([*lines, settings]), "utf-8")


def _lines(instance: Instance) -> list[dict[str, object]]:
    return [
        orjson.loads(line) for line in instance.file.with_name("errors.txt").read_text("utf-8").splitlines()
    ]


def _value(answer: httpx.Response, name: str, **labels: str) -> float:
    assert answer.status_code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_a_server_behind_a_proxy(instance: Instance) -> None:
    _set(instance, 'log_level = "info"', 'trusted_proxies = ["127.0.0.1/32"]')
    port = free_port()
    with started(instance.file, "serve", "--bind", f"127.0.0.1:{port}") as server:
        base = f"http://127.0.0.1:{port}"
        passed_on = {"X-Forwarded-For": "9.9.9.9", "X-Request-Id": "chosen-by-proxy"}
        assert httpx.get(f"{base}/r/szczecin", headers=passed_on).headers["x-request-id"] == "chosen-by-proxy"
        assert httpx.get(f"{base}/ready", headers=passed_on).json() == {"status": "ready"}
        assert httpx.get(f"{base}/metrics", headers=passed_on).status_code == 404
        seen = httpx.get(f"{base}/metrics")
        assert _value(seen, "fedi_cluster_http_request_seconds_count", route="/r/{slug}") == 1
        assert _value(seen, "fedi_cluster_database_up") == 1
        assert _value(seen, "process_open_fds") > 0
        assert server.stop() == 0
    (line,) = [
        line for line in _lines(instance) if line.get("request") == "chosen-by-proxy" and "/r/" in str(line)
    ]
    assert str(line["message"]).startswith("GET /r/{slug} answered 200 in ")
    assert "9.9.9.9" not in str(_lines(instance)), "no address of a visitor is logged"


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_all_processes_are_counted_together(
    database_url: str, tmp_path: Path, found: Callable[..., Instance]
) -> None:
    many = found(tmp_path / "many", "many", "https://many.example", "--database-url", database_url)
    port = free_port()
    with started(many.file, "serve", "--workers", "2", "--bind", f"127.0.0.1:{port}") as server:
        for _ in range(12):  # a new connection each: both processes take some
            assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        for _ in range(4):
            seen = httpx.get(f"http://127.0.0.1:{port}/metrics")
            assert _value(seen, "fedi_cluster_http_request_seconds_count", route="/health") == 12
        assert server.stop() == 0
    files = {file.stem.rpartition("_")[2] for file in (many.folder / "metrics").glob("histogram_*.db")}
    assert len(files) == 2


def test_spans_of_a_request_and_its_jobs(instance: Instance) -> None:
    with Collector() as collector:
        _set(instance, f'otel_endpoint = "{collector.url}"')
        port = free_port()
        with started(instance.file, "serve", "--bind", f"127.0.0.1:{port}") as server:
            asked = httpx.get(f"http://127.0.0.1:{port}/r/szczecin")
            instance.command("post", "Otwarte pracownie")
            instance.command("work", "--once")
            assert server.stop() == 0
        found = {span.name: span for span in collector.spans}
        assert {"request", "job", "database_write"} <= found.keys()
        told = {one.key: one.value.string_value for one in found["request"].attributes}
        assert told["fedi_cluster.request"] == asked.headers["x-request-id"]
        assert told["http.route"] == "/r/{slug}"
