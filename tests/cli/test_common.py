"""What all commands share: help, which settings file, faults as sentences, exit codes."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from fedi_cluster.cli import COMMANDS, main
from tests.cli.conftest import ENVIRONMENT, Instance, run


def _all_commands() -> list[tuple[str, ...]]:
    context = click.Context(main)

    def below(group: click.Group, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found.append((*path, name))
            if isinstance(command, click.Group):
                found += below(command, (*path, name))
        return found

    return below(main, ())


@pytest.mark.parametrize("path", _all_commands(), ids=" ".join)
def test_every_command_teaches_with_an_example(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"fedi-cluster {path[0]}" in result.output.partition("\n")[2], "an example"
    # The demo makes its own instances, each with its own file.
    if path not in {("post",), ("demo",)}:
        assert "--config" in result.output


def test_the_commands_of_the_plan_are_there() -> None:
    listed = {path[0] for path in _all_commands()}
    assert listed >= set(COMMANDS) - {"demo"}
    assert "init" in run("--help").output


def test_help_loads_no_heavy_part() -> None:
    code = (
        "import sys\nfrom fedi_cluster.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'uvicorn', 'httptools', 'cryptography', 'starlette', 'httpx', 'alembic'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr


def test_the_settings_file_may_stand_before_and_after_the_command(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (
        ("--config", str(instance.file), "region", "show"),
        ("region", "--config", str(instance.file), "show"),
        ("region", "show", "--config", str(instance.file)),
        ("--config", "missing.toml", "region", "show", "--config", str(instance.file)),
    ):
        assert "@region@szczecin.example" in run(*arguments).stdout
    monkeypatch.setenv("FEDI_CLUSTER_CONFIG", str(instance.file))
    assert "@region@szczecin.example" in run("region", "show").stdout
    monkeypatch.delenv("FEDI_CLUSTER_CONFIG")
    monkeypatch.chdir(instance.folder)
    assert "@region@szczecin.example" in run("region", "show").stdout


def test_a_missing_settings_file_is_one_sentence(tmp_path: Path) -> None:
    result = run("region", "show")
    assert result.exit_code == 1
    assert "fedi-cluster.toml is missing" in result.stderr
    assert "Traceback" not in result.output


def test_wrong_settings_are_told_all_at_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDI_CLUSTER_LANGUAGE", "klingon")
    monkeypatch.setenv("FEDI_CLUSTER_BIND", "nowhere")
    said = instance.fault("region", "show")
    assert "2 faults" in said
    assert "FEDI_CLUSTER_LANGUAGE" in said
    assert "FEDI_CLUSTER_BIND" in said


def test_another_identity_is_refused(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDI_CLUSTER_HANDLE_DOMAIN", "stettin.example")
    assert "can never change" in instance.fault("region", "show")


def test_without_a_database_it_says_what_to_do(instance: Instance) -> None:
    (instance.folder / "fedi-cluster.sqlite").unlink()
    assert "init" in instance.fault("region", "show")
    assert not (instance.folder / "fedi-cluster.sqlite").exists()


def test_a_database_that_is_away_is_one_sentence(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDI_CLUSTER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    said = instance.fault("region", "show")
    assert "The database is not available right now" in said
    assert "Connection refused" in said


def _say_schema(instance: Instance, statement: str) -> None:
    house = instance.house()
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    house.db.close()


def test_an_old_schema_wants_migrate(instance: Instance) -> None:
    _say_schema(instance, "DELETE FROM alembic_version")
    assert "fedi-cluster migrate" in instance.fault("region", "show")
    assert "fedi-cluster migrate" in instance.command("migrate", "--check", code=1)


@pytest.mark.parametrize(
    "command",
    ["region show", "serve", "work --once", "jobs list", "migrate", "migrate --check", "backup copies"],
)
def test_a_newer_schema_is_refused_with_one_sentence(instance: Instance, command: str) -> None:
    _say_schema(instance, "UPDATE alembic_version SET version_num = '0099'")
    said = instance.fault(*command.split())
    assert said == (
        "fedi-cluster: The database has the schema “0099” of a newer version of fedi-cluster, which this one "
        "does not know; install that version again, or restore a copy from before.\n"
    )
    assert "newer version" in instance.command("doctor", code=1)


def test_migrate_of_a_current_database_does_nothing(instance: Instance) -> None:
    assert "current" in instance.command("migrate")
    assert "current" in instance.command("migrate", "--check")


def test_an_unknown_command_is_a_wrong_command() -> None:
    assert run("serv").exit_code == 2
    assert run("jobs", "retry").exit_code == 2


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fedi_cluster", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert "fedi-cluster" in done.stdout
