"""The transport of the towns: whole applications, outages and slowness without sockets."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from fedi_cluster.kernel.errors import TooLarge, Unreachable
from fedi_cluster.outbound import Outbound
from fedi_cluster.settings import load
from tests.towns.transport import TownTransport

pytestmark = pytest.mark.anyio

SETTINGS = load(
    None,
    {
        "FEDI_CLUSTER_BASE_URL": "https://ours.example",
        "FEDI_CLUSTER_REGION": "x",
        "FEDI_CLUSTER_REGION_NAME": "X",
    },
)


async def echo(request: Request) -> Response:
    body = (await request.body()).decode()
    return PlainTextResponse(f"{request.method} {request.url} {body} {request.headers['user-agent']}")


async def away(_request: Request) -> Response:
    return RedirectResponse("https://szczecin.example/echo")


async def bomb(_request: Request) -> Response:
    return Response(gzip.compress(b"\0" * 2_000_000), headers={"Content-Encoding": "gzip"})


APP = Starlette(
    routes=[Route("/echo", echo, methods=["GET", "POST"]), Route("/away", away), Route("/bomb", bomb)]
)


@pytest.fixture
def towns() -> TownTransport:
    made = TownTransport()
    made.add("szczecin.example", APP)
    made.add("rostock.example", APP)
    return made


async def test_a_town_answers_by_its_name(towns: TownTransport) -> None:
    outbound = Outbound(SETTINGS, towns)
    answer = await outbound.get("https://rostock.example/away")
    assert answer.url == "https://szczecin.example/echo"
    assert answer.body.decode() == f"GET https://szczecin.example/echo  {outbound.user_agent}"
    posted = await outbound.post("https://szczecin.example/echo", b"hello")
    assert posted.body.startswith(b"POST https://szczecin.example/echo hello")
    assert [(sent.method, sent.status) for sent in towns.log] == [("GET", 307), ("GET", 200), ("POST", 200)]
    assert len(towns.sent_to("szczecin.example", "POST")) == 1


async def test_outages_and_slowness(towns: TownTransport) -> None:
    outbound = Outbound(SETTINGS, towns)
    towns.down("rostock.example")
    towns.slow("szczecin.example", 45)
    for host in ("rostock.example", "szczecin.example", "unknown.example"):
        with pytest.raises(Unreachable) as caught:
            await outbound.get(f"https://{host}/echo")
        assert not caught.value.permanent
    assert [sent.status for sent in towns.log] == [None, None, None]
    towns.down("rostock.example", down=False)
    towns.slow("szczecin.example", 0)
    for host in ("rostock.example", "szczecin.example"):
        assert (await outbound.get(f"https://{host}/echo")).status == 200


async def test_a_status_as_often_as_told(towns: TownTransport) -> None:
    outbound = Outbound(SETTINGS, towns)
    towns.answer("rostock.example", 503, times=2)
    found = [(await outbound.post("https://rostock.example/echo", b"")).status for _ in range(3)]
    assert found == [503, 503, 200]


async def test_bounds_hold_here_too(towns: TownTransport) -> None:
    with pytest.raises(TooLarge):
        await Outbound(SETTINGS, towns).get("https://rostock.example/bomb")
