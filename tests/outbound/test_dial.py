"""Names with several addresses, some of them dead, and look-ups that are shared; real sockets, both event loops."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound import Bounds, NetworkTransport
from fedi_cluster.outbound import dial as dial_module
from fedi_cluster.outbound import resolver as resolver_module
from fedi_cluster.outbound.pool import Origin
from fedi_cluster.outbound.resolver import GuardedResolver
from tests.outbound.strangers import Heard, Stranger, network, places_taken, say, settings, stranger

pytestmark = pytest.mark.anyio

BOUNDS = Bounds(1000, 1.5, 1.0, 3.0)
LIVING, DEAD, CLOSED = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: their transports differ."""
    return "asyncio", {"use_uvloop": request.param}


async def fine(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    say(writer, 200, b"fine")


class Names:
    """What names mean, instead of the machine's resolver, which is outside our power; `asked` counts."""

    def __init__(self, *addresses: str, seconds: float = 0.0) -> None:
        self.addresses = addresses
        self.seconds = seconds
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        import time

        self.asked += 1
        time.sleep(self.seconds)
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(self.addresses)


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str, seconds: float = 0.0) -> Names:
    found = Names(*addresses, seconds=seconds)
    monkeypatch.setattr(resolver_module, "_ask", found)
    return found


@contextmanager
def dead(port: int) -> Iterator[None]:
    """At `DEAD` and this port nobody connects and nobody is refused: the queue is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.socket()))
        listening.bind((DEAD, port))
        listening.listen(0)
        for _ in range(3):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex((DEAD, port))
        yield


async def seconds_of(transport: NetworkTransport, server: Stranger) -> float:
    """How long one request takes over a new connection."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    found = await transport.exchange(
        "GET", server.url("/", "two.example"), {"Connection": "close"}, b"", BOUNDS
    )
    assert found.body == b"fine"
    for connection in tuple(transport._pool._open):
        connection.close()
    return loop.time() - began


@pytest.mark.parametrize("addresses", [(DEAD, LIVING), (CLOSED, LIVING), (CLOSED, DEAD, "::1", LIVING)])
async def test_a_dead_address_does_not_hide_a_living_one(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    asked = names(monkeypatch, *addresses)
    allowed = settings(PRIVATE_NETWORKS="127.0.0.0/8,::1/128")
    async with stranger(fine) as server, network(allowed) as transport:
        with dead(server.port):
            assert await seconds_of(transport, server) < 1.0
            assert await seconds_of(transport, server) < 0.2, "the next one begins with what lives"
            assert places_taken(transport) == 0
        assert (server.connections, asked.asked) == (2, 1)


async def test_of_those_that_connect_at_once_one_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "_STAGGER", 0.0)
    names(monkeypatch, *[LIVING] * 4)
    came: list[asyncio.StreamWriter] = []
    left: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        while await reader.read(1000):
            say(writer, 200, b"fine")
        left.append(writer)
        writer.close()

    listening = await asyncio.start_server(serve, LIVING, 0)
    url = f"http://two.example:{listening.sockets[0].getsockname()[1]}/"
    async with network(settings()) as transport:
        assert (await transport.exchange("GET", url, {}, b"", BOUNDS)).body == b"fine"
        await asyncio.sleep(0.1)
        assert len(came) - len(left) == places_taken(transport) == 1
    await asyncio.sleep(0.05)
    assert len(came) == len(left)
    listening.close()


async def test_where_all_are_dead_it_ends_in_time_and_the_name_is_asked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = names(monkeypatch, DEAD, CLOSED)
    async with stranger(fine) as server, network(settings()) as transport:
        with dead(server.port):
            began = asyncio.get_running_loop().time()
            with pytest.raises(Unreachable, match="no answer in time"):
                await seconds_of(transport, server)
            assert 1.4 < asyncio.get_running_loop().time() - began < 2.2
        asked.addresses = (LIVING,)
        assert await seconds_of(transport, server) < 0.5
        assert asked.asked == 2


async def test_all_refused_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, CLOSED, "127.0.0.4")
    async with stranger(fine) as server, network(settings()) as transport:
        with pytest.raises(Unreachable, match="ConnectionRefused"):
            await seconds_of(transport, server)


async def test_those_who_wait_for_one_name_share_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, LIVING, seconds=0.1)
    async with stranger(fine) as server, network(settings()) as transport:
        url = server.url("/", "shared.example")
        waiting = [asyncio.ensure_future(transport.exchange("GET", url, {}, b"", BOUNDS)) for _ in range(6)]
        await asyncio.sleep(0.03)
        waiting[0].cancel()  # the one who asked
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert not any(isinstance(one, BaseException) for one in found[1:])
        assert asked.asked == 1


async def test_an_answer_is_used_for_a_while_and_a_failure_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch)
    async with stranger(fine) as server, network(settings()) as transport:
        for number in (1, 2):
            with pytest.raises(Unreachable, match=r"no address: .*not known"):
                await seconds_of(transport, server)
            assert asked.asked == number
        asked.addresses = (LIVING,)
        for _ in range(3):
            await seconds_of(transport, server)
        assert asked.asked == 3
        monkeypatch.setattr(dial_module, "_KNOWN_FOR", 0.0)
        transport._dialler._known.clear()
        for number in (4, 5):
            await seconds_of(transport, server)
            assert asked.asked == number


async def test_what_is_known_is_checked_where_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a name that was allowed when it was looked up: the check is the last step before the socket."""
    names(monkeypatch, LIVING)
    async with stranger(fine) as server, network(settings()) as transport:
        await seconds_of(transport, server)
        transport._dialler._settings = settings(PRIVATE_NETWORKS="10.0.0.0/8")
        with pytest.raises(Unreachable, match="address not allowed"):
            await seconds_of(transport, server)
        assert server.connections == 1


async def test_both_versions_are_among_those_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = GuardedResolver(settings())
    names(monkeypatch, *(f"2a00:1450::{n}" for n in range(1, 6)), "1.1.1.1", "1.1.1.2")
    try:
        assert await resolver.resolve("both.example", 443) == [
            "2a00:1450::1",
            "1.1.1.1",
            "2a00:1450::2",
            "1.1.1.2",
        ]
    finally:
        resolver.close()


async def test_small_requests_go_out_at_once() -> None:
    async with stranger(fine) as server, network(settings()) as transport:
        await transport.exchange("GET", server.url(), {}, b"", BOUNDS)
        [connection] = transport._pool._open
        assert connection.transport is not None
        found = connection.transport.get_extra_info("socket")
        assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_refusal_in_the_same_moment_hides_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine makes two sockets answer in one turn of the loop whenever a test wants it: they are played."""
    monkeypatch.setattr(dial_module, "_STAGGER", 0.0)
    dialler, opened = dial_module.Dialler(settings()), object()
    for _ in range(30):
        gate = asyncio.Event()

        async def played(address: str, *_rest: object, gate: asyncio.Event = gate) -> object:
            await gate.wait()
            if address == LIVING:
                return opened
            raise ConnectionRefusedError(address)

        monkeypatch.setattr(dialler, "_open", played)
        origin = Origin("http", "both.example", 80)
        racing = asyncio.ensure_future(dialler._race([CLOSED, LIVING], origin, None))  # type: ignore[arg-type]
        await asyncio.sleep(0.002)
        gate.set()
        assert await racing is opened
    dialler.close()
