"""A log line is one line, says what it is about, and holds nobody's words."""

import asyncio
import logging
import os
import pty
import subprocess
import sys
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from fedi_cluster.storage.engine import open_engine
from fedi_cluster.telemetry.doing import also_doing, as_before, doing, now_doing, what_is_done
from fedi_cluster.telemetry.logs import begin_log

pytestmark = pytest.mark.anyio

_MAIL = "ola@szczecin.example"
_log = logging.getLogger("fedi_cluster.test")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_json_has_its_moment_and_what_is_done(
    own_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    begin_log("info", "json")
    before = now_doing(job=7, kind="federation.deliver")
    try:
        also_doing(host="rostock.example")
        _log.info("answered %d", 202)
        _log.debug("not wanted")
    finally:
        as_before(before)
    (line,) = _lines(capsys)
    moment = datetime.fromisoformat(str(line.pop("time")))
    assert moment.utcoffset() == timedelta()
    assert line == {
        "level": "info",
        "logger": "fedi_cluster.test",
        "message": "answered 202",
        "job": 7,
        "kind": "federation.deliver",
        "host": "rostock.example",
    }


def test_without_a_terminal_it_is_json(own_logging: None, capsys: pytest.CaptureFixture[str]) -> None:
    begin_log("warning")
    _log.warning("half a character \ud800")
    (line,) = _lines(capsys)
    assert line["message"] == "half a character \\ud800"


def test_a_terminal_gets_text() -> None:
    code = "from fedi_cluster.telemetry.logs import begin_log; import logging; begin_log('info'); logging.info('read me')"
    reading, writing = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", code], stderr=writing, check=True, cwd=Path(__file__).resolve().parents[2]
    )
    os.close(writing)
    said = os.read(reading, 1000).decode()
    os.close(reading)
    assert said.rstrip().endswith("Z INFO root: read me")


def test_a_strangers_text_cannot_begin_a_line(own_logging: None, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "text"):
        begin_log("info", form)
        with doing(request="abc"):
            _log.info("from %s", "x\n2026-01-01 ERROR forged: \x1b[2J\u2028")
        line, rest = capsys.readouterr().err.split("\n")
        assert not rest
        assert "forged" in line
        assert "\x1b" not in line
        assert "abc" in line


def test_no_value_of_a_row_is_logged(
    database_url: str, own_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE person (mail TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO person VALUES (:mail)"), {"mail": _MAIL})
    begin_log("info", "json")
    try:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO person VALUES (:mail)"), {"mail": _MAIL})
    except Exception:
        _log.exception("refused")
    finally:
        engine.dispose()
    (line,) = _lines(capsys)
    assert "UNIQUE" in str(line["error"]) or "unique" in str(line["error"])
    assert "INSERT INTO person" in str(line["error"])
    assert _MAIL not in str(line)


async def test_tasks_keep_apart_and_hand_on(own_logging: None) -> None:
    seen: dict[str, object] = {}

    async def inner(name: str) -> None:
        await asyncio.sleep(0)
        seen[name] = what_is_done().get("job")

    async def outer(job: int) -> None:
        now_doing(job=job)
        await asyncio.create_task(inner(f"task of {job}"))
        loop = asyncio.get_running_loop()
        seen[f"thread of {job}"] = await loop.run_in_executor(None, copy_context().run, what_is_done)

    await asyncio.gather(outer(1), outer(2))
    assert seen == {
        "task of 1": 1,
        "task of 2": 2,
        "thread of 1": {"job": 1},
        "thread of 2": {"job": 2},
    }
    assert what_is_done() == {}
