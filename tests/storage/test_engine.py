"""Which databases are opened, how, and which are refused with a sentence that says what to do."""

import os
import stat
from pathlib import Path

import pytest

from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.engine import UnfitDatabase, check_postgres, check_sqlite, open_engine


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 0), (3, 51, 2)])
def test_versions_that_can_lose_commits_are_refused(version: tuple[int, int, int]) -> None:
    with pytest.raises(UnfitDatabase, match="install an apsw"):
        check_sqlite(version)


@pytest.mark.parametrize("version", [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 54, 1), (4, 0, 0)])
def test_repaired_versions_are_taken(version: tuple[int, int, int]) -> None:
    check_sqlite(version)


def test_a_vulnerable_library_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw_dbapi, "sqlite_version_info", (3, 50, 4))
    with pytest.raises(UnfitDatabase, match=r"SQLite 3\.50\.4 can lose"):
        open_engine(f"sqlite:///{tmp_path}/a.db")
    assert not (tmp_path / "a.db").exists()


def test_old_postgresql_is_refused() -> None:
    check_postgres(150_013)
    with pytest.raises(UnfitDatabase, match="PostgreSQL 14 is too old; version 15"):
        check_postgres(140_010)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("mysql://localhost/x", "not supported"),
        ("sqlite+pysqlite:///x.db", "not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nowhere/at/all/x.db", "does not exist"),
    ],
)
def test_other_urls_are_refused(url: str, says: str) -> None:
    with pytest.raises(UnfitDatabase, match=says):
        open_engine(url)


def test_sqlite_is_durable_checked_and_private(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:

        def ask(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

        assert ask("journal_mode") == "wal"
        assert ask("synchronous") == 2
        assert ask("foreign_keys") == 1
        assert ask("busy_timeout") == 5000
        assert ask("temp_store") == 2
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600, file
    engine.dispose()


@pytest.mark.postgres
def test_both_spellings_of_postgresql(postgres_server: object) -> None:
    name = postgres_server.create()  # type: ignore[attr-defined]
    url: str = postgres_server.url(name)  # type: ignore[attr-defined]
    for spelling in (url, url.replace("postgresql://", "postgresql+psycopg://")):
        engine = open_engine(spelling)
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
        engine.dispose()
    postgres_server.drop(name)  # type: ignore[attr-defined]
