"""Delivering to strangers over real sockets: no redirects, the status counts, one body."""

import asyncio
import time

import pytest

from fedi_cluster.kernel.errors import Unreachable
from tests.outbound.strangers import Heard, client, say, settings, stranger

pytestmark = pytest.mark.anyio


async def test_a_delivery_is_signed_over_its_body_and_answered() -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        say(writer, 202, b"thanks")

    async with stranger(behave) as server, client(settings()) as outbound:
        answer = await outbound.post(
            server.url("/inbox"),
            b'{"a":1}',
            signer=lambda method, url, body: {"Signature": f"{method} {url} {body!r}"},
        )
        assert (answer.status, answer.body) == (202, b"thanks")
        [heard] = server.heard
        assert (heard.method, heard.body) == ("POST", b'{"a":1}')
        assert heard.headers["content-type"] == "application/activity+json"
        assert heard.headers["signature"] == f"POST {server.url('/inbox')} {heard.body!r}"
        assert heard.headers["user-agent"].startswith("fedi-cluster/")


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_a_delivery_follows_no_redirect(status: int) -> None:
    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        say(writer, status, location="/other")

    async with stranger(behave) as server, client(settings()) as outbound:
        assert (await outbound.post(server.url(), b"{}")).status == status
        assert len(server.heard) == 1


async def test_an_endless_or_odd_answer_does_not_undo_a_delivery() -> None:
    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        match heard.path:
            case "/long":
                say(writer, 202, b"x" * 200_000)
            case "/odd":
                say(writer, 202, b"x", content_encoding="br")
            case _:
                writer.write(b"HTTP/1.1 202 OK\r\ncontent-length: 9\r\n\r\nstall")
                await asyncio.sleep(3)

    async with stranger(behave) as server, client(settings()) as outbound:
        for path in ("/long", "/odd", "/stalls"):
            start = time.monotonic()
            assert (await outbound.post(server.url(path), b"{}")).status == 202
            assert time.monotonic() - start < 0.9


async def test_a_silent_inbox_is_left_in_time() -> None:
    async def behave(_heard: Heard, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)

    async with stranger(behave) as server, client(settings(LIMITS_DELIVERY_TOTAL="0.2")) as outbound:
        start = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            await outbound.post(server.url(), b"{}")
        assert time.monotonic() - start < 0.6


async def test_a_pooled_connection_that_was_just_closed_is_replaced() -> None:
    seen = 0

    async def behave(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            writer.close()  # instead of an answer, as a server does whose keep-alive ended that moment
            return
        say(writer, 202)

    async with stranger(behave) as server, client(settings()) as outbound:
        for _ in range(2):
            assert (await outbound.post(server.url(), b"{}")).status == 202
        assert len(server.heard) == 3
