"""Connections over real sockets, on both event loops: which are kept, how many, who waits, and what leaving does."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound import Answer, Bounds, NetworkTransport
from fedi_cluster.outbound import pool as pool_module
from fedi_cluster.outbound.pool import MOST_OF_ONE
from tests.outbound.strangers import Heard, Stranger, network, places_taken, say, settings, stranger

pytestmark = pytest.mark.anyio

BOUNDS = Bounds(100_000, 1.0, 2.0, 3.0)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: their transports differ."""
    return "asyncio", {"use_uvloop": request.param}


def get(
    transport: NetworkTransport, server: Stranger, path: str = "/", host: str = "a.localhost"
) -> Awaitable[Answer]:
    return transport.exchange("GET", server.url(path, host), {}, b"", BOUNDS)


async def echo(heard: Heard, writer: asyncio.StreamWriter) -> None:
    say(writer, 200, heard.path.encode())


class Gate:
    """A server that answers with the path, but nothing until `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, heard: Heard, writer: asyncio.StreamWriter) -> None:
        await self.open.wait()
        await echo(heard, writer)


async def heard_of(server: Stranger, number: int) -> None:
    async with asyncio.timeout(2):
        while len(server.heard) < number:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)


async def test_of_one_server_eight_are_open_and_the_others_wait_in_order() -> None:
    gate = Gate()
    async with stranger(gate) as server, network(settings()) as transport:
        paths = [f"/{number}" for number in range(MOST_OF_ONE + 5)]
        asked = [asyncio.ensure_future(get(transport, server, path)) for path in paths]
        await heard_of(server, MOST_OF_ONE)
        await asyncio.sleep(0.05)
        assert len(server.heard) == server.connections == MOST_OF_ONE
        async with stranger(echo) as other:  # one whose server is full holds up nobody
            assert (await get(transport, other, "/other")).body == b"/other"
        gate.open.set()
        assert [(await one).body.decode() for one in asked] == paths
        assert [heard.path for heard in server.heard[MOST_OF_ONE:]] == paths[MOST_OF_ONE:]
        assert server.connections == MOST_OF_ONE


async def test_who_stops_waiting_holds_up_nobody() -> None:
    gate = Gate()
    async with stranger(gate) as server, network(settings()) as transport:
        asked = [asyncio.ensure_future(get(transport, server, f"/{n}")) for n in range(MOST_OF_ONE + 4)]
        await heard_of(server, MOST_OF_ONE)
        asked[MOST_OF_ONE].cancel()  # the first who waits
        asked[MOST_OF_ONE + 2].cancel()
        gate.open.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in found) == 2
        assert sum(isinstance(one, Answer) for one in found) == MOST_OF_ONE + 2
        assert not transport._pool._waiters


async def test_who_stops_in_the_moment_of_being_served_gives_it_to_the_next() -> None:
    async with network(settings()) as transport, stranger(echo) as server:
        await get(transport, server)
        pool = transport._pool
        [connection] = pool._idle
        origin = pool._open[connection].origin
        held = [pool.idle(origin), *[pool._find(origin, False) for _ in range(MOST_OF_ONE - 1)]]
        waiting = [
            asyncio.ensure_future(pool.take(origin, 1.0, asyncio.get_running_loop().time() + 2)) for _ in "ab"
        ]
        await asyncio.sleep(0)
        pool.rested(connection)  # served, but not yet running again
        waiting[0].cancel()
        assert await waiting[1] is connection
        assert waiting[0].cancelled()
        pool.rested(connection)
        for place in held[1:]:
            assert isinstance(place, pool_module._Host)
            pool._free(place)


async def test_all_together_are_bounded_and_those_at_rest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "MOST", 3)
    gate = Gate()
    async with stranger(echo) as quick, stranger(gate) as slow, network(settings()) as transport:
        for host in "abcde":
            await get(transport, quick, host=f"{host}.localhost")
            assert places_taken(transport) <= 3
        assert quick.connections == 5
        for host in 20 * "abcd":
            await get(transport, quick, host=f"{host}.localhost")
        assert quick.connections < 5 + 60, "of those that are needed in turn, some are still there"
        asked = [asyncio.ensure_future(get(transport, slow, host=f"{host}.localhost")) for host in "abcd"]
        await heard_of(slow, 3)
        late = asyncio.ensure_future(get(transport, quick, "/late"))
        await asyncio.sleep(0.05)
        assert places_taken(transport) == 3
        assert not late.done()
        gate.open.set()
        assert {(await one).status for one in asked} == {200}
        assert (await late).body == b"/late"


async def test_who_waits_too_long_for_a_place_is_told() -> None:
    gate = Gate()
    async with stranger(gate) as server, network(settings()) as transport:
        asked = [asyncio.ensure_future(get(transport, server)) for _ in range(MOST_OF_ONE)]
        await heard_of(server, MOST_OF_ONE)
        with pytest.raises(Unreachable, match="no answer in time"):
            await transport.exchange(
                "GET", server.url("/", "a.localhost"), {}, b"", replace(BOUNDS, total=0.1)
            )
        gate.open.set()
        await asyncio.gather(*asked)


async def test_a_connection_that_ended_at_rest_is_forgotten() -> None:
    async def once(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        say(writer, 200)
        await writer.drain()
        writer.close()

    async with stranger(once) as server, network(settings()) as transport:
        for _ in range(3):
            assert (await get(transport, server)).status == 200
            await asyncio.sleep(0.05)
            assert places_taken(transport) == 0
        assert len(server.heard) == server.connections == 3


@pytest.mark.parametrize("kept", [1, MOST_OF_ONE])
async def test_what_was_just_closing_is_replaced_once_by_a_fresh_one(kept: int) -> None:
    """Each kept connection ends with its next request, also that of the second try if it were a kept one."""
    asked_here: dict[asyncio.StreamWriter, int] = {}
    gate = asyncio.Event()

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        asked_here[writer] = asked_here.get(writer, 0) + 1
        if asked_here[writer] > 1 or heard.path == "/never":
            writer.close()
            return
        await gate.wait()
        say(writer, 200)

    async with stranger(behave) as server, network(settings()) as transport:
        asked = [asyncio.ensure_future(get(transport, server)) for _ in range(kept)]
        await heard_of(server, kept)
        gate.set()
        await asyncio.gather(*asked)
        assert (await get(transport, server)).status == 200
        assert (len(server.heard), server.connections) == (kept + 2, kept + 1)
        with pytest.raises(Unreachable, match="ConnectionReset"):
            await get(transport, server, "/never")  # a kept one, then a fresh one, and no third
        assert (len(server.heard), server.connections) == (kept + 4, kept + 2)


async def test_a_fresh_connection_that_ends_is_not_replaced() -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with stranger(behave) as server, network(settings()) as transport:
        with pytest.raises(Unreachable):
            await get(transport, server)
        assert server.connections == 1


async def test_what_rests_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "HELD", 0.8)
    async with stranger(echo) as server, network(settings()) as transport:
        for host in "abc":
            await get(transport, server, host=f"{host}.localhost")
        assert places_taken(transport) == 3
        await asyncio.sleep(0.4)
        await get(transport, server)  # `a` rests anew
        await asyncio.sleep(0.6)
        assert places_taken(transport) == 1
        await asyncio.sleep(0.5)
        assert places_taken(transport) == 0
        assert transport._pool._timer is None


async def test_half_an_answer_is_never_another_ones() -> None:
    gone = asyncio.Event()

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        if heard.path == "/half":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            await writer.drain()
            await gone.wait()
            if not writer.is_closing():
                writer.write(b"answer")
        else:
            await echo(heard, writer)

    async with stranger(behave) as server, network(settings()) as transport:
        for number in range(MOST_OF_ONE + 2):
            gone.clear()
            left = asyncio.ensure_future(get(transport, server, "/half"))
            await heard_of(server, 2 * number + 1)
            await asyncio.sleep(0.01)
            left.cancel()
            gone.set()
            assert (await get(transport, server, f"/{number}")).body == f"/{number}".encode()
            assert left.cancelled()
        assert places_taken(transport) <= 2


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_leaves_whenever_the_others_get_their_own_answers(seed: int) -> None:
    dice = random.Random(seed)

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.003)))
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(heard.path)}\r\n"
        for part in (head[:20], head[20:], "\r\n", heard.path):
            if not writer.is_closing():
                writer.write(part.encode())
                await asyncio.sleep(dice.choice((0, 0, 0.001)))
        if dice.random() < 0.1:
            writer.close()

    async with stranger(behave) as server, network(settings()) as transport:

        async def visit(number: int) -> bool:
            task = asyncio.ensure_future(get(transport, server, f"/{number}", f"{number % 2}.localhost"))
            if dice.random() < 0.5:
                asyncio.get_running_loop().call_later(dice.uniform(0, 0.03), task.cancel)
            try:
                return (await task).body == f"/{number}".encode()
            except (asyncio.CancelledError, Unreachable):
                return True

        for turn in range(8):
            assert all(await asyncio.gather(*(visit(40 * turn + number) for number in range(40))))
        assert not transport._pool._waiters


async def hang(_heard: Heard, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


def deaf() -> Iterator[int]:
    """A port whose queue is full, so that nobody connects and nobody is refused."""
    with ExitStack() as stack:
        listening = stack.enter_context(closing(socket.socket()))
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


deaf_port = pytest.fixture(deaf)


async def test_close_ends_reading_waiting_connecting_and_rest(deaf_port: int) -> None:
    async with stranger(hang) as server, stranger(echo) as quick:
        transport = NetworkTransport(settings())
        await get(transport, quick)
        asked = [asyncio.ensure_future(get(transport, server)) for _ in range(MOST_OF_ONE + 1)]
        asked.append(asyncio.ensure_future(get(transport, Stranger(deaf_port))))
        await heard_of(server, MOST_OF_ONE)
        began = asyncio.get_running_loop().time()
        await transport.close()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 0.5
        assert all(isinstance(one, Unreachable) for one in found)
        assert places_taken(transport) == 0
        with pytest.raises(Unreachable, match="closed"):
            await get(transport, quick)
        await transport.close()


async def test_who_leaves_while_it_connects_leaves_its_place(deaf_port: int) -> None:
    async with network(settings()) as transport:
        asked = [asyncio.ensure_future(get(transport, Stranger(deaf_port))) for _ in range(MOST_OF_ONE + 2)]
        await asyncio.sleep(0.05)
        assert places_taken(transport) == MOST_OF_ONE
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert places_taken(transport) == 0
        assert not transport._pool._waiters


async def test_connecting_is_bounded_by_its_own_time(deaf_port: int) -> None:
    async with network(settings()) as transport:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match="no answer in time"):
            await transport.exchange(
                "GET", Stranger(deaf_port).url("/"), {}, b"", replace(BOUNDS, connect=0.2)
            )
        assert asyncio.get_running_loop().time() - began < 0.7
