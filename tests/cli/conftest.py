"""A founded instance in a folder, and the command line in this process."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fedi_cluster.cli import main
from fedi_cluster.settings import load
from fedi_cluster.wiring import House, open_house

ROOT = Path(__file__).resolve().parents[2]
# Processes of the tests find the project also where it is not installed.
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

PASSWORD = "four unrelated words\n"


@pytest.fixture(autouse=True)
def _without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither variables nor a settings file of the person who runs the tests count."""
    for name in list(os.environ):
        if name.startswith("FEDI_CLUSTER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, given: str = "") -> Result:
    """The result of a command; `given` is its standard input. An error that nobody foresaw is raised."""
    result = CliRunner().invoke(main, arguments, input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@dataclass(frozen=True)
class Instance:
    """A founded instance; `command` runs the command line with its settings."""

    folder: Path

    @property
    def file(self) -> Path:
        """Its settings."""
        return self.folder / "fedi-cluster.toml"

    def command(self, *arguments: str, given: str = "", code: int = 0) -> str:
        """What a command says on standard output; it must end with `code`."""
        result = run("--config", str(self.file), *arguments, given=given)
        assert result.exit_code == code, f"{result.exit_code}: {result.output}"
        return result.stdout

    def fault(self, *arguments: str, given: str = "") -> str:
        """What a command that must fail says on standard error."""
        result = run("--config", str(self.file), *arguments, given=given)
        assert result.exit_code == 1, f"{result.exit_code}: {result.output}"
        assert result.stderr.startswith("fedi-cluster: ")
        return result.stderr

    def house(self) -> House:
        """The instance itself, for a look behind; close its database."""
        return open_house(load(self.file, {}))


def founded_at(folder: Path, slug: str, base_url: str, *more: str) -> Instance:
    """A new instance, made by `init`."""
    result = run(
        "init", "--base-url", base_url, "--region", slug, "--name", slug.title(), "--lang", "pl",
        "--data-dir", str(folder), *more,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return Instance(folder)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an instance that is copied and never changed."""
    return founded_at(
        tmp_path_factory.mktemp("founded") / "szczecin", "szczecin", "https://szczecin.example"
    ).folder


@pytest.fixture
def instance(founded: Path, tmp_path: Path) -> Instance:
    """An instance for one test."""
    shutil.copytree(founded, tmp_path / "szczecin")
    return Instance(tmp_path / "szczecin")


@pytest.fixture
def found() -> Callable[..., Instance]:
    """Founds further instances: `found(folder, slug, base_url)`."""
    return founded_at
