"""`init`: what it writes, what it refuses, and that a fault leaves nothing in the way of a second try."""

import stat
from pathlib import Path

import pytest

from fedi_cluster.cli import init as init_file
from fedi_cluster.community.instances.queries import identity_of
from fedi_cluster.settings import load
from tests.cli.conftest import Instance, run

GIVEN = ("--base-url", "https://rostock.example", "--region", "rostock", "--name", "Rostock", "--lang", "de")


def test_it_founds_what_was_said(instance: Instance) -> None:
    settings = load(instance.file, {})
    assert (settings.base_url, settings.region, settings.language) == (
        "https://szczecin.example",
        "szczecin",
        "pl",
    )
    assert settings.time_zone == "Europe/Warsaw"
    assert settings.data_dir == instance.folder, "the folder may be moved"
    house = instance.house()
    assert house.db.read_now(identity_of)["editorial"] == "redakcja"
    house.db.close()


def test_nobody_else_reads_settings_and_keys(instance: Instance) -> None:
    for file in (instance.file, instance.folder / "fedi-cluster.sqlite"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_it_touches_no_instance_that_is_there(instance: Instance) -> None:
    before = instance.file.read_bytes()
    result = run("init", *GIVEN, "--data-dir", str(instance.folder))
    assert result.exit_code == 1
    assert "already" in result.stderr
    assert instance.file.read_bytes() == before
    instance.file.unlink()
    result = run("init", *GIVEN, "--data-dir", str(instance.folder))
    assert result.exit_code == 1
    assert "belongs to an instance already" in result.stderr
    assert not instance.file.exists()


def test_what_is_missing_is_named_where_nobody_can_be_asked(tmp_path: Path) -> None:
    result = run("init", "--base-url", "https://rostock.example", "--lang", "de")
    assert result.exit_code == 2
    assert "--region, --name, --data-dir" in result.stderr


def test_at_a_terminal_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_file, "is_terminal", lambda: True)
    result = run("init", "--lang", "de", given="https://rostock.example\nrostock\n\n\n")
    assert result.exit_code == 0, result.output
    settings = load(tmp_path / "rostock" / "fedi-cluster.toml", {})
    assert (settings.region_name, settings.time_zone) == ("Rostock", "Europe/Berlin")
    assert "@redaktion@rostock.example" in result.stdout


def test_all_faults_are_told_at_once_and_a_second_try_is_possible(tmp_path: Path) -> None:
    folder = tmp_path / "rostock"
    wrong = ("--base-url", "ftp://rostock", "--region", "Ro stock", "--name", "R", "--lang", "de")
    result = run("init", *wrong, "--data-dir", str(folder))
    assert result.exit_code == 1
    assert "base_url" in result.stderr
    assert "region" in result.stderr
    assert not (folder / "fedi-cluster.toml").exists()
    result = run("init", *GIVEN, "--data-dir", str(folder), "--editorial", "Not A Name")
    assert result.exit_code == 1
    assert not (folder / "fedi-cluster.toml").exists()
    result = run(
        "init", *GIVEN, "--data-dir", str(folder), "--editorial", "buero", "--bind", "127.0.0.1:8444",
        "--handle-domain", "rostock.test", "--description", "Kunst & Bau", "--time-zone", "Europe/Paris",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "@buero@rostock.test" in result.stdout
    settings = load(folder / "fedi-cluster.toml", {})
    assert (settings.bind, settings.description) == ("127.0.0.1:8444", "Kunst & Bau")
