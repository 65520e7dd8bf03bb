"""Around a handler: the job is named in what its task logs, and how it ended is counted; errors come through."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.watched import watched
from fedi_cluster.jobs.worker import GiveUp, Outcome, Postpone, Rest, nothing
from fedi_cluster.kernel.errors import NotFound, Unavailable
from fedi_cluster.telemetry.doing import what_is_done
from fedi_cluster.telemetry.metrics import exposition

pytestmark = pytest.mark.anyio

_NOW = datetime(2026, 11, 26, tzinfo=UTC)


def _job(kind: str, **payload: object) -> Job:
    fields = dict.fromkeys(Job.__dataclass_fields__)
    fields |= {"id": 7, "kind": kind, "payload": payload, "run_at": _NOW, "created_at": _NOW, "tries": 1}
    return Job(**fields)  # type: ignore[arg-type]


def _counted(kind: str) -> dict[str, float]:
    """Outcome to how often."""
    head = "fedi_cluster_job_seconds_count{"
    lines = [
        line for line in exposition().decode().splitlines() if line.startswith(head) and f'"{kind}"' in line
    ]
    return {line.partition('outcome="')[2].partition('"')[0]: float(line.split()[-1]) for line in lines}


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (Postpone(timedelta(minutes=1), "later"), "postponed"),
        (Unavailable("locked"), "postponed"),
        (Rest(), "rests"),
        (GiveUp("never"), "given_up"),
        (NotFound("nothing"), "given_up"),
        (ZeroDivisionError("ours"), "failed"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
async def test_how_it_ended_is_counted_and_comes_through(error: BaseException, ended: str) -> None:
    kind = f"test.{type(error).__name__}"

    async def fail(_job: Job) -> Outcome:
        raise error

    with pytest.raises(type(error)) as caught:
        await watched(fail)(_job(kind))
    assert caught.value is error
    assert _counted(kind) == {ended: 1}


async def test_what_is_done_names_the_job() -> None:
    seen: list[object] = []

    async def look(_job: Job) -> Outcome:
        seen.append(dict(what_is_done()))
        return nothing

    async def task() -> None:
        assert await watched(look)(_job("test.look", host="rostock.example")) is nothing
        seen.append(dict(what_is_done()))  # as the worker logs afterwards
        await watched(look)(_job("test.look", log_id=3))

    await asyncio.create_task(task())
    named = {"job": 7, "kind": "test.look", "host": "rostock.example"}
    assert seen == [named, named, {"job": 7, "kind": "test.look"}]
    assert _counted("test.look") == {"done": 2}
