"""The form of requests and answers over real sockets, on both event loops: what is read, refused and kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from fedi_cluster.kernel.errors import TooLarge, Unreachable
from fedi_cluster.outbound import Answer, Bounds, NetworkTransport
from fedi_cluster.outbound import connection as connection_module
from fedi_cluster.outbound.connection import LONGEST_HEAD, LONGEST_LINE, MOST_INTERIM, MOST_LINES
from tests.outbound.strangers import Behave, Heard, Stranger, network, say, settings, stranger

pytestmark = pytest.mark.anyio

BOUNDS = Bounds(100_000, 1.0, 1.0, 3.0)
DELIVERY = replace(BOUNDS, cut=True)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: their transports differ."""
    return "asyncio", {"use_uvloop": request.param}


def raw(answer: bytes, *, closes: bool = False, step: int = 0) -> Behave:
    """Answers with these very bytes, `step` at a time where given."""

    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(answer), step or len(answer)):
            writer.write(answer[at : at + (step or len(answer))])
            await writer.drain()
            await asyncio.sleep(0)
        if closes:
            writer.close()

    return behave


async def ask(
    transport: NetworkTransport,
    server: Stranger,
    method: str = "GET",
    *,
    bounds: Bounds = BOUNDS,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    return await transport.exchange(method, server.url("/x"), headers or {}, body, bounds)


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize(
    ("answer", "closes", "status", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", False, 200, b"hello"),
        (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", False, 200, b"hello"),
        (CHUNKED + b'2;a=b;c="d"\r\nhe\r\n03 ;e\r\nllo\r\n0\r\nX-Sum: 1\r\nETag: late\r\n\r\n', False, 200, b"hello"),
        (CONTINUE + b"HTTP/1.1 103 Early Hints\r\nETag: early\r\n\r\n" + TAKEN, False, 202, b""),
        (CONTINUE * MOST_INTERIM + TAKEN, False, 202, b""),
        (OK + b"\r\nhello", True, 200, b"hello"),
        (OK + b"\r\n", True, 200, b""),
        (b"HTTP/1.0 200\r\nContent-Length: 5\r\n\r\nhello", False, 200, b"hello"),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", False, 200, b"hello"),
        (OK + b"Upgrade: h2\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\nx", False, 200, b"x"),
        (OK + b"X-A:\r\nX-B: b  \r\nContent-Length:0\r\n\r\n", False, 200, b""),
    ],
)  # fmt: skip
async def test_answers_are_read_however_they_are_cut(
    answer: bytes, closes: bool, status: int, body: bytes, step: int
) -> None:
    async with stranger(raw(answer, closes=closes, step=step)) as server, network(settings()) as transport:
        found = await ask(transport, server)
        assert (found.status, found.body, found.url) == (status, body, server.url("/x"))
        assert "etag" not in found.headers  # neither of an interim answer nor of a trailer


async def test_headers_are_lower_case_joined_and_lose_no_byte() -> None:
    answer = OK + b"Vary: a\r\nX-Name: caf\xe9\r\nVARY: b\r\nContent-Length: 0\r\n\r\n"
    async with stranger(raw(answer)) as server, network(settings()) as transport:
        found = await ask(transport, server)
        assert found.headers == {"vary": "a, b", "x-name": "caf\udce9", "content-length": "0"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 304 No\r\nContent-Length: 5\r\nContent-Encoding: br\r\n\r\n",
    ],
)
async def test_answers_without_a_body(answer: bytes) -> None:
    async with stranger(raw(answer)) as server, network(settings()) as transport:
        for _ in range(3):
            assert (await ask(transport, server)).body == b""
        assert server.connections == 1


REFUSED = {
    "length and coding": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths in one": OK + b"Content-Length: 2, 3\r\n\r\nabc",
    "negative length": OK + b"Content-Length: -2\r\n\r\nab",
    "endless length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nab",
    "packed transfer": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "packed to the end": OK + b"Transfer-Encoding: gzip\r\n\r\nx",
    "no chunk": CHUNKED + b"zz\r\n",
    "chunk overflow": CHUNKED + b"fffffffffffffffff\r\nx",
    "upgrade": b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nxxxx",
    "bare 101": b"HTTP/1.1 101 Go\r\n\r\n" + TAKEN,
    "interim for ever": CONTINUE * (MOST_INTERIM + 1) + TAKEN,
    "interim body": b"HTTP/1.1 103 So\r\nContent-Length: 3\r\n\r\nabc" + TAKEN,
    "status 99": b"HTTP/1.1 099 So\r\nContent-Length: 0\r\n\r\n",
    "status 1000": b"HTTP/1.1 1000 So\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "NUL": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "lone CR": OK + b"X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "blank in a name": OK + b"Content-Length : 0\r\n\r\n",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "long line": OK + b"X: " + b"x" * LONGEST_LINE + b"\r\nContent-Length: 0\r\n\r\n",
    "long head": OK + (b"X: " + b"x" * 4000 + b"\r\n") * 20 + b"Content-Length: 0\r\n\r\n",
    "many lines": OK + b"X: x\r\n" * MOST_LINES + b"Content-Length: 0\r\n\r\n",
    "endless line": OK + b"X: " + b"x" * (2 * LONGEST_HEAD + 300_000),
    "endless reason": b"HTTP/1.1 200 " + b"x" * (2 * LONGEST_HEAD + 300_000),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("bounds", [BOUNDS, DELIVERY], ids=["read", "delivery"])
async def test_what_has_no_one_reading_is_refused_and_closed(answer: bytes, bounds: Bounds) -> None:
    async with stranger(raw(answer)) as server, network(settings()) as transport:
        if answer.startswith(CHUNKED) and bounds.cut:  # the status was known before
            assert (await ask(transport, server, "POST", bounds=bounds)).status == 200
        else:
            with pytest.raises(Unreachable) as caught:
                await ask(transport, server, "POST", bounds=bounds)
            assert "no answer in time" not in caught.value.detail
        assert len(server.heard) == 1
        assert not transport._pool._open


@pytest.mark.parametrize(
    "framing", [b"1;" + b"x" * 600_000, b"0\r\nX: " + b"x" * 600_000, b"0\r\n" + b"X: x\r\n" * 100_000]
)
async def test_framing_without_a_body_ends(framing: bytes) -> None:
    async with stranger(raw(CHUNKED + framing)) as server, network(settings()) as transport:
        with pytest.raises(Unreachable, match="BadAnswer"):
            await ask(transport, server)


@pytest.mark.parametrize("extra", [TAKEN, b"HTTP/1.1 2", b"x"])
async def test_bytes_after_the_answer_answer_nothing(extra: bytes) -> None:
    async with (
        stranger(raw(OK + b"Content-Length: 1\r\n\r\na" + extra)) as server,
        network(settings()) as transport,
    ):
        for count in (1, 2):
            assert (await ask(transport, server)).body == b"a"
            assert server.connections == count


async def test_bytes_that_come_while_nobody_asked_answer_nothing() -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        say(writer, 200, b"a")
        await writer.drain()
        await asyncio.sleep(0.02)
        say(writer, 200, b"stray")

    async with stranger(behave) as server, network(settings()) as transport:
        for count in (1, 2):
            assert (await ask(transport, server)).body == b"a"
            assert server.connections == count
            await asyncio.sleep(0.1)
            assert not transport._pool._open


@pytest.mark.parametrize(
    ("answer", "closes", "kept"),
    [
        (OK + b"Content-Length: 1\r\n\r\na", False, True),
        (OK + b"Content-Length: 1\r\nConnection: close\r\n\r\na", False, False),
        (OK + b"Connection: Close, x\r\nContent-Length: 1\r\n\r\na", False, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", False, False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", False, True),
        (OK + b"\r\na", True, False),
        (CHUNKED + b"1\r\na\r\n0\r\n\r\n", False, True),
    ],
)
async def test_which_connections_are_kept(answer: bytes, closes: bool, kept: bool) -> None:
    async with stranger(raw(answer, closes=closes)) as server, network(settings()) as transport:
        for _ in range(3):
            assert (await ask(transport, server)).body == b"a"
        assert server.connections == (1 if kept else 3)


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 9\r\n\r\nhel", b"\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"],
)
@pytest.mark.parametrize("torn", [False, True], ids=["ended", "reset"])
async def test_half_a_body_is_no_answer_but_to_a_delivery(framing: bytes, torn: bool) -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + framing)
        await writer.drain()
        await asyncio.sleep(0.05)
        if torn:
            abort_with_reset(writer)
        writer.close()

    async with stranger(behave) as server, network(settings()) as transport:
        if framing == b"\r\nhel" and not torn:
            assert (await ask(transport, server)).body == b"hel"
        else:
            with pytest.raises(Unreachable, match="ConnectionReset"):
                await ask(transport, server)
        assert (await ask(transport, server, "POST", bounds=DELIVERY)).body == b"hel"
        assert not transport._pool._open


def abort_with_reset(writer: asyncio.StreamWriter) -> None:
    import socket
    import struct

    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_the_rest_of_a_delivery_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 9\r\n\r\nhel")
        await asyncio.sleep(1.5)

    async with stranger(behave) as server, network(settings()) as transport:
        loop = asyncio.get_running_loop()
        began = loop.time()  # a little before its end in all, the status counts
        found = await ask(transport, server, bounds=replace(DELIVERY, total=0.3))
        assert (found.status, found.body) == (200, b"hel")
        assert loop.time() - began < 0.6
        monkeypatch.setattr(connection_module, "_LONGEST_REST", 0.2)
        began = loop.time()
        assert (await ask(transport, server, bounds=DELIVERY)).body == b"hel"
        assert loop.time() - began < 0.6


async def test_a_body_over_its_bound_ends_at_once() -> None:
    bounds = replace(BOUNDS, max_bytes=4)
    for answer in (
        CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n",
        OK + b"\r\nabcde",
        OK + b"Content-Length: 5\r\n\r\n",
    ):
        async with stranger(raw(answer)) as server, network(settings()) as transport:
            with pytest.raises(TooLarge):
                await ask(transport, server, bounds=bounds)
            assert not transport._pool._open
            assert (await ask(transport, server, bounds=replace(bounds, read=0.1, cut=True))).status == 200


async def test_a_body_in_tiny_pieces_is_read() -> None:
    answer = CHUNKED + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"
    async with stranger(raw(answer)) as server, network(settings()) as transport:
        assert (await ask(transport, server)).body == b"x" * 50_000


async def test_a_request_goes_out_as_it_was_given() -> None:
    async with stranger(raw(TAKEN)) as server, network(settings()) as transport:
        path = "/a%2Fb/../c;d/?q=%C3%A4&x=[]&&y=~'"
        headers = {"Zulu": "1", "Signature": 'keyId="x",b=', "Alpha": "ü", "Host": "of.example:1"}
        await transport.exchange("POST", server.url(path + "#part"), headers, b"\0\r\n", BOUNDS)
        await transport.exchange("POST", server.url(), {}, b"", BOUNDS)
        await transport.exchange("GET", server.url(), {}, b"", BOUNDS)
        first, second, third = server.heard
        assert (first.path, first.body) == (path, b"\0\r\n")
        assert list(first.headers.items()) == [
            ("zulu", "1"), ("signature", 'keyId="x",b='), ("alpha", "ü"), ("host", "of.example:1"), ("content-length", "3"),
        ]  # fmt: skip
        assert second.headers == {"host": f"stranger.localhost:{server.port}", "content-length": "0"}
        assert third.headers == {"host": f"stranger.localhost:{server.port}"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"X": "a\r\nY: b"}),
        ("/", {"X": "a\n"}),
        ("/", {"X": "a\0"}),
        ("/", {"X\r\nY": "a"}),
        ("/", {"X": "half \ud800"}),
        ("/a b", {}),
        ("/a\r\nX: b", {}),
        ("/ä", {}),
    ],
)
async def test_what_would_break_a_request_is_not_sent(path: str, headers: Mapping[str, str]) -> None:
    async with stranger(raw(TAKEN)) as server, network(settings()) as transport:
        with pytest.raises(Unreachable):
            await transport.exchange("POST", server.url(path), headers, b"", BOUNDS)
        assert server.connections == 0


async def test_silence_is_measured_anew_with_each_byte_of_a_head_and_once_for_a_body() -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        for part in (b"HTTP/1.1 ", b"200 OK\r\n", b"Content-Length: 9\r\n", b"\r\n", *[b"x"] * 9):
            if not writer.is_closing():
                writer.write(part)
                await asyncio.sleep(0.2)

    async with stranger(behave) as server, network(settings()) as transport:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match="no answer in time"):
            await ask(transport, server, bounds=replace(BOUNDS, read=0.5))
        assert 0.9 < asyncio.get_running_loop().time() - began < 1.6
        found = await ask(transport, server, bounds=replace(BOUNDS, read=0.5, cut=True))
        assert found.status == 200
        assert found.body.startswith(b"x")
