"""kill -9 in the middle of a migration: the next one ends it, and the schema is whole."""

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from fedi_cluster.demo.commands import run_command
from fedi_cluster.settings import write_file
from fedi_cluster.storage import migrate
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.tables import metadata
from tests.plugins.databases import PostgresServer

RUNS = int(os.environ.get("FAULTS_RUNS") or 25)
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))
_PATIENCE = 60.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """Gives the URL of an empty database by its number."""
    if request.param == "sqlite":
        yield lambda number: f"sqlite:///{tmp_path}/{number}.sqlite"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    yield lambda _number: server.url(server.create())


def _settings(folder: Path, url: str) -> Path:
    file = folder / "fedi-cluster.toml"
    file.unlink(missing_ok=True)
    values = {"base_url": "https://szczecin.example", "region": "szczecin", "region_name": "Szczecin"}
    write_file(values | {"database_url": url}, file)
    return file


@pytest.mark.timeout(60 * 60)
def test_a_migration_that_was_cut_off_is_ended_by_the_next(
    fresh: Callable[[int], str], tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    cut, whole = 0, 0.0
    for number in (-1, 0):  # the first one also loads what all run
        began = time.monotonic()
        done = run_command(["--config", str(_settings(tmp_path, fresh(number))), "migrate"], _PATIENCE)
        assert done.code == 0, done.complained
        whole = time.monotonic() - began
    print(f"\nseed {SEED}, {RUNS} kills of a migration that takes {whole:.2f} s")
    for number in range(1, RUNS + 1):
        url = fresh(number)
        line = ["--config", str(_settings(tmp_path, url)), "migrate"]
        try:
            run_command(line, chance.uniform(0.02, whole))
        except TimeoutError:
            cut += 1
        again = run_command(line, _PATIENCE)
        assert again.code == 0, f"seed {SEED}, run {number}: {again.complained}"
        assert migrate.is_current(url)
        engine = open_engine(url)
        assert set(metadata.tables) <= set(sa.inspect(engine).get_table_names())
        engine.dispose()
    assert cut >= RUNS // 5, "hardly any migration was cut off"
