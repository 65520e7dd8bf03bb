"""`/health`, `/ready` and `/metrics`: who may read them, what they say when something is wrong."""

import asyncio
import gc
from collections.abc import Mapping

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from fedi_cluster.app import build_app
from fedi_cluster.http import operation
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Unit
from tests.towns.stranger import stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

TOKEN = "cQ4vW9Zr2sLx8TqNfB1d"
NEIGHBOURS = ("127.0.0.1", "::1", "10.1.2.3", "fd00::7")
# The database plays no part in these.
embedded = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
PUBLIC = ("9.9.9.9", "2620:fe::fe")


@pytest.fixture
async def town(towns: Towns) -> Town:
    return await towns.found("szczecin", "pl", FEDI_CLUSTER_METRICS_TOKEN=TOKEN)


async def _ask(town: Town, path: str, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(build_app(town.house), client=(client, 4711))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{town.host}") as asking:
        return await asking.get(path, headers=named)


def _values(answer: httpx.Response) -> Mapping[tuple[str, ...], float]:
    """Name and sorted label values to value."""
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_healthy_server_is_ready(town: Town) -> None:
    for path, said in (("/health", {"status": "ok"}), ("/ready", {"status": "ready"})):
        for accept in ("*/*", "text/html"):
            answer = await town.client.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (200, said)
            assert answer.headers["cache-control"] == "no-store"


async def _not_ready(town: Town) -> str:
    answer = await town.client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert int(answer.headers["retry-after"]) > 0
    assert (await town.client.get("/health")).status_code == 200, "it lives all the same"
    return str(answer.json()["reason"])


@embedded
async def test_who_drains_is_not_ready(town: Town) -> None:
    town.house.readiness.drain()
    assert "stopping" in await _not_ready(town)
    assert (await town.page("/")).status_code == 200, "what still comes is served"


async def test_another_schema_is_not_ready(town: Town) -> None:
    def change(unit: Unit) -> None:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = 'another'"))

    await town.house.db.write(change)
    assert "fedi-cluster migrate" in await _not_ready(town)


async def test_a_database_that_is_closed_is_not_ready(town: Town) -> None:
    town.house.db.close()
    assert await _not_ready(town) == "The database does not answer."
    values = _values(await _ask(town, "/metrics"))
    assert values["fedi_cluster_database_up",] == 0
    assert any(name[0] == "fedi_cluster_http_request_seconds_count" for name in values)


@embedded
async def test_a_database_that_hangs_is_not_ready(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "PATIENCE", 0.1)
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_reader: object) -> None:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)

    hanging = [asyncio.create_task(town.house.db.read(hang)) for _ in range(3)]
    await asyncio.sleep(0.05)
    try:
        assert "has not answered for 0.1 seconds" in await _not_ready(town)
    finally:
        release.set()
        await asyncio.gather(*hanging)


@embedded
async def test_neighbours_read_the_metrics(town: Town) -> None:
    for client in NEIGHBOURS:
        answer = await _ask(town, "/metrics", client)
        assert answer.status_code == 200, client
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"


@embedded
async def test_nobody_else_learns_that_there_are_any(town: Town) -> None:
    nothing = await _ask(town, "/there-is-nothing", "9.9.9.9", Accept="application/json")
    asked: list[httpx.Response] = [await _ask(town, "/metrics", client) for client in PUBLIC]
    # A proxy on this machine asks for the whole world.
    asked += [
        await _ask(town, "/metrics", X_Forwarded_For="9.9.9.9"),
        await _ask(town, "/metrics", Forwarded="for=9.9.9.9"),
        await _ask(town, "/metrics", Via="1.1 proxy"),
        await _ask(town, "/metrics", "9.9.9.9", Authorization=f"Bearer {TOKEN}x"),
        await _ask(town, "/metrics", "9.9.9.9", Authorization=TOKEN),
        await _ask(town, "/metrics", "127.0.0.1", Authorization="Bearer wrong"),
    ]
    assert {answer.status_code for answer in asked} == {nothing.status_code} == {404}


@embedded
async def test_the_token_opens_from_anywhere(town: Town) -> None:
    for client, more in (("9.9.9.9", {}), ("127.0.0.1", {"X_Forwarded_For": "9.9.9.9"})):
        answer = await _ask(town, "/metrics", client, Authorization=f"Bearer {TOKEN}", **more)
        assert answer.status_code == 200


@embedded
async def test_requests_and_refusals_are_counted_by_route(town: Town, towns: Towns) -> None:
    there = stranger(towns)
    mia = there.person("mia")
    before = _values(await _ask(town, "/metrics"))
    await town.page("/r/szczecin")
    await town.page("/de/r/szczecin")
    await there.post(town, mia, b"no JSON at all")
    answer = await town.client.post(
        "/inbox", content=b"{}", headers={"Content-Type": "application/activity+json"}
    )
    assert answer.status_code == 401
    after = _values(await _ask(town, "/metrics"))

    def more(*name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert more("fedi_cluster_http_request_seconds_count", "GET", "/r/{slug}", "200") == 2
    assert more("fedi_cluster_http_request_seconds_count", "POST", "/inbox", "401") == 1
    assert more("fedi_cluster_refusals_total", "Unauthenticated", "/inbox") == 1
    assert more("fedi_cluster_refusals_total", "Malformed", "/inbox") == 1


async def test_what_waits_is_read_from_the_database(town: Town, towns: Towns) -> None:
    there = stranger(towns)
    mia = there.person("mia")
    quiet = _values(await _ask(town, "/metrics"))
    assert quiet["fedi_cluster_inbox_waiting",] == 0
    assert quiet["fedi_cluster_lanes", "waiting"] == 0
    assert quiet["fedi_cluster_database_up",] == 1
    for _ in range(3):
        assert (await there.post(town, mia, there.create(mia, there.note(mia, "x")))).status_code == 202
    towns.clock.forward(seconds=90)
    waiting = _values(await _ask(town, "/metrics"))
    assert waiting["fedi_cluster_inbox_waiting",] == 3
    assert waiting["fedi_cluster_inbox_age_seconds",] == 90
    assert sum(value for name, value in waiting.items() if name[0] == "fedi_cluster_queue_jobs") > 0
    await town.work()
    assert _values(await _ask(town, "/metrics"))["fedi_cluster_inbox_waiting",] == 0


async def test_what_was_given_up_of_the_inbox_is_seen(town: Town, towns: Towns) -> None:
    there = stranger(towns)
    mia = there.person("mia")
    said = [there.create(mia, there.note(mia, "x")) for _ in range(3)]
    for one in said:
        assert (await there.post(town, mia, one)).status_code == 202
    assert _values(await _ask(town, "/metrics"))["fedi_cluster_inbox_dead",] == 0

    def give_up(unit: Unit) -> None:
        """Two by a fault of ours; the body of one is not kept any more."""
        for number, raw in ((0, b"{"), (1, None)):
            one = update(inbox_log).where(inbox_log.c.activity_uri == said[number]["id"])
            unit.connection.execute(one.values(state="dead", raw=raw, reason="broken"))

    await town.house.db.write(give_up)
    found = _values(await _ask(town, "/metrics"))
    assert found["fedi_cluster_inbox_dead",] == 1
    assert found["fedi_cluster_inbox_waiting",] == 1


async def test_what_is_kept_to_be_quicker_is_seen(town: Town) -> None:
    gc.collect()  # other tests of this process have let go of theirs
    before = _values(await _ask(town, "/metrics"))["fedi_cluster_cache_bytes", "answers"]
    kept: ByteLru[str, bytes] = ByteLru(1 << 20)
    kept.put("one", b"", 50_000)
    found = _values(await _ask(town, "/metrics"))
    assert found["fedi_cluster_cache_bytes", "answers"] >= before + 50_000
    assert 0 <= found["fedi_cluster_cache_bytes", "database"] < 64 << 20


async def test_a_lane_that_waits_is_seen(town: Town, towns: Towns) -> None:
    there = stranger(towns)
    mia, ola = there.person("mia"), await town.person("ola")
    await there.say(town, mia, there.activity(mia, "Follow", ola.uri))
    await town.work()
    towns.network.down(there.host)
    await town.post("ola", "Nikt nie słyszy")
    await town.work()
    towns.clock.forward(minutes=2)
    values = _values(await _ask(town, "/metrics"))
    assert values["fedi_cluster_lanes", "waiting"] == 1
    assert values["fedi_cluster_deliveries", "waiting"] == 1
    # Its age comes from its id, whose moment has whole milliseconds.
    assert 119.9 < values["fedi_cluster_delivery_age_seconds",] < 121
