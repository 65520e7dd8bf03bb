"""Each request has an id, which only a trusted proxy may choose, and a line that names its route and no token."""

import asyncio
import logging

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from fedi_cluster.app import build_app
from fedi_cluster.telemetry.doing import what_is_done
from tests.towns.town import Town, Towns

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)]

GIVEN = "6f1c-proxy.chosen_1"


async def _ask(town: Town, client: tuple[str, int], path: str = "/health", **headers: str) -> str:
    transport = httpx.ASGITransport(build_app(town.house), client=client)
    async with httpx.AsyncClient(transport=transport, base_url=f"https://{town.host}") as asking:
        answer = await asking.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert len(answer.headers.get_list("x-request-id")) == 1
    return answer.headers["x-request-id"]


async def test_only_a_trusted_proxy_chooses_the_id(towns: Towns) -> None:
    town = await towns.found("szczecin", FEDI_CLUSTER_TRUSTED_PROXIES="127.0.0.1/32")
    assert await _ask(town, ("127.0.0.1", 4711), X_Request_Id=GIVEN) == GIVEN
    # The server has put the visitor's address in the proxy's place (X-Forwarded-For): then without a port.
    assert await _ask(town, ("9.9.9.9", 0), X_Request_Id=GIVEN) == GIVEN
    assert await _ask(town, ("9.9.9.9", 4711), X_Request_Id=GIVEN) != GIVEN
    for odd in ("short", "x" * 65, 'a"b{c}d,efgh', "with space 12"):
        assert await _ask(town, ("127.0.0.1", 4711), X_Request_Id=odd) != odd


async def test_without_a_trusted_proxy_the_id_is_ours(towns: Towns) -> None:
    town = await towns.found("szczecin")
    ids = {await _ask(town, ("127.0.0.1", port), X_Request_Id=GIVEN) for port in (0, 4711)}
    assert len(ids) == 2
    assert GIVEN not in ids


async def test_a_line_names_the_route_and_no_token(towns: Towns, caplog: pytest.LogCaptureFixture) -> None:
    town = await towns.found("szczecin")
    secret = "A" * 43
    with caplog.at_level(logging.DEBUG, "fedi_cluster"):
        await town.client.get(
            f"/cluster/invitations/{secret}?code={secret}", headers={"Accept": "application/json"}
        )
        await town.page("/@ola?secret=word")
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "GET /cluster/invitations/{token} answered 401" in said
    assert "GET /@{name} answered 404" in said
    assert secret not in said
    assert "word" not in said


async def test_afterwards_the_task_does_what_it_did_before(towns: Towns) -> None:
    town = await towns.found("szczecin")
    await town.page("/")
    assert what_is_done() == {}


async def test_a_fault_of_ours_keeps_its_id_for_the_servers_log(towns: Towns) -> None:
    town = await towns.found("szczecin")
    with town.house.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE cluster_post")

    async def ask() -> None:
        with pytest.raises(DBAPIError):
            await town.page("/")
        assert "request" in what_is_done()

    await asyncio.create_task(ask())
