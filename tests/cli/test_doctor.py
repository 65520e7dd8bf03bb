"""`doctor`: what it finds, and that it says what to do."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fedi_cluster.federation.remote import lanes, reach
from fedi_cluster.settings import load
from fedi_cluster.storage.unit import Unit
from fedi_cluster.wiring import open_house
from tests.cli.conftest import Instance, run
from tests.cli.serving import free_port, started


def test_a_healthy_instance(tmp_path: Path, found: Callable[..., Instance]) -> None:
    port = free_port()
    base = f"http://szczecin.localhost:{port}"
    more = ("--bind", f"127.0.0.1:{port}", "--private-networks", "127.0.0.0/8")
    well = found(tmp_path / "well", "szczecin", base, *more)
    with started(well.file, "serve"):
        said = well.command("doctor")
    assert f"{base} answers, by plain http." in said
    assert f"@region@szczecin.localhost:{port} is found." in said
    assert "0 wrong, 1 to mind" in said
    assert "right for a test, wrong for the public" in said


def test_a_server_that_does_not_run(tmp_path: Path, found: Callable[..., Instance]) -> None:
    base = f"http://szczecin.localhost:{free_port()}"
    still = found(tmp_path / "still", "szczecin", base, "--private-networks", "127.0.0.0/8")
    said = still.command("doctor", code=1)
    assert f"WRONG  {base} does not answer" in said
    assert "fedi-cluster serve" in said


def test_faults_of_settings_and_database(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDI_CLUSTER_LANGUAGE", "klingon")
    rows = json.loads(instance.command("doctor", "--json", code=1))
    assert [row["grade"] for row in rows] == ["wrong"]
    assert "FEDI_CLUSTER_LANGUAGE" in rows[0]["what"]
    monkeypatch.delenv("FEDI_CLUSTER_LANGUAGE")
    monkeypatch.setenv("FEDI_CLUSTER_HANDLE_DOMAIN", "stettin.example")
    assert "can never change" in instance.command("doctor", code=1)
    monkeypatch.delenv("FEDI_CLUSTER_HANDLE_DOMAIN")
    monkeypatch.setenv("FEDI_CLUSTER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert "cannot be reached" in instance.command("doctor", code=1)
    monkeypatch.setenv("FEDI_CLUSTER_DATABASE_URL", "sqlite:////nowhere/at/all.sqlite")
    assert "init" in instance.command("doctor", code=1)


def test_an_old_schema_and_a_missing_file(instance: Instance) -> None:
    house = instance.house()
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    house.db.close()
    assert "fedi-cluster migrate" in instance.command("doctor", code=1)
    result = run("doctor")
    assert result.exit_code == 1
    assert "fedi-cluster init" in result.stdout


def test_a_full_disk(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, grade in ((10 << 20, "WRONG"), (500 << 20, "mind"), (50 << 30, "ok")):
        usage = (1 << 40, 0, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder, usage=usage: _Usage(*usage))
        said = instance.command("doctor", code=1)
        (line,) = [line for line in said.splitlines() if "are free" in line]
        assert line.startswith(grade)


class _OneHourAgo:
    """A clock for what happened before."""

    def now(self) -> datetime:
        """An hour before the machine's."""
        return datetime.now(UTC) - timedelta(hours=1)


def test_a_queue_that_stands_still(instance: Instance) -> None:
    def write(unit: Unit) -> None:
        lanes.add(unit, ["https://rostock.example/inbox"], 1, activity_id=1)
        reach.fail(unit, reach.way(unit, "rostock.example").after_failure(unit.now), "no answer in time")
        lanes.add(unit, ["https://karlshamn.example/inbox"], 1, activity_id=1)

    house = open_house(load(instance.file, {}), clock=_OneHourAgo())
    house.db.write_locking_now(write)
    house.db.close()
    said = instance.command("doctor", code=1)
    assert "nobody does it" in said
    assert "1 deliveries wait for rostock.example; 1 tries failed: no answer in time" in said
    assert "karlshamn.example;" not in said


class _Usage:
    def __init__(self, total: int, used: int, free: int) -> None:
        self.total, self.used, self.free = total, used, free
