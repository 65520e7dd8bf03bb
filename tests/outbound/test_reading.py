"""Reading from strangers over real sockets: redirects, signatures, sizes and times."""

import asyncio
import gzip
import time
from collections.abc import Mapping

import pytest

from fedi_cluster import __version__
from fedi_cluster.kernel.errors import TooLarge, Unreachable
from tests.outbound.strangers import Behave, Heard, client, say, settings, stranger

pytestmark = pytest.mark.anyio


def sign(method: str, url: str, body: bytes) -> Mapping[str, str]:
    return {"Signature": f"{method} {url} {len(body)}"}


def always(status: int, body: bytes = b"", **headers: str) -> Behave:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        say(writer, status, body, **headers)

    return behave


async def test_an_answer_comes_whole_with_lower_case_headers_and_we_say_who_we_are() -> None:
    async with stranger(always(404, b"{}", Content_Type="application/json", X_Two="a")) as server:
        async with client(settings()) as outbound:
            answer = await outbound.get(server.url("/a?b=c#d"), accept="application/activity+json")
        assert (answer.status, answer.body, answer.url) == (404, b"{}", server.url("/a?b=c"))
        assert answer.headers["content-type"] == "application/json"
        [heard] = server.heard
        assert heard.path == "/a?b=c"
        assert heard.headers["host"] == f"stranger.localhost:{server.port}"
        assert heard.headers["user-agent"] == f"fedi-cluster/{__version__} (+http://ours.localhost:1/)"
        assert heard.headers["accept"] == "application/activity+json"
        assert "cookie" not in heard.headers


async def test_connections_are_held_and_cookies_are_not() -> None:
    async with stranger(always(200, b"x", set_cookie="a=b")) as server, client(settings()) as outbound:
        for _ in range(5):
            await outbound.get(server.url())
        assert server.connections == 1
        assert all("cookie" not in heard.headers for heard in server.heard)


async def test_every_hop_is_signed_anew_and_secrets_stay_with_their_server() -> None:
    async with (
        stranger(always(200, b"there")) as second,
        stranger(always(302, location=second.url("/there", "second.localhost"))) as first,
        client(settings()) as outbound,
    ):
        answer = await outbound.get(
            first.url("/here"), signer=sign, headers={"Authorization": "Bearer x", "X-Kept": "1"}
        )
        assert answer.body == b"there"
        assert answer.url == second.url("/there", "second.localhost")
        assert first.heard[0].headers["signature"] == f"GET {first.url('/here')} 0"
        assert first.heard[0].headers["authorization"] == "Bearer x"
        assert second.heard[0].headers["signature"] == f"GET {answer.url} 0"
        assert "authorization" not in second.heard[0].headers
        assert second.heard[0].headers["x-kept"] == "1"


async def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        number = int(heard.path[1:])
        if number:
            say(writer, 307, location=f"/{number - 1}")
        else:
            say(writer, 200, b"end")

    async with stranger(behave) as server, client(settings()) as outbound:
        assert (await outbound.get(server.url("/3"))).body == b"end"
        with pytest.raises(Unreachable, match="too many redirects"):
            await outbound.get(server.url("/4"))
        assert len(server.heard) == 8


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/", "circle"),
        ("http://10.0.0.1/", "an address instead"),
        ("http://[::1]:5432/", "an address instead"),
        ("https://rostock.example/", "another scheme"),
        ("file:///etc/passwd", "neither https nor http"),
        ("//user@stranger.localhost/", "user part"),
        ("http://[::1", "no URL"),
        ("http://ours.localhost:1/actor", "our own server"),
        ("http://rostock.example:443/", "plain http on port 443"),
    ],
)
async def test_redirects_that_lead_astray_are_not_followed(location: str, reason: str) -> None:
    async with stranger(always(301, location=location)) as server, client(settings()) as outbound:
        with pytest.raises(Unreachable, match=reason) as caught:
            await outbound.get(server.url())
        assert caught.value.permanent
        assert len(server.heard) == 1


async def test_a_redirect_without_a_place_is_an_answer() -> None:
    async with stranger(always(302)) as server, client(settings()) as outbound:
        assert (await outbound.get(server.url())).status == 302


async def test_our_own_documents_are_not_fetched() -> None:
    async with client(settings()) as outbound:
        with pytest.raises(Unreachable, match="our own server"):
            await outbound.get("http://ours.localhost:1/actor")


async def test_a_declared_size_over_the_limit_is_not_even_read() -> None:
    async with stranger(always(200, b"x" * 4097)) as server, client(settings()) as outbound:
        with pytest.raises(TooLarge):
            await outbound.get(server.url())
        assert len((await outbound.get(server.url(), max_bytes=4097)).body) == 4097


async def test_a_stream_without_end_stops_at_the_limit() -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async with stranger(behave) as server, client(settings()) as outbound:
        with pytest.raises(TooLarge):
            await outbound.get(server.url())


async def test_gzip_is_decoded_also_in_members() -> None:
    packed = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0)
    async with (
        stranger(always(200, packed, content_encoding="gzip")) as server,
        client(settings()) as outbound,
    ):
        assert (await outbound.get(server.url())).body == b"one two"


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(b"\0" * 4097, mtime=0),
        gzip.compress(b"\0" * 3_500_000, mtime=0),
        gzip.compress(b"x" * 3000, mtime=0) + gzip.compress(b"x" * 3000, mtime=0),
        gzip.compress(b"", mtime=0) * 300,
    ],
)
async def test_the_limit_holds_for_what_is_unpacked(bomb: bytes) -> None:
    async with stranger(always(200, bomb, content_encoding="gzip")) as server, client(settings()) as outbound:
        with pytest.raises(TooLarge):
            await outbound.get(server.url())


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"x"),
        ("gzip, gzip", b"x"),
        ("gzip", b"no gzip"),
        ("gzip", gzip.compress(b"abc" * 50, mtime=0)[:-9]),
    ],
)
async def test_other_codings_and_broken_ones_are_refused(coding: str, body: bytes) -> None:
    async with stranger(always(200, body, content_encoding=coding)) as server, client(settings()) as outbound:
        with pytest.raises(Unreachable):
            await outbound.get(server.url())


async def quiet(_heard: Heard, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def drip(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 202 OK\r\ncontent-length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def drip_head(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"x-a: b\r\n")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(("behave", "longest"), [(quiet, 0.9), (drip, 0.9), (drip_head, 1.6)])
async def test_slow_servers_are_left(behave: Behave, longest: float) -> None:
    async with stranger(behave) as server, client(settings()) as outbound:
        start = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await outbound.get(server.url())
        assert time.monotonic() - start < longest
        assert not caught.value.permanent


async def test_redirects_share_one_time() -> None:
    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        say(writer, 302, location=f"{heard.path}x")

    async with stranger(behave) as server, client(settings(LIMITS_TOTAL="0.7")) as outbound:
        with pytest.raises(Unreachable, match="no answer in time"):
            await outbound.get(server.url())


@pytest.mark.parametrize(
    "raw",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", b"HTTP/1.1 200 OK\r\n"],
)
async def test_broken_answers_are_unreachable(raw: bytes) -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with stranger(behave) as server, client(settings()) as outbound:
        with pytest.raises(Unreachable):
            await outbound.get(server.url())
